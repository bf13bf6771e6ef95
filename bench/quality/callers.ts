// Callers for sets that know of too few: rows are dealt to attested callers of each service by weight, seeded, so that
// every arm of a comparison has the same assignment. Each service has callers of its own: how their names fall into
// caller groups is then no single throw of the dice.

import { Prng } from "../../test/support/prng.ts";
import type { QualitySet, Request } from "./set.ts";

const SEED = 20_260_102;

/** Weights of the callers of a service; the first is the one that may turn bad. */
export const CALLERS = {
  eight: [1, 1, 1, 1, 1, 1, 1, 1],
  two: [1, 1],
  /** Each half of the one before; the first sends half of all. */
  skewed: [64, 32, 16, 8, 4, 2, 1, 1],
} as const;

export type Callers = keyof typeof CALLERS;

export function callerName(svc: string, index: number): string {
  return `${svc}/caller-${index}`;
}

/** The requests of a set, row by row, each from one of the callers. */
export function dealt(set: QualitySet, callers: Callers): Request[] {
  const prng = new Prng(SEED);
  const weights = CALLERS[callers];
  const total = weights.reduce((sum: number, weight) => sum + weight, 0);
  return set.requests.map((request) => {
    let left = prng.below(total);
    const index = weights.findIndex((weight) => {
      left -= weight;
      return left < 0;
    });
    return { ...request, src: callerName(request.svc, index) };
  });
}
