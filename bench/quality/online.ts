// Nobody knows the labels: attacks pass among the learnt rows, as far as the product takes them (mode `enforce`), and
// what that costs against labels that are known.

import { Prng } from "../../test/support/prng.ts";
import { type Loss, lossOf } from "./loss.ts";
import type { Verdict } from "./replay.ts";
import { protocolSchedule, rowsByService, type Schedule } from "./schedule.ts";
import type { QualitySet } from "./set.ts";
import { shuffled } from "./shuffle.ts";

const SEED = 20_260_104;
/** Of attacks in all rows that are sent to be learnt from. */
const SHARES = [0.01, 0.05];

/** Every attack row. */
export function allAttacks(set: QualitySet): Set<number> {
  return new Set([...set.labels.keys()].filter((row) => set.labels[row]?.attack));
}

/** Replays a schedule; with `enforce` the product refuses what it denies. */
type Play = (schedule: Schedule, enforce: boolean) => Promise<readonly Verdict[]>;

/** One a share. Every attack is scored in all of them, whether it is learnt from or not. */
export async function onlineOf(set: QualitySet, play: Play): Promise<Loss[]> {
  const control = await play(protocolSchedule(set), false);
  const losses: Loss[] = [];
  for (const share of SHARES) {
    const kept = keptOf(set, share);
    const poisoned = await play(protocolSchedule(set, kept), true);
    const arm = `${100 * share} % attacks`;
    losses.push(lossOf(set, { arm, poison: kept.size, control, poisoned, without: new Set() }));
  }
  return losses;
}

/** A seeded choice of each service's attacks, so many that they are this share of its rows; all if there are fewer. */
export function keptOf(set: QualitySet, share: number): Set<number> {
  const prng = new Prng(SEED);
  const kept = new Set<number>();
  let due = 0;
  for (const rows of rowsByService(set).values()) {
    const attacks = rows.filter((row) => set.labels[row]?.attack);
    due += ((rows.length - attacks.length) * share) / (1 - share);
    const count = Math.min(attacks.length, Math.floor(due));
    due -= Math.floor(due);
    for (const row of shuffled(attacks, prng).slice(0, count)) kept.add(row);
  }
  return kept;
}
