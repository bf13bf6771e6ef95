// The edge of the control plane on free loopback ports, over fakes of what stands behind the seams, under a manual
// clock.

import type { Config } from "../../control-plane/config.ts";
import { parseConfig } from "../../control-plane/config.ts";
import type { Rule, Snapshot, Target, WindowOutcome, WindowReport } from "../../control-plane/domain.ts";
import { ControlPlaneError } from "../../control-plane/errors.ts";
import type { Fields, Log } from "../../control-plane/log.ts";
import { Metrics } from "../../control-plane/metrics.ts";
import type { Clock } from "../../control-plane/ports/clock.ts";
import type { Https } from "../../control-plane/ports/https.ts";
import type { Ports } from "../../control-plane/ports/ports.ts";
import type {
  Ingest,
  RuleDraft,
  RulePreview,
  Rules,
  Snapshots,
  Workload,
  Workloads,
} from "../../control-plane/seams.ts";
import { type Addresses, Edge } from "../../control-plane/server/edge.ts";
import { emptyCounts, emptyStatistics } from "../../control-plane/store/statistics.ts";
import { ManualClock } from "./clock.ts";
import { FakeAudit, FakeBans } from "./governance.ts";

export const PULSE_MS = 1_000;

export class FakeIngest implements Ingest {
  readonly reports: WindowReport[] = [];
  outcome: WindowOutcome = "merged";
  /** Set: nothing is answered until `release`. */
  blocked = false;
  failure: Error | undefined;
  private readonly held: (() => void)[] = [];

  async accept(report: WindowReport): Promise<WindowOutcome> {
    this.reports.push(report);
    if (this.blocked) await new Promise<void>((resolve) => this.held.push(resolve));
    if (this.failure !== undefined) throw this.failure;
    return this.outcome;
  }

  release(): void {
    this.blocked = false;
    for (const resolve of this.held.splice(0)) resolve();
  }
}

export class FakeWorkloads implements Workloads {
  readonly byTarget = new Map<Target, Workload>();
  readonly ensured: Target[] = [];

  list(): Workload[] {
    return [...this.byTarget.values()];
  }

  get(target: Target): Workload | undefined {
    return this.byTarget.get(target);
  }

  async setMode(target: Target, mode: Workload["mode"], etag: string): Promise<Workload> {
    const workload = this.byTarget.get(target);
    if (workload === undefined) throw new ControlPlaneError("NOT_FOUND", `name: ${target}, there is none`);
    if (etag !== "" && etag !== workload.etag)
      throw new ControlPlaneError("ABORTED", `etag: ${etag}, is ${workload.etag}`);
    const changed = { ...workload, mode, etag: `${workload.etag}+` };
    this.byTarget.set(target, changed);
    return changed;
  }

  async ensure(target: Target): Promise<void> {
    this.ensured.push(target);
    if (!this.byTarget.has(target)) this.byTarget.set(target, workload(target));
  }
}

export class FakeRules implements Rules {
  readonly byId = new Map<number, Rule>();
  preview(_draft: RuleDraft): RulePreview {
    return { requests: 100, matched: 7, callers: [{ key: "00000000000000ca", matched: 7 }], limitation: "no scores" };
  }

  async create(draft: RuleDraft): Promise<Rule> {
    const rule = { ...draft, id: this.byId.size + 1, createdAtMs: 1_767_225_600_000 };
    this.byId.set(rule.id, rule);
    return rule;
  }

  get(id: number): Rule | undefined {
    return this.byId.get(id);
  }

  list(target?: Target): Rule[] {
    return [...this.byId.values()].filter((rule) => target === undefined || rule.target === target);
  }

  async delete(id: number): Promise<void> {
    this.byId.delete(id);
  }
}

export class FakeSnapshots implements Snapshots {
  private readonly inForce = new Map<Target, Snapshot>();
  private readonly listeners = new Set<(snapshot: Snapshot) => void>();

  current(target: Target): Snapshot | undefined {
    return this.inForce.get(target);
  }

