// What an end-to-end test stands on: a folder, certificates, the control plane as a child that can be killed and
// started again on the same data, a counting upstream, and sidecars on the real Envoy. `inLab` stops and removes all of
// it, also where the test fails, and then prints the last words of every process.

import { access, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "uvu";
import type { Node, Workload } from "../../control-plane/gen/vedette/v1/operator_pb.ts";
import { findEnvoy } from "../../envoy/binary.ts";
import { CertificateAuthority, type CertificateFiles, spiffeIdOf } from "../../envoy/certificates.ts";
import type { Json } from "../../envoy/cluster.ts";
import { ControlPlane } from "../../envoy/control-plane.ts";
import { Operator } from "../../envoy/demo/operator.ts";
import { discoveryResponse, type FilterOptions } from "../../envoy/filter-config.ts";
import { Lifetime } from "../../envoy/lifetime.ts";
import { freePorts } from "../../envoy/ports.ts";
import { type Child, removeIfKilled, waitFor } from "../../envoy/process.ts";
import { Sidecar } from "../../envoy/sidecar.ts";
import { Caller } from "./load.ts";
import { Upstream } from "./upstream.ts";

const BUILD = resolve(import.meta.dirname, "..", "..", "filter", "build");
export const MESH = "lab";
export const NAMESPACE = "shop";
/** Machines under test may be busy. */
export const PATIENCE_MS = 60_000;
/** The shortest windows and pulses there may be. */
export const FAST = { VEDETTE_WINDOW_MS: "1000", VEDETTE_PULSE_MS: "500", VEDETTE_TRAIN_EVERY_MS: "500" };

const binary = await findEnvoy().catch((error: Error) => {
  console.error(`no Envoy: ${error.message}`);
  return undefined;
});
/** `test`, or a skip where there is no Envoy. */
export const withEnvoy = binary === undefined ? test.skip : test;

/** Waits for a condition of a test, much longer than it should take. */
export function eventually<T>(what: string, condition: () => T | Promise<T>): Promise<T> {
  return waitFor(what, condition, PATIENCE_MS);
}

export interface LabOptions {
  /** VEDETTE_* variables of the control plane; `FAST` unless told. */
  settings?: Record<string, string>;
  /** The stream from sidecar to control plane by mTLS; true unless told. */
  tls?: boolean;
}

export interface LabSidecarOptions {
  /** Name of the workload, in NAMESPACE; `web` unless told. */
  workload?: string;
  /** Build of the filter; `vedette` unless told. */
  wasm?: "vedette" | "vedette-test" | "vedette-debug" | "vedette-scalar";
  /** Plugin configuration, added to `{ mesh, authority }`; an array or a primitive is taken as it is. */
  configuration?: unknown;
  concurrency?: number;
  /** Inbound by mTLS; false unless told. */
  mtls?: boolean;
  /** The filter is read from a file that `reconfigure` replaces. */
  discovery?: boolean;
  /** Port of 127.0.0.1 where its stream goes; the control plane's unless told. */
  streamPort?: number;
  logLevel?: string;
  wasmLogLevel?: string;
}

/** Runs a test in a lab of its own. */
export async function inLab(options: LabOptions, body: (lab: Lab) => Promise<void>): Promise<void> {
  const lab = await Lab.open(options);
  try {
    await body(lab);
  } catch (error) {
    console.error(lab.lastWords());
    throw error;
  } finally {
    await lab.close();
  }
}

export class Lab {
  private readonly lifetime = new Lifetime((line) => console.error(line));
  private readonly children: Child[] = [];
  private readonly identities = new Map<string, Promise<CertificateFiles>>();
  readonly upstream: Upstream;
  private running: { plane: ControlPlane; operator: Operator } | undefined;

  private constructor(
    readonly options: LabOptions,
    readonly folder: string,
    readonly authority: CertificateAuthority,
    private readonly ports: { sidecar: number; operator: number; http: number },
    upstream: Upstream,
  ) {
    this.upstream = upstream;
  }

  /** Without a control plane yet: `startPlane` starts it. */
  static async open(options: LabOptions = {}): Promise<Lab> {
    const folder = await mkdtemp(join(tmpdir(), "vedette-lab-"));
    removeIfKilled(folder);
    const authority = await CertificateAuthority.create(folder);
    const [sidecar, operator, http] = (await freePorts(3)) as [number, number, number];
    const lab = new Lab(options, folder, authority, { sidecar, operator, http }, await Upstream.start());
    lab.onClose("folder", () => rm(folder, { recursive: true, force: true }));
    lab.onClose("upstream", () => lab.upstream.stop());
    lab.onClose("control plane", () => lab.stopPlane());
    return lab;
  }

  /** Called at the end, before what was made earlier is stopped. */
  onClose(name: string, stop: () => unknown): void {
    this.lifetime.onStop(name, stop);
  }

  async close(): Promise<void> {
    await this.lifetime.stop();
  }

  /** What every child wrote last; a control plane that was started again goes on in the same log. */
  lastWords(): string {
    const byLog = new Map(this.children.map((child) => [child.logFile, child]));
    return [...byLog.values()].map((child) => `--- ${child.name}\n${child.lastLines()}`).join("\n");
  }

  /** Certificate of a workload in NAMESPACE; the same one each time. */
  identity(workload: string, namespace = NAMESPACE): Promise<CertificateFiles> {
    const spiffeId = spiffeIdOf(namespace, workload);
    const known = this.identities.get(spiffeId) ?? this.authority.issue(`${namespace}-${workload}`, spiffeId);
    this.identities.set(spiffeId, known);
    return known;
  }

  /** Starts the control plane, or starts it again on the same data and ports. */
  async startPlane(): Promise<void> {
    const { sidecar, operator, http } = this.ports;
    const plane = await ControlPlane.start({
      ...{ folder: this.folder, mesh: MESH, settings: this.options.settings ?? FAST },
      ...{ sidecarPort: sidecar, operatorPort: operator, httpPort: http },
      ...(this.options.tls === false ? {} : { identity: await this.identity("control-plane", "vedette") }),
    });
    this.children.push(plane.child);
    // A new client each time: one that saw the old one die would wait before it tried again.
    this.running = { plane, operator: new Operator(plane.operatorAddress) };
  }

  /** SIGKILL: nothing is flushed, nothing is said. Resolves when it is gone. */
  async killPlane(): Promise<void> {
    const { plane, operator } = this.plane();
    this.running = undefined;
    operator.close();
    plane.child.signal("SIGKILL");
    await plane.child.ended;
  }

  async stopPlane(): Promise<void> {
    const running = this.running;
    this.running = undefined;
    running?.operator.close();
    await running?.plane.stop();
  }

  get operator(): Operator {
    return this.plane().operator;
  }

  get planePort(): number {
    return this.ports.sidecar;
  }

  /** Metrics of the control plane, by name and labels as they are printed. */
  async planeMetrics(): Promise<Map<string, number>> {
    const text = await (await fetch(this.plane().plane.metricsUrl)).text();
    const pairs = text.split("\n").map((line) => /^(\w+(?:\{.*\})?) ([\d.e+-]+)$/.exec(line));
    return new Map(pairs.flatMap((pair) => (pair ? [[pair[1]!, Number(pair[2])] as const] : [])));
  }

  /** As the operator API tells it; undefined before the control plane knows it, or while it does not answer. */
  async workload(name = "web"): Promise<Workload | undefined> {
    return await this.running?.operator.workload(`${NAMESPACE}/${name}`).catch(() => undefined);
  }

  async node(name = "web"): Promise<Node | undefined> {
    const nodes = await this.running?.operator.nodes().catch(() => []);
    return nodes?.find((node) => node.name === `nodes/${nodeOf(name)}`);
  }

  /** Starts a sidecar before the upstream; it is stopped at the end. */
  async sidecar(options: LabSidecarOptions = {}): Promise<LabSidecar> {
    const workload = options.workload ?? "web";
    const [port, adminPort] = (await freePorts(2)) as [number, number];
    const identity = await this.identity(workload);
    const filter: FilterOptions = {
      wasm: join(BUILD, `${options.wasm ?? "vedette"}.wasm`),
      configuration: configurationOf(options.configuration),
      controlPlane: await this.streamTo(options.streamPort ?? this.ports.sidecar, identity),
      ...(options.discovery ? { discovery: join(this.folder, `${workload}.filter.json`) } : {}),
    };
    await access(filter.wasm);
    const envoy = await Sidecar.start({
      ...{ node: nodeOf(workload), namespace: NAMESPACE, workload, adminPort, identity, filter },
      ...{ accessLog: join(this.folder, `${workload}.access.log`), folder: this.folder, binary: binary! },
      inbound: {
        port,
        mtls: options.mtls ?? false,
        upstream: { host: "127.0.0.1", port: this.upstream.port, tls: false },
      },
      concurrency: options.concurrency ?? 1,
      ...(options.logLevel ? { logLevel: options.logLevel } : {}),
      ...(options.wasmLogLevel ? { wasmLogLevel: options.wasmLogLevel } : {}),
    });
    this.onClose(`sidecar ${workload}`, () => envoy.stop());
    this.children.push(envoy.child);
    return new LabSidecar(envoy, port);
  }

  /** A client of a sidecar: by mTLS as a workload, else plaintext. */
  async caller(sidecar: LabSidecar, workload?: string, connections?: number): Promise<Caller> {
    const identity = workload === undefined ? undefined : await this.identity(workload);
    const caller = new Caller(sidecar.port, identity, connections);
    this.onClose("caller", () => caller.close());
    return caller;
  }

  private plane(): { plane: ControlPlane; operator: Operator } {
    if (!this.running) throw new Error("the control plane is not running");
    return this.running;
  }

  private async streamTo(port: number, identity: CertificateFiles): Promise<FilterOptions["controlPlane"]> {
    if (this.options.tls === false) return { host: "127.0.0.1", port };
    const { spiffeId } = await this.identity("control-plane", "vedette");
    return { host: "127.0.0.1", port, tls: { identity, spiffeId } };
  }
}

export class LabSidecar {
  constructor(
    readonly envoy: Sidecar,
    /** Of the inbound listener. */
    readonly port: number,
  ) {}

  /**
   * Gives the running Envoy a new configuration of the filter; with `discovery` only. Another `generation` is another
   * environment variable, which makes new VMs. Resolves when Envoy has taken the file.
   */
  async reconfigure(configuration: unknown, generation?: string): Promise<void> {
    const { filter } = this.envoy.options;
    if (!filter?.discovery) throw new Error("its filter is not read from a file");
    const before = await this.reloads();
    const response = discoveryResponse({ ...filter, configuration: configurationOf(configuration) });
    if (generation !== undefined) setEnvironment(response, { GENERATION: generation });
    await writeFile(`${filter.discovery}.new`, JSON.stringify(response));
    await rename(`${filter.discovery}.new`, filter.discovery);
    await this.envoy.child.until("it takes the new filter", async () => (await this.reloads()) > before, PATIENCE_MS);
  }

  /** Filters taken by discovery, the first included. */
  async reloads(): Promise<number> {
    const stats = await this.envoy.stats("extension_config_discovery");
    return stats.get("extension_config_discovery.http_filter.vedette.config_reload") ?? 0;
  }

  /** Lines of the access log so far. */
  get accessLog(): string {
    return this.envoy.options.accessLog;
  }
}

function nodeOf(workload: string): string {
  return `${workload}-0.${NAMESPACE}`;
}

function configurationOf(configuration: unknown): Json {
  const isObject = typeof configuration === "object" && configuration !== null && !Array.isArray(configuration);
  if (configuration !== undefined && !isObject) return configuration as Json;
  return { mesh: MESH, authority: "vedette", ...(configuration as Json | undefined) };
}

function setEnvironment(response: Json, variables: Record<string, string>): void {
  const [resource] = response.resources as { typed_config: { config: { vm_config: Json } } }[];
  resource!.typed_config.config.vm_config.environment_variables = { key_values: variables };
}
