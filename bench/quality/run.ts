// Runs one set through the product and puts the result together.

import type { Core } from "../../control-plane/core.ts";
import type { CycleLinks } from "../../control-plane/cycle.ts";
import type { Disk } from "../../control-plane/store/store.ts";
import type { Voices } from "./heads.ts";
import { allAttacks, onlineOf } from "./online.ts";
import { SETTINGS } from "./plane.ts";
import { poisonOf } from "./poison.ts";
import type { Priors } from "./priors.ts";
import { type Replay, type ReplayOptions, replay, type Verdict } from "./replay.ts";
import { type CurvePoint, curvePointOf, type Result, resultOf } from "./report.ts";
import { scaleOf } from "./scale.ts";
import { curveSchedule, protocolSchedule, rowsByService, type Schedule } from "./schedule.ts";
import { isSplit, seededOf } from "./seeds.ts";
import type { QualitySet, Request } from "./set.ts";

/** Local requests of the learning curve: the first is what a service has before it learnt anything. */
const CURVE = [0, 10, 20, 50, 100, 200, 400, 700];

/** What is measured beside the protocol; each costs replays of its own. */
export interface Extras {
  /** Every row is sent to be learnt from, also in the result itself; and with few attacks among them. */
  online: boolean;
  learningCurve: boolean;
  /** Only sets whose rows are in no order of time. */
  seeds: boolean;
  poison: boolean;
  /** Requests that each stream is repeated to. */
  scale: number | undefined;
}

export interface RunOptions extends Partial<Extras>, Voices {
  core: Core;
  priors: Priors;
  disk?: () => Disk;
  train?: CycleLinks["train"];
  /** Seconds of a clock that only grows. */
  seconds: () => number;
}

export interface Run {
  result: Result;
  verdicts: readonly Verdict[];
  /** Rows of the test phase that came before any model was deployed. */
  unjudged: number;
}

/** Replays with the options of a run. */
type Play = (requests: readonly Request[], schedule: Schedule, how?: Partial<ReplayOptions>) => Promise<Replay>;

export async function runSet(set: QualitySet, options: RunOptions): Promise<Run> {
  const { core, priors, head, without, disk, train, online = false, seconds } = options;
  const common: ReplayOptions = {
    ...{ core, priorOf: priors.of, head, without },
    ...(disk === undefined ? {} : { disk }),
    ...(train === undefined ? {} : { train }),
  };
  const play: Play = (requests, schedule, how = {}) => replay(requests, schedule, { ...common, ...how });
  const start = seconds();
  const also = online ? allAttacks(set) : new Set<number>();
  const { verdicts, unjudged } = await play(set.requests, protocolSchedule(set, also), { enforce: online });
  const result = resultOf(set, verdicts, seconds() - start);
  await addExtras(result, set, options, play, online ? undefined : verdicts);
  const { scale } = options;
  if (scale !== undefined) result.scale = await scaleOf(set, scale, { ...common, seconds });
  return { result, verdicts, unjudged };
}

/** `protocol`: its verdicts, where they are known. */
async function addExtras(
  result: Result,
  set: QualitySet,
  extras: Partial<Extras>,
  play: Play,
  protocol: readonly Verdict[] | undefined,
): Promise<void> {
  const { online, learningCurve, seeds, poison } = extras;
  const verdicts = async (...input: Parameters<Play>) => (await play(...input)).verdicts;
  if (learningCurve) {
    const whole = protocol ?? (await verdicts(set.requests, protocolSchedule(set)));
    result.learningCurve = await curveOf(set, whole, (schedule) => verdicts(set.requests, schedule));
  }
  if (seeds && isSplit(set)) result.seeds = await seededOf(set, verdicts);
  if (poison) result.poison = await poisonOf(set, (rows, schedule, daily) => verdicts(rows, schedule, { daily }));
  if (online) {
    result.online = await onlineOf(set, (schedule, enforce) => verdicts(set.requests, schedule, { enforce }));
  }
}

async function curveOf(
  set: QualitySet,
  whole: readonly Verdict[],
  play: (schedule: Schedule) => Promise<readonly Verdict[]>,
): Promise<CurvePoint[]> {
  const points: CurvePoint[] = [];
  for (const requests of CURVE) {
    const schedule = curveSchedule(set, requests, requests === 0 ? 0 : SETTINGS.calibrationRequestsMin);
    if (schedule.size === 0) break;
    points.push(curvePointOf(set, await play(schedule), requests, whole));
  }
  return points;
}

/** Services of a set, in order of their first row. */
export function servicesOf(set: QualitySet): string[] {
  return [...rowsByService(set).keys()];
}
