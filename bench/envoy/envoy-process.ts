// One of the bench's Envoys: started with a configuration, waited for, and asked for its statistics.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Json } from "../../envoy/cluster.ts";
import { Child } from "../../envoy/process.ts";

export interface EnvoyOptions {
  /** Of its files in the folder. */
  name: string;
  folder: string;
  binary: string;
  config: Json;
  adminPort: number;
  /** Worker threads; 1 unless told. */
  concurrency?: number;
}

export class EnvoyProcess {
  private constructor(
    readonly child: Child,
    readonly adminPort: number,
  ) {}

  /** Starts it without waiting. */
  static async spawn({
    name,
    folder,
    binary,
    config,
    adminPort,
    concurrency = 1,
  }: EnvoyOptions): Promise<EnvoyProcess> {
    const file = join(folder, `${name}.json`);
    await writeFile(file, JSON.stringify(config));
    const args = ["--config-path", file, "--concurrency", String(concurrency), "--disable-hot-restart"];
    const child = new Child({
      ...{ name: `Envoy ${name}`, command: binary, args: [...args, "--log-level", "warning"] },
      logFile: join(folder, `${name}.log`),
    });
    return new EnvoyProcess(child, adminPort);
  }

  /** Resolves when it serves. Throws with the last lines of its log if it refuses its configuration. */
  static async start(options: EnvoyOptions): Promise<EnvoyProcess> {
    const proxy = await EnvoyProcess.spawn(options);
    await proxy.child.until("it is ready", () => proxy.isLive());
    return proxy;
  }

  get pid(): number {
    return this.child.pid;
  }

  async isLive(): Promise<boolean> {
    return await this.admin("ready").then(
      (text) => text.startsWith("LIVE"),
      () => false,
    );
  }

  /** As it tells it: commit, version, build. Throws where it is no release build: others are many times slower. */
  async version(): Promise<string> {
    const { version } = JSON.parse(await this.admin("server_info")) as { version: string };
    if (!version.includes("/RELEASE/")) throw new Error(`Envoy ${version}: must be a release build`);
    return version;
  }

  /** Counters and gauges whose names match, by name. */
  async stats(filter: string): Promise<Map<string, number>> {
    const text = await this.admin(`stats?filter=${encodeURIComponent(filter)}`);
    const pairs = text.split("\n").map((line) => /^(.*): (\d+)$/.exec(line));
    return new Map(pairs.flatMap((pair) => (pair ? [[pair[1]!, Number(pair[2])] as const] : [])));
  }

  /** The one counter whose name matches; 0 where there is none yet. Throws where there are several. */
  async counter(filter: string): Promise<number> {
    const found = [...(await this.stats(filter))];
    if (found.length > 1) throw new Error(`${filter}: ${found.map(([name]) => name)}, must be one counter`);
    return found[0]?.[1] ?? 0;
  }

  async stop(): Promise<void> {
    await this.child.stop();
  }

  private async admin(page: string): Promise<string> {
    return await (await fetch(`http://127.0.0.1:${this.adminPort}/${page}`)).text();
  }
}
