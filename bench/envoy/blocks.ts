// CPU time per request, arm by arm in short turns. A block goes through all arms forwards and backwards (A B B A) many
// times, a hundred requests each time, so that whatever a neighbour does to the machine hits all of them alike. Each
// time in another order: who comes after the arm that asks a service finds other caches than who comes after itself. An
// arm's figure of a block is the median of its turns.

import { Prng } from "../../test/support/prng.ts";
import { type Blocks, type Figure, paired, quantile } from "../filter/measure.ts";
import { AGAIN, type Arm, NONE } from "./arms.ts";
import { KINDS, type Kind, sequence } from "./requests.ts";
import type { CpuTimes } from "./scheduler.ts";

const ORDER_SEED = 20_261_124;
/** Requests of a turn, and of that of an arm that costs many times as much. */
const TURN = 100;
const SLOW_TURN = 10;
/** Turns forwards and backwards of a block. */
export const ROUNDS = 10;
export const QUICK_ROUNDS = 1;

/** Threads whose time is told. */
export const THREADS = ["worker", "others", "service"] as const;
export type Thread = (typeof THREADS)[number];

/** Names a figure: ns per request of an arm on a kind of request. */
export const figureName = (arm: string, kind: Kind, thread: Thread = "worker"): string =>
  `${arm} | ${kind} | ${thread}`;

/** Requests that an arm is sent by `measure`, at most. */
export function requestsOf(blocks: number, rounds: number): number {
  return (blocks + 1) * rounds * 2 * KINDS.length * TURN;
}

/** One block is measured before the first that counts. `tell` is told of each that is over. */
export async function measure(
  arms: readonly Arm[],
  blocks: number,
  rounds: number,
  tell: (block: number) => void,
): Promise<Blocks> {
  const figures = new Map<string, number[]>();
  const prng = new Prng(ORDER_SEED);
  for (let block = 0; block <= blocks; block++) {
    for (const kind of KINDS) {
      const turns = await turnsOf(() => shuffled(prng, arms), kind, rounds);
      if (block === 0) continue;
      for (const [name, each] of turns) figures.set(name, [...(figures.get(name) ?? []), quantile(each, 0.5)]);
    }
    tell(block);
  }
  return figures;
}

async function turnsOf(order: () => Arm[], kind: Kind, rounds: number): Promise<Map<string, number[]>> {
  const figures = new Map<string, number[]>();
  for (let round = 0; round < rounds; round++) {
    const arms = order();
    for (const arm of [...arms, ...arms.toReversed()]) {
      const cost = await turn(arm, kind);
      for (const thread of THREADS) {
        const name = figureName(arm.name, kind, thread);
        figures.set(name, [...(figures.get(name) ?? []), cost[thread]]);
      }
    }
  }
  return figures;
}

function shuffled<T>(prng: Prng, list: readonly T[]): T[] {
  const order = [...list];
  for (let i = order.length - 1; i > 0; i--) {
    const j = prng.below(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/** ns per request. */
async function turn(arm: Arm, kind: Kind): Promise<CpuTimes> {
  const { meter, slow } = arm.options;
  const count = slow ? SLOW_TURN : TURN;
  const before = meter();
  await arm.drive(count, sequence(kind));
  const after = meter();
  const per = (thread: Thread) => (after[thread] - before[thread]) / count;
  return { worker: per("worker"), others: per("others"), service: per("service") };
}

/** Most that two equal arms may differ. */
export const GUARD_MAX = 0.02;

export interface Guard {
  kind: Kind;
  ratio: Figure;
  holds: boolean;
}

/** Of each kind: the median of the paired ratios of the two equal arms must be 1 within GUARD_MAX. */
export function guardsOf(blocks: Blocks): Guard[] {
  return KINDS.map((kind) => {
    const ratio = paired(blocks, [figureName(NONE, kind), figureName(AGAIN, kind)], (a, b) => b / a);
    return { kind, ratio, holds: Math.abs(ratio.value - 1) <= GUARD_MAX };
  });
}

/** What an arm costs a request beyond what no filter does, in ns; the two equal arms share in that. */
export function addedBy(blocks: Blocks, arm: string, kind: Kind): Figure {
  const names = [arm, NONE, AGAIN].map((name) => figureName(name, kind));
  return paired(blocks, names, (one, none, again) => one - (none + again) / 2);
}
