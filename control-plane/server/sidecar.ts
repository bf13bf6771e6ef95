// The sidecar service: all live streams. Keeps one stream a process (the higher lease counter wins, the newer among
// equals), hands publications to the streams they concern, ends those that are silent, too old, banned, or whose
// certificate has expired, and drains. The gate has let in who calls.

import type { Snapshot, Target } from "../domain.ts";
import { ControlPlaneError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Clock } from "../ports/clock.ts";
import type { Random } from "../ports/random.ts";
import type { Audit, Bans, Ingest, Snapshots, Workloads } from "../seams.ts";
import type { Denials } from "./denials.ts";
import { checkStanding } from "./gate.ts";
import type { Nodes } from "./nodes.ts";
import { type Connection, SidecarStream, type StreamLinks } from "./stream.ts";

/** As many as nodes are kept. */
export const STREAMS_MAX = 10_000;
/** A stream that says nothing for this many pulses ends: a trapped owner leaves it open and silent. */
export const SILENT_PULSES = 3;
/** A VM that is quiet for this many pulses beside a live stream is gone: a configuration update replaced it. */
export const VM_QUIET_PULSES = 20;
/** Bans and expired certificates are looked for this often on open streams. */
export const STANDING_MS = 1_000;
/** A stream lives this long, give or take a tenth; then it is drained, and comes back with a fresh identity. */
export const STREAM_AGE_MS = 1_800_000;
const AGE_SPREAD = 0.1;

export interface SidecarLinks {
  clock: Clock;
  random: Random;
  ingest: Ingest;
  workloads: Workloads;
  snapshots: Snapshots;
  nodes: Nodes;
  denials: Denials;
  metrics: Metrics;
  log: Log;
  mesh: string;
  pulseMs: number;
  bans: Pick<Bans, "has">;
  audit: Pick<Audit, "refuse">;
  /** The disk failed: nothing may be acknowledged any more. */
  diskFailed(error: unknown): void;
}

export class Sidecars {
  private readonly live = new Map<SidecarStream, { endsAtMs: number }>();
  private readonly byKey = new Map<string, SidecarStream>();
  private readonly byTarget = new Map<Target, Set<SidecarStream>>();
  private readonly streamLinks: StreamLinks;
  private readonly stops: (() => void)[] = [];
  private nonce = 0n;
  private stopping = false;

  constructor(private readonly links: SidecarLinks) {
    const { clock, pulseMs, snapshots, ingest, nodes, denials, metrics, log, mesh, diskFailed } = links;
    this.streamLinks = {
      clock,
      ingest,
      nodes,
      denials,
      metrics,
      log,
      mesh,
      diskFailed,
      nextNonce: () => ++this.nonce,
      contest: (stream) => this.contest(stream),
      greeted: (stream) => this.greeted(stream),
      refused: (stream, error) => this.refused(stream, ControlPlaneError.from(error)),
      closed: (stream) => this.closed(stream),
    };
    this.stops.push(snapshots.subscribe((snapshot) => this.publish(snapshot)));
    this.stops.push(clock.every(pulseMs, () => this.sweep()));
    this.stops.push(clock.every(STANDING_MS, () => this.checkStandings()));
  }

  /** The handler of SidecarService.Connect. */
  connect(connection: Connection): void {
    if (this.stopping) throw new ControlPlaneError("UNAVAILABLE", "the control plane is stopping");
    if (this.live.size >= STREAMS_MAX) {
      throw new ControlPlaneError("RESOURCE_EXHAUSTED", `streams: ${this.live.size}, at most ${STREAMS_MAX}`);
    }
    const { random } = this.links;
    const stream = new SidecarStream(connection, this.streamLinks);
    const ageMs = STREAM_AGE_MS * (1 - AGE_SPREAD + 2 * AGE_SPREAD * random.unit());
    this.live.set(stream, { endsAtMs: stream.openedAtMs + ageMs });
  }

  /** Live streams. */
  get streams(): number {
    return this.live.size;
  }

  /** Accepts no stream any more; drains the live ones: what is in processing is acknowledged, then status 0. */
  async stop(): Promise<void> {
    this.stopping = true;
    for (const stop of this.stops.splice(0)) stop();
    await Promise.all([...this.live.keys()].map((stream) => stream.finish("drained")));
  }

  private contest(stream: SidecarStream): void {
    const other = this.byKey.get(stream.key);
    if (other === undefined || other.leaseCounter <= stream.leaseCounter) return;
    const text = `lease_counter: ${stream.leaseCounter}, a stream of this process with ${other.leaseCounter} is live`;
    throw new ControlPlaneError("ABORTED", text, { field: "lease_counter" });
  }

  private greeted(stream: SidecarStream): void {
    const { workloads, snapshots } = this.links;
    const older = this.byKey.get(stream.key);
    this.byKey.set(stream.key, stream);
    older?.end("taken_over", new ControlPlaneError("ABORTED", "a newer stream of this process took over"));
    const known = Promise.all(stream.targets.map((target) => workloads.ensure(target)));
    void stream.holdUntil(known.then(() => this.open(stream, snapshots)));
  }

  private open(stream: SidecarStream, snapshots: Snapshots): void {
    if (!this.live.has(stream)) return;
    for (const target of stream.targets) {
      const streams = this.byTarget.get(target);
      if (streams === undefined) this.byTarget.set(target, new Set([stream]));
      else streams.add(stream);
      const current = snapshots.current(target);
      if (current !== undefined) stream.offer(current);
    }
  }

  /** Who speaks for others goes into the audit trail; who makes mistakes does not. */
  private refused({ peer, connection }: SidecarStream, { code, message }: ControlPlaneError): void {
    if (code !== "PERMISSION_DENIED") return;
    const detail = `${message}; from ${connection.peer}`;
    const { identity } = peer;
    this.links.audit.refuse({ listener: "sidecar", identity, method: "Connect", resource: "", code, detail });
  }

  private closed(stream: SidecarStream): void {
    this.live.delete(stream);
    if (this.byKey.get(stream.key) === stream) this.byKey.delete(stream.key);
    for (const target of stream.targets) {
      const streams = this.byTarget.get(target);
      streams?.delete(stream);
      if (streams?.size === 0) this.byTarget.delete(target);
    }
  }

  private publish(snapshot: Snapshot): void {
    for (const stream of this.byTarget.get(snapshot.target) ?? []) stream.offer(snapshot);
  }

  private sweep(): void {
    const { clock, pulseMs, nodes } = this.links;
    const now = clock.nowMs();
    const silentMs = SILENT_PULSES * pulseMs;
    for (const [stream, { endsAtMs }] of [...this.live]) {
      stream.sweep();
      if (now - stream.lastFrameMs > silentMs) stream.end("silent", silent(silentMs));
      else if (now >= endsAtMs) void stream.finish("drained");
    }
    nodes.sweep(VM_QUIET_PULSES * pulseMs);
  }

  private checkStandings(): void {
    const { clock, bans } = this.links;
    for (const stream of [...this.live.keys()]) {
      try {
        checkStanding(stream.peer, clock.nowMs(), bans);
      } catch (error) {
        const banned = ControlPlaneError.from(error).code === "PERMISSION_DENIED";
        stream.end(banned ? "banned" : "expired", error);
      }
    }
  }
}

function silent(ms: number): ControlPlaneError {
  return new ControlPlaneError("DEADLINE_EXCEEDED", `no frame for more than ${ms} ms, ${SILENT_PULSES} pulses`);
}
