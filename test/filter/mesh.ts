// A sidecar with our filter and a control plane to talk to, for the tests of the filter.

import { existsSync, readFileSync } from "node:fs";
import type { Window } from "../../control-plane/gen/vedette/v1/statistics_pb.ts";
import { FakeControlPlane } from "../host/control-plane.ts";
import type { Exchange } from "../host/exchange.ts";
import type { RequestSpec } from "../host/request.ts";
import { Sidecar, type SidecarOptions } from "../host/sidecar.ts";
import { settings } from "../support/sections.ts";
import { FAST, type SnapshotSpec, update } from "../support/snapshot.ts";

export type Build = "vedette" | "vedette-scalar" | "vedette-debug" | "vedette-test";

const loaded = new Map<Build, Uint8Array>();

/** A build of the filter; `npm run build` makes them. */
export function build(name: Build): Uint8Array {
  let wasm = loaded.get(name);
  if (wasm === undefined) {
    const file = new URL(`../../filter/build/${name}.wasm`, import.meta.url);
    if (!existsSync(file)) throw new Error(`filter/build/${name}.wasm is not there: npm run build`);
    wasm = readFileSync(file);
    loaded.set(name, wasm);
  }
  return wasm;
}

export const SPIFFE = "spiffe://cluster.local/ns/shop/sa/web";

export interface MeshOptions extends Partial<SidecarOptions> {
  build?: Build;
  config?: object | string;
  plane?: FakeControlPlane;
}

export class Mesh {
  readonly plane: FakeControlPlane;
  readonly sidecar: Sidecar;
  #nonce = 0n;
  #version = 0n;

  constructor(options: MeshOptions = {}) {
    this.plane = options.plane ?? new FakeControlPlane();
    const wasm = options.wasm ?? build(options.build ?? "vedette");
    this.sidecar = new Sidecar({ clusters: { vedette: this.plane }, ...options, wasm });
    this.sidecar.configure(options.config ?? {});
  }

  /** Ticks until the condition holds; throws after `mostMs`. */
  until(condition: () => boolean, what: string, mostMs = 20_000): void {
    for (let ms = 0; !condition(); ms += 50) {
      if (ms > mostMs) throw new Error(`${what}: not within ${mostMs} ms; log: ${this.logTail()}`);
      this.sidecar.tick(50);
    }
  }

  connect(): this {
    this.until(() => this.plane.live.some((stream) => stream.hello !== undefined), "hello");
    return this;
  }

  /** Sends an update with the next nonce and version, signed or not as asked; returns its nonce. */
  push(spec: SnapshotSpec = {}): bigint {
    this.#nonce++;
    this.#version = spec.version ?? this.#version + 1n;
    const serverNowMs = BigInt(this.sidecar.loop.wallMs);
    this.plane.push(update({ nonce: this.#nonce, version: this.#version, serverNowMs, ...spec }));
    return this.#nonce;
  }

  /** Pushes and waits until every VM has acknowledged. */
  adopt(spec: SnapshotSpec = {}): this {
    this.connect();
    const nonce = this.push(spec);
    const ackers = () =>
      new Set(
        this.plane
          .of("ack")
          .filter((ack) => ack.nonce === nonce)
          .map((ack) => ack.vmBootId),
      );
    this.until(() => ackers().size === this.sidecar.vms.length, `acks of ${nonce}`);
    return this;
  }

  /** Pushes what must be refused and waits until every VM said so; returns the first refusal. */
  refuse(spec: SnapshotSpec) {
    const nonce = this.push(spec);
    const nacks = () => this.plane.of("nack").filter((nack) => nack.nonce === nonce);
    const vms = () => new Set(nacks().map((nack) => nack.vmBootId));
    this.until(() => vms().size > 0, `nack of ${nonce}`);
    this.sidecar.tick(1000);
    if (this.plane.of("ack").some((ack) => ack.nonce === nonce))
      throw new Error(`update ${nonce} was acknowledged too`);
    return nacks()[0]!;
  }

  /** Fast settings with another hash key. */
  rekeyed(id: number): { settings: Uint8Array } {
    const key = Uint8Array.from({ length: 16 }, (_, i) => id * 16 + i);
    return { settings: settings({ ...FAST, hashKeys: [{ id, key }] }) };
  }

  request(spec: RequestSpec = {}): Exchange {
    return this.sidecar.request({ identity: SPIFFE, ...spec });
  }

  /** The same request some times. */
  requests(times: number, spec: RequestSpec = {}): void {
    for (let i = 0; i < times; i++) this.request(spec);
  }

  /** Ticks until what was counted has been told: the windows that are open now are sealed, sent and acknowledged. */
  settle(windowMs = 1000): this {
    this.sidecar.tick(2 * windowMs + 1500);
    return this;
  }

  windows(): Window[] {
    return this.plane.windows();
  }

  counts(): Sums {
    return sumCounts(this.windows());
  }

  /** Log lines of warning level and above. */
  warnings(): string[] {
    return this.sidecar.logs.filter((line) => line.level >= 3).map((line) => line.text);
  }

  logTail(): string {
    return this.sidecar.logs
      .slice(-5)
      .map((line) => `${line.vm}: ${line.text}`)
      .join(" | ");
  }
}

const NUMBERS = [
  "seen",
  "scored",
  "learnt",
  "allowed",
  "deniedByRule",
  "deniedByModel",
  "shadowDenied",
  "alerted",
  "retries",
  "answeredBefore",
  "held",
] as const;

/** Counts as plain numbers; skipped and bounds by reason. */
export type Sums = Record<(typeof NUMBERS)[number], number> & {
  skipped: Record<number, number>;
  bounds: Record<number, number>;
};

/** All counts of all windows. */
export function sumCounts(windows: Window[]): Sums {
  const sums = Object.fromEntries(NUMBERS.map((name) => [name, 0])) as Record<(typeof NUMBERS)[number], number>;
  const skipped: Record<number, number> = {};
  const bounds: Record<number, number> = {};
  for (const { counts } of windows) {
    for (const name of NUMBERS) sums[name] += Number(counts![name]);
    for (const { reason, count } of counts!.skipped) skipped[reason] = (skipped[reason] ?? 0) + Number(count);
    for (const { reason, count } of counts!.bounds) bounds[reason] = (bounds[reason] ?? 0) + Number(count);
  }
  return { ...sums, skipped, bounds };
}

/** Responses by class 1xx to 5xx over all windows. */
export function sumResponses(windows: Window[]): number[] {
  const sums = [0, 0, 0, 0, 0];
  for (const { counts } of windows)
    counts!.responses.forEach((n, i) => {
      sums[i]! += Number(n);
    });
  return sums;
}

/** A path with quotes in its parameter `q`: scores 384, 1,152, 14,055 for 1, 2, 4 of them. */
export function quoted(quotes: number): string {
  return `/search?q=tea${"'".repeat(quotes)}`;
}
