// Runs one set through the product and puts the result together.

import type { Core } from "../../control-plane/core.ts";
import type { CycleLinks } from "../../control-plane/cycle.ts";
import { SETTINGS } from "./plane.ts";
import type { Priors } from "./priors.ts";
import { type Replay, replay, type Verdict } from "./replay.ts";
import { type CurvePoint, curvePointOf, type Result, resultOf } from "./report.ts";
import { curveSchedule, protocolSchedule, rowsByService } from "./schedule.ts";
import type { QualitySet } from "./set.ts";

/** Local requests of the learning curve. */
const CURVE = [10, 20, 50, 100, 200, 400, 700];

export interface RunOptions {
  core: Core;
  priors: Priors;
  online?: boolean;
  learningCurve?: boolean;
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

export async function runSet(set: QualitySet, options: RunOptions): Promise<Run> {
  const { core, priors, online = false, learningCurve = false, train, seconds } = options;
  const start = seconds();
  const play = (schedule: Parameters<typeof replay>[1], enforce: boolean): Promise<Replay> =>
    replay(set.requests, schedule, {
      ...{ core, priorOf: priors.of, enforce },
      ...(train === undefined ? {} : { train }),
    });
  const { verdicts, unjudged } = await play(protocolSchedule(set, online), online);
  const result = resultOf(set, verdicts, seconds() - start);
  if (learningCurve) result.learningCurve = await curveOf(set, (schedule) => play(schedule, false));
  return { result, verdicts, unjudged };
}

async function curveOf(
  set: QualitySet,
  play: (schedule: ReturnType<typeof curveSchedule>) => Promise<Replay>,
): Promise<CurvePoint[]> {
  const points: CurvePoint[] = [];
  for (const requests of CURVE) {
    const schedule = curveSchedule(set, requests, SETTINGS.calibrationRequestsMin);
    if (schedule.size === 0) break;
    points.push(curvePointOf(set, (await play(schedule)).verdicts, requests));
  }
  return points;
}

/** Services of a set, in order of their first row. */
export function servicesOf(set: QualitySet): string[] {
  return [...rowsByService(set).keys()];
}