  subscribe(listener: (snapshot: Snapshot) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  publish(snapshot: Snapshot): void {
    this.inForce.set(snapshot.target, snapshot);
    for (const listener of this.listeners) listener(snapshot);
  }
}

/** A snapshot whose sections have the given digests (64 hex digits are made of each word). */
export function snapshot(version: number, digests = ["s1", "m1", "r1"], target = "shop/cart"): Snapshot {
  const kinds = ["settings", "model", "rules"] as const;
  return {
    target,
    epoch: 1,
    version,
    digest: digestOf(`manifest${version}`),
    manifest: new TextEncoder().encode(`manifest ${version}`),
    signature: new Uint8Array(0),
    sections: kinds.map((kind, i) => ({
      kind,
      digest: digestOf(digests[i] ?? ""),
      content: new TextEncoder().encode(digests[i]),
    })),
  };
}

export function digestOf(word: string): string {
  return Buffer.from(word.padEnd(32, ".")).toString("hex");
}

export function workload(target: Target): Workload {
  return {
    target,
    mode: "learn",
    modeSetAtMs: 1_767_225_600_000,
    confidence: "learning",
    confidenceDetail: "learnt 0 of 2000 requests",
    counts: emptyCounts(),
    windows: { merged: 0, duplicate: 0, expired: 0, dropped: 0 },
    statistics: emptyStatistics(),
    alertThreshold: 0,
    denyThreshold: 0,
    etag: "e1",
  };
}

/** Keeps every line. */
export class MemoryLog implements Log {
  readonly lines: { level: string; event: string; fields: Fields }[] = [];
  debug = (event: string, fields: Fields = {}): void => void this.lines.push({ level: "debug", event, fields });
  info = (event: string, fields: Fields = {}): void => void this.lines.push({ level: "info", event, fields });
  warn = (event: string, fields: Fields = {}): void => void this.lines.push({ level: "warn", event, fields });
  error = (event: string, fields: Fields = {}): void => void this.lines.push({ level: "error", event, fields });

  has(event: string): boolean {
    return this.lines.some((line) => line.event.includes(event));
  }
}

export class TestEdge {
  readonly clock: ManualClock;
  readonly ingest = new FakeIngest();
  readonly workloads = new FakeWorkloads();
  readonly rules = new FakeRules();
  readonly snapshots = new FakeSnapshots();
  readonly bans = new FakeBans();
  readonly audit = new FakeAudit();
  readonly log = new MemoryLog();
  readonly metrics: Metrics;
  readonly edge: Edge;
  readonly diskFailures: unknown[] = [];
  addresses: Addresses = { sidecar: "", operator: "", http: "" };

  private constructor(
    settings: Record<string, string>,
    files: Record<string, string>,
    startMs?: number,
    https?: Https,
  ) {
    this.clock = new ManualClock(startMs);
    const config = testConfig(settings);
    const ports = testPorts(this.clock, files);
    if (https !== undefined) ports.https = https;
    this.metrics = new Metrics(ports.runtime);
    this.edge = new Edge(config, ports, this, this.log, this.metrics, (error) => this.diskFailures.push(error));
  }

  /** `settings` are VEDETTE_ variables without the prefix; `files` are the contents of the paths they name. */
  static async start(
    settings: Record<string, string> = {},
    files: Record<string, string> = {},
    startMs?: number,
    https?: Https,
  ): Promise<TestEdge> {
    const edge = new TestEdge(settings, files, startMs, https);
    edge.addresses = await edge.edge.start();
    return edge;
  }

  /** Stops; the clock is moved on until everything has ended. */
  async stop(): Promise<void> {
    let over = false;
    const stopped = this.edge.stop().then(() => {
      over = true;
    });
    while (!over) {
      await new Promise((resolve) => setImmediate(resolve));
      this.clock.advance(100);
    }
    await stopped;
  }
}

/** Nothing in them is real; `exits` collects exit codes. */
export function testPorts(clock: Clock, files: Record<string, string> = {}, exits: number[] = []): Ports {
  return {
    clock,
    random: { bytes: (size) => new Uint8Array(size).fill(7), unit: () => 0.5 },
    files: { read: (path) => Buffer.from(files[path] ?? "") },
    https: { send: () => Promise.reject(new Error("no network in tests")) },
    exit: { exit: (code) => void exits.push(code), onStopRequest: () => () => undefined },
    runtime: {
      eventLoopDelay: () => ({ p99: 0.001, max: 0.002 }),
      memory: () => ({ resident: 1, heap: 1 }),
      cpuSeconds: () => 1,
    },
  };
}

export function testConfig(settings: Record<string, string> = {}): Config {
  const defaults = {
    SIDECAR_ADDRESS: "127.0.0.1:0",
    OPERATOR_ADDRESS: "127.0.0.1:0",
    HTTP_ADDRESS: "127.0.0.1:0",
    PULSE_MS: String(PULSE_MS),
    SIDECAR_IDENTITY: "SIDECAR_TLS_CERT" in settings ? "mtls" : "none",
    OPERATOR_IDENTITY: "OPERATOR_ROLES" in settings ? "required" : "none",
  };
  const all: Record<string, string> = { ...defaults, ...settings };
  return parseConfig((name) => all[name.slice("VEDETTE_".length)]);
}
