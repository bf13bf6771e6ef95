// An Envoy of its own for one workload: writes its bootstrap, starts it, waits until it serves, answers questions about
// it.

import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type BootstrapOptions, bootstrap } from "./bootstrap.ts";
import { discoveryResponse, type FilterOptions } from "./filter-config.ts";
import { Child } from "./process.ts";

export interface SidecarOptions extends BootstrapOptions {
  /** Where bootstrap and log go: `<node>.json`, `<node>.log`. */
  folder: string;
  /** Path of the Envoy binary. */
  binary: string;
  /** Worker threads. */
  concurrency: number;
  /** Envoy's log level, and that of its wasm component. */
  logLevel?: string;
  wasmLogLevel?: string;
}

export class Sidecar {
  private constructor(
    readonly options: SidecarOptions,
    readonly child: Child,
  ) {}

  /** Resolves when it serves. Throws with the last lines of its log if it refuses its bootstrap. */
  static async start(options: SidecarOptions): Promise<Sidecar> {
    await mkdir(options.folder, { recursive: true });
    if (options.filter?.discovery) await replaceDiscovered(options.filter);
    const file = join(options.folder, `${options.node}.json`);
    await writeFile(file, JSON.stringify(bootstrap(options), null, 2));
    const child = new Child({
      name: `Envoy ${options.node}`,
      command: options.binary,
      args: [
        ...["--config-path", file, "--concurrency", String(options.concurrency)],
        // Ten seconds by default: too long to wait for a line of the access log.
        ...["--file-flush-interval-msec", "200"],
        ...["--disable-hot-restart", "--log-level", options.logLevel ?? "warning"],
        ...["--component-log-level", `wasm:${options.wasmLogLevel ?? "info"}`],
      ],
      logFile: join(options.folder, `${options.node}.log`),
    });
    const sidecar = new Sidecar(options, child);
    await child.until("it is ready", () => sidecar.ready());
    return sidecar;
  }

  /** Gives the running Envoy a new configuration of the filter. Only with `filter.discovery`. */
  async reconfigure(filter: FilterOptions): Promise<void> {
    if (!filter.discovery || filter.discovery !== this.options.filter?.discovery) {
      throw new Error(`${this.child.name}: its filter is not read from ${filter.discovery ?? "a file"}`);
    }
    await replaceDiscovered(filter);
  }

  async ready(): Promise<boolean> {
    return await this.admin("ready").then(
      (text) => text.startsWith("LIVE"),
      () => false,
    );
  }

  /** Body of an admin page, for instance `stats?filter=vedette`. Throws on any status but 200. */
  async admin(page: string): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${this.options.adminPort}/${page}`);
    if (response.status !== 200) throw new Error(`${this.child.name}: admin page ${page} answers ${response.status}`);
    return await response.text();
  }

  /** Counters and gauges by name; histograms are left out. */
  async stats(filter = ""): Promise<Map<string, number>> {
    const text = await this.admin(`stats?filter=${encodeURIComponent(filter)}`);
    const pairs = text.split("\n").map((line) => /^(.*): (\d+)$/.exec(line));
    return new Map(pairs.flatMap((pair) => (pair ? [[pair[1]!, Number(pair[2])] as const] : [])));
  }

  async stop(): Promise<void> {
    await this.child.stop();
  }
}

/** Envoy watches for moves only. */
async function replaceDiscovered(filter: FilterOptions): Promise<void> {
  const staging = `${filter.discovery}.new`;
  await writeFile(staging, JSON.stringify(discoveryResponse(filter)));
  await rename(staging, filter.discovery!);
}
