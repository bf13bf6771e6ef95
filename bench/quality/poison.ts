// Attackers who teach: rows that are not normal are learnt from as if they were, and the other attacks are scored. Each
// arm has a control of the same callers, days and scored rows in which nobody poisons. The mode is `learn`: only what
// the product refuses to learn from whatever its mode keeps poison out.

import { type Callers, dealt } from "./callers.ts";
import { NO_POISON, planOf, type Recipe, type Stream, streamOf } from "./dose.ts";
import { type Loss, lossOf } from "./loss.ts";
import type { Verdict } from "./replay.ts";
import { dailySchedule, protocolSchedule, type Schedule } from "./schedule.ts";
import type { QualitySet, Request } from "./set.ts";

const DAYS = 14;
const DAILY_SHARE = 0.005;
/** All of it attack rows, in no time. */
const FIVE_PERCENT: Recipe = { content: "attacks", share: () => 0.05, days: 0 };

export interface Arm {
  name: string;
  /** The first of them poisons. */
  callers: Callers;
  recipe: Recipe;
}

/** The ramp is the slow arm read the other way: each day half a percent more. */
export const ARMS: readonly Arm[] = [
  { name: "1 of 8 callers", callers: "eight", recipe: FIVE_PERCENT },
  { name: "1 of 2 callers", callers: "two", recipe: FIVE_PERCENT },
  { name: "the largest caller", callers: "skewed", recipe: FIVE_PERCENT },
  {
    ...{ name: "0.5 % a day for 14 days", callers: "eight" },
    recipe: { content: "attacks", share: () => DAILY_SHARE, days: DAYS },
  },
  {
    ...{ name: "0.5 % more each day for 14 days", callers: "eight" },
    recipe: { content: "attacks", share: (day) => DAILY_SHARE * (day + 1), days: DAYS },
  },
  { name: "a flood of unique values", callers: "eight", recipe: { ...FIVE_PERCENT, content: "unique values" } },
];

/** Replays a schedule over these requests in mode `learn`; with `daily` each stage is a day. */
export type Play = (requests: readonly Request[], schedule: Schedule, daily: boolean) => Promise<readonly Verdict[]>;

/** All arms, in order; controls that are the same are replayed once. */
export async function poisonOf(set: QualitySet, play: Play): Promise<Loss[]> {
  const controls = new Map<string, Verdict[]>();
  const losses: Loss[] = [];
  for (const { name, callers, recipe } of ARMS) {
    const own = { ...set, requests: dealt(set, callers) };
    const key = `${callers} ${recipe.days}`;
    const control = controls.get(key) ?? (await run(streamOf(own, NO_POISON), recipe.days, play));
    controls.set(key, control);
    const plan = planOf(own, recipe);
    const stream = streamOf(own, plan);
    const poisoned = await run(stream, recipe.days, play);
    losses.push(lossOf(set, { arm: name, poison: stream.also.size, control, poisoned, without: plan.taken }));
  }
  return losses;
}

/** Verdicts by row of the set. */
async function run({ set, origin, also }: Stream, days: number, play: Play): Promise<Verdict[]> {
  const schedule = days === 0 ? protocolSchedule(set, also) : dailySchedule(set, days, also);
  const verdicts = await play(set.requests, schedule, days > 0);
  return verdicts.map((verdict) => ({ ...verdict, row: origin[verdict.row] ?? -1 }));
}
