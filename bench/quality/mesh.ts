// Services behind emulated sidecars that run the compiled filter, and their control plane. Rows that are learnt from
// pass a service's own sidecar as traffic would; a window and a snapshot reach the other side as wire messages only.

import { readFileSync } from "node:fs";
import { Loop } from "../../test/host/loop.ts";
import type { RequestSpec } from "../../test/host/request.ts";
import { Sidecar } from "../../test/host/sidecar.ts";
import { peerOf } from "./connection.ts";
import { BenchPlane, MESH, type PlaneOptions, PULSE_MS, WINDOW_MS } from "./plane.ts";
import type { Request } from "./set.ts";

/** The filter as it ships. */
export const FILTER: Uint8Array = readFileSync(new URL("../../filter/build/vedette.wasm", import.meta.url));
/** Period of the tick; ticks are all that time costs here. */
export const TICK_MS = 500;
const DAY_MS = 86_400_000;
/** Ten windows: what has not settled by then never will. */
const SETTLE_MS_MAX = 10 * WINDOW_MS;

interface Service {
  readonly target: string;
  readonly sidecar: Sidecar;
  fed: number;
}

/** A row as the emulated host takes it. The body's length and text stay outside: no head reads a body. */
export function toSpec({ src, m, u, h }: Request): RequestSpec {
  const headers: [string, string][] = [];
  let authority: string | undefined;
  for (const pair of h) {
    if (pair[0] !== "host") headers.push(pair as [string, string]);
    else authority ??= pair[1];
  }
  const identity = `spiffe://bench/caller/${src}`;
  return { method: m, path: u, authority: authority ?? "", headers, identity, requestId: undefined };
}

export class BenchMesh {
  readonly plane: BenchPlane;
  readonly #loop = new Loop();
  readonly #services = new Map<string, Service>();
  #failure: unknown;

  private constructor(plane: BenchPlane) {
    this.plane = plane;
  }

  /** All services connected, each with a model before it has learnt anything. */
  static async open(names: readonly string[], options: PlaneOptions): Promise<BenchMesh> {
    const mesh = new BenchMesh(await BenchPlane.open(options));
    const peer = peerOf(mesh.plane.sidecars, (error) => {
      mesh.#failure ??= error;
    });
    for (const [index, name] of names.entries()) {
      const target = `bench/service-${index}`;
      const sidecar = new Sidecar({
        ...{ wasm: FILTER, workers: 1, seed: index + 1, node: `service-${index}`, loop: mesh.#loop },
        clusters: { vedette: peer },
      });
      sidecar.configure({ mesh: MESH, target, tickMs: TICK_MS });
      mesh.#services.set(name, { target, sidecar, fed: 0 });
    }
    await mesh.settle();
    await mesh.train();
    await mesh.settle();
    return mesh;
  }

  /** Traffic of a service; returns what each request was answered: 200, or 403 by the filter. */
  feed(name: string, requests: Iterable<Request>): number[] {
    const service = this.#service(name);
    const answers: number[] = [];
    for (const request of requests) answers.push(service.sidecar.request(toSpec(request)).status);
    service.fed += answers.length;
    return answers;
  }

  /** Models that are due, trained and published; `settle` brings them to the filters. */
  train(): Promise<void> {
    return this.plane.train([...this.#services.values()].map(({ target }) => target));
  }

  target(name: string): string {
    return this.#service(name).target;
  }

  /** The night passes: clocks on the wall say a day more, and no timer notices. */
  async nextDay(): Promise<void> {
    this.#loop.stepWall(DAY_MS);
    this.plane.clock.step(DAY_MS);
    // Every sidecar says something before the control plane looks who is silent, and opens a window of the new day.
    this.#loop.advance(Math.max(PULSE_MS, WINDOW_MS) + TICK_MS);
    await this.settle();
  }

  /** Lets time pass until every window is on disk and every VM holds the snapshot in force. */
  async settle(): Promise<void> {
    for (let ms = 0; ; ms += TICK_MS) {
      const open = [...this.#services.values()].filter((service) => !this.#settled(service));
      if (this.#failure !== undefined) throw this.#failure;
      if (this.plane.faults.length > 0) throw new Error(`control plane: ${this.plane.faults.join("; ")}`);
      if (open.length === 0) return;
      if (ms > SETTLE_MS_MAX) throw new Error(`not settled within ${ms} ms: ${open.map(({ target }) => target)}`);
      this.#loop.advance(TICK_MS);
      this.plane.clock.advance(TICK_MS);
      // Everything that the disk and the streams have promised.
      await new Promise<void>((done) => setImmediate(done));
      this.#loop.drain();
    }
  }

  #settled({ target, sidecar, fed }: Service): boolean {
    if (sidecar.failures.length > 0) throw new Error(`filter trapped: ${sidecar.failures.join("; ")}`);
    const snapshot = this.plane.publication.current(target);
    if (snapshot === undefined || this.plane.seen(target) !== fed) return false;
    const vms = this.plane.nodes.get(`service-${target.slice(target.lastIndexOf("-") + 1)}`)?.vms ?? new Map();
    const holding = [...vms.values()].filter(
      ({ epoch, version, state }) => epoch === snapshot.epoch && version === snapshot.version && state === "acked",
    );
    return holding.length === sidecar.vms.length;
  }

  #service(name: string): Service {
    const service = this.#services.get(name);
    if (service === undefined) throw new Error(`no service ${name}`);
    return service;
  }
}
