// What everything here stands on: a folder, the upstream, a control plane, and Envoys and other processes that are
// started before that upstream. `close` stops and removes all of it, in reverse order.

import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { ControlPlane } from "../../envoy/control-plane.ts";
import { Operator } from "../../envoy/demo/operator.ts";
import { Lifetime } from "../../envoy/lifetime.ts";
import { freePorts } from "../../envoy/ports.ts";
import { removeIfKilled } from "../../envoy/process.ts";
import { MESH } from "./arms.ts";
import { type ConfigSpec, proxyConfig, upstreamConfig } from "./config.ts";
import { type EnvoyOptions, EnvoyProcess } from "./envoy-process.ts";
import { buildNoop } from "./noop.ts";

/** The filter under measurement. */
const BUILT = resolve(import.meta.dirname, "..", "..", "filter", "build", "vedette.wasm");

export interface BedOptions {
  /** Path of the Envoy binary. */
  binary: string;
  /** VEDETTE_* variables of the control plane. */
  settings: Record<string, string>;
}

export type NewEnvoy = Omit<ConfigSpec, "adminPort" | "upstreamPort" | "workload"> & Pick<EnvoyOptions, "concurrency">;

export class Bed {
  private constructor(
    readonly folder: string,
    readonly binary: string,
    readonly upstreamPort: number,
    readonly plane: ControlPlane,
    readonly operator: Operator,
    /** Paths of the two modules; of ours it is a copy, so that a whole run is of one build. */
    readonly wasm: string,
    readonly noop: string,
    private readonly lifetime: Lifetime,
  ) {}

  /** Everything ends with the process, however that ends. */
  static async open({ binary, settings }: BedOptions): Promise<Bed> {
    const lifetime = new Lifetime((line) => console.error(line));
    const folder = await mkdtemp(join(tmpdir(), "vedette-bench-"));
    removeIfKilled(folder);
    lifetime.onStop("folder", () => rm(folder, { recursive: true, force: true }));
    try {
      const [port, adminPort, sidecarPort, operatorPort, httpPort] = (await freePorts(5)) as Five;
      const config = upstreamConfig(port, adminPort);
      const upstream = await EnvoyProcess.start({ name: "upstream", folder, binary, adminPort, config });
      lifetime.onStop("upstream", () => upstream.stop());
      const plane = await ControlPlane.start({ folder, mesh: MESH, sidecarPort, operatorPort, httpPort, settings });
      lifetime.onStop("control plane", () => plane.stop());
      const operator = new Operator(plane.operatorAddress);
      lifetime.onStop("operator", () => operator.close());
      const wasm = join(folder, "vedette.wasm");
      await copyFile(BUILT, wasm).catch(() => {
        throw new Error("filter/build/vedette.wasm is not there: npm run build");
      });
      return new Bed(folder, binary, port, plane, operator, wasm, buildNoop(folder), lifetime);
    } catch (error) {
      await lifetime.stop();
      throw error;
    }
  }

  /** Called at the end, before what was started earlier is stopped. */
  onClose(name: string, stop: () => unknown): void {
    this.lifetime.onStop(name, stop);
  }

  async close(): Promise<void> {
    await this.lifetime.stop();
  }

  /** The filter's stream to the control plane, or to another port. */
  controlPlane(port = this.plane.options.sidecarPort): { host: string; port: number } {
    return { host: "127.0.0.1", port };
  }

  /** Spawns an Envoy without waiting for it; it is stopped at the end, unless it was before. */
  async spawn({ concurrency = 1, ...spec }: NewEnvoy): Promise<EnvoyProcess> {
    const [adminPort] = (await freePorts(1)) as [number];
    const config = proxyConfig({ ...spec, adminPort, upstreamPort: this.upstreamPort, workload: "bench" });
    const { folder, binary } = this;
    const proxy = await EnvoyProcess.spawn({ name: spec.node, folder, binary, config, adminPort, concurrency });
    this.onClose(spec.node, () => proxy.stop());
    return proxy;
  }

  /** As `spawn`; resolves when it serves. */
  async proxy(spec: NewEnvoy): Promise<EnvoyProcess> {
    const proxy = await this.spawn(spec);
    await proxy.child.until("it is ready", () => proxy.isLive());
    return proxy;
  }
}

type Five = [number, number, number, number, number];
