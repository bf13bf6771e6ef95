// Latency as clients see it, open loop: each request has an instant at which it is due, drawn beforehand, and its
// latency counts from that instant, however late it was sent. Arrivals are at random (exponential gaps), and so is the
// arm of each, so that no arm always follows the same other one.

import { build, type Histogram } from "hdr-histogram-js";
import { Prng } from "../../test/support/prng.ts";
import { type Blocks, type Figure, paired } from "../filter/measure.ts";
import { AGAIN, type Arm, NONE } from "./arms.ts";
import { addTo, Connection, type Tally } from "./client.ts";
import { requestOf, TARGETS } from "./requests.ts";

/** Requests per second over all arms: far below what one core serves. */
const RATE = 800;
export const SHARES = { p50: 50, p99: 99 } as const;
export type Share = keyof typeof SHARES;
/** Most that the median latency of two equal arms may differ. */
export const LATENCY_GUARD_MAX = 0.05;

export const latencyName = (arm: string, share: Share): string => `${arm} | ${share}`;

/** Connections of one client; far more than are busy where anything answers. */
const CONNECTIONS_MOST = 512;

/** Connections that are opened when all there are are busy: a late answer holds nothing up. */
export class Pool {
  readonly tally: Tally = new Map();
  private readonly connections: Connection[] = [];

  constructor(readonly port: number) {}

  /** Status of the answer; 0 where none came, or no connection was left. */
  async send(request: string): Promise<number> {
    const connection = this.connections.find(({ busy }) => !busy) ?? this.another();
    const status = (await connection?.send(request)) ?? 0;
    addTo(this.tally, status);
    return status;
  }

  close(): void {
    for (const connection of this.connections) connection.close();
  }

  private another(): Connection | undefined {
    if (this.connections.length >= CONNECTIONS_MOST) return undefined;
    const connection = new Connection(this.port);
    this.connections.push(connection);
    return connection;
  }
}

/**
 * Calls `send` at random instants, `rate` a second on average, with the instant (performance.now()), until `isOver`.
 * Resolves when all were answered.
 */
export async function openLoop(
  prng: Prng,
  rate: number,
  isOver: (sent: number) => boolean,
  send: (index: number, dueMs: number) => Promise<void>,
): Promise<void> {
  const sent: Promise<void>[] = [];
  let dueMs = performance.now();
  while (!isOver(sent.length)) {
    dueMs += (-Math.log((prng.next() + 1) / 2 ** 32) * 1000) / rate;
    // A timer would come up to a millisecond late. Where we are late ourselves, answers have their turn all the same.
    do await new Promise((resolve) => setImmediate(resolve));
    while (performance.now() < dueMs);
    sent.push(send(sent.length, dueMs));
  }
  await Promise.all(sent);
}

/** Whole us from `dueMs` until now, for a histogram: 1 at least. */
export function usSince(dueMs: number): number {
  return Math.max(1, Math.round((performance.now() - dueMs) * 1000));
}

/** us by arm and share, one number a block; a first block of the same length does not count. */
export async function measureLatency(arms: readonly Arm[], blocks: number, seconds: number): Promise<Blocks> {
  const figures = new Map<string, number[]>();
  const pools = arms.map((arm) => new Pool(arm.options.port));
  const prng = new Prng(20_261_124);
  for (let block = 0; block <= blocks; block++) {
    const histograms = arms.map(() => build({ numberOfSignificantValueDigits: 3 }));
    const isOver = (sent: number) => sent >= RATE * seconds;
    await openLoop(prng, RATE, isOver, async (index, dueMs) => {
      const arm = prng.below(arms.length);
      await pools[arm]!.send(requestOf(prng.pick(TARGETS["256 B"]), index));
      histograms[arm]!.recordValue(usSince(dueMs));
    });
    if (block > 0) keep(figures, arms, histograms);
  }
  for (const [i, pool] of pools.entries()) {
    arms[i]!.took(pool.tally);
    pool.close();
  }
  return figures;
}

function keep(figures: Map<string, number[]>, arms: readonly Arm[], histograms: readonly Histogram[]): void {
  for (const [i, arm] of arms.entries()) {
    for (const share of Object.keys(SHARES) as Share[]) {
      const name = latencyName(arm.name, share);
      const us = histograms[i]!.getValueAtPercentile(SHARES[share]);
      figures.set(name, [...(figures.get(name) ?? []), us]);
    }
  }
}

/** Of the two equal arms. */
export function latencyGuard(blocks: Blocks): { ratio: Figure; holds: boolean } {
  const ratio = paired(blocks, [latencyName(NONE, "p50"), latencyName(AGAIN, "p50")], (a, b) => b / a);
  return { ratio, holds: Math.abs(ratio.value - 1) <= LATENCY_GUARD_MAX };
}

/** us beyond those of no filter. */
export function latencyAdded(blocks: Blocks, arm: string, share: Share): Figure {
  const names = [arm, NONE, AGAIN].map((name) => latencyName(name, share));
  return paired(blocks, names, (one, none, again) => one - (none + again) / 2);
}
