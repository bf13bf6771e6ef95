// Figures that do not hang on one split and one order of equal scores. Where the rows of a set are in no order of time
// (one service, split by the maker of the set), the split into learn and test phase and the order of ties are drawn
// anew, ten times, and the figures are means.

import { Prng } from "../../test/support/prng.ts";
import { groupBy } from "./group.ts";
import { figuresOf, type Scored } from "./metrics.ts";
import type { Verdict } from "./replay.ts";
import { rounded, scoredOf } from "./report.ts";
import { protocolSchedule, type Schedule } from "./schedule.ts";
import type { Label, QualitySet, Request } from "./set.ts";
import { shuffled } from "./shuffle.ts";

const SEEDS = 10;
/** A target that comes so often is a constant of the application: its rows may be on both sides. */
const SHARED_MIN = 8;

export interface SeededFigures {
  seeds: number;
  auc: number;
  t1: number;
  t01: number;
}

/** Whether rows have no order of time. */
export function isSplit(set: QualitySet): boolean {
  return new Set(set.requests.map(({ svc }) => svc)).size === 1;
}

type Play = (requests: readonly Request[], schedule: Schedule) => Promise<readonly Verdict[]>;

export async function seededOf(set: QualitySet, play: Play): Promise<SeededFigures> {
  const sum = { auc: 0, t1: 0, t01: 0 };
  for (let seed = 0; seed < SEEDS; seed++) {
    const split = resplit(set, seed);
    const verdicts = await play(split.requests, protocolSchedule(split));
    const { auc, t1, t01 } = figuresOf(untied(scoredOf(split, verdicts), seed));
    sum.auc += auc / SEEDS;
    sum.t1 += t1 / SEEDS;
    sum.t01 += t01 / SEEDS;
  }
  return rounded({ seeds: SEEDS, ...sum });
}

/**
 * Normal rows of one target stay together, as many groups in the learn phase as hold its share of the rows; both phases
 * in random order, the attacks anywhere in the test phase.
 */
export function resplit(set: QualitySet, seed: number): QualitySet {
  const prng = new Prng(seed);
  const rows = [...set.labels.keys()];
  const normals = rows.filter((row) => !set.labels[row]?.attack);
  const learn = normals.filter((row) => set.labels[row]?.phase === "learn").length;
  const groups = [...groupBy(normals, (row) => set.requests[row]?.u ?? "").values()];
  const units = groups.flatMap((group) => (group.length < SHARED_MIN ? [group] : group.map((row) => [row])));
  const first: number[] = [];
  const rest = rows.filter((row) => set.labels[row]?.attack);
  for (const unit of shuffled(units, prng)) (first.length < learn ? first : rest).push(...unit);
  const order = [...shuffled(first, prng), ...shuffled(rest, prng)];
  const pick = <T>(list: readonly T[]) => order.map((row) => list[row] as T);
  const labels = pick(set.labels).map((label, i): Label => ({ ...label, phase: i < first.length ? "learn" : "test" }));
  return { ...set, requests: pick(set.requests), labels };
}

/** Equal scores in a random order: none are equal any more, and the order of the others stays. */
export function untied(rows: readonly Scored[], seed: number): Scored[] {
  const order = shuffled([...rows.keys()], new Prng(seed));
  return rows.map((row, i) => ({ ...row, score: row.score + (order[i] as number) / rows.length }));
}
