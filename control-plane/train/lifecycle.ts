// What is due for a target: nothing, a first model that judges at once, a candidate to be trained, or a calibrated
// candidate to judge from now on. A candidate is scored beside the current model until its own histogram holds enough;
// it is not replaced before, so slow traffic calibrates it too.

import type { Statistics } from "../domain.ts";
import { totalOf } from "../store/statistics.ts";
import { learntOf } from "./aggregate.ts";
import type { TrainSettings } from "./settings.ts";

/** From fewer requests there is no more to learn than the prior knows. */
const LEARNT_MIN = 10;
/** A candidate that will not deny yet judges soon: after one in so many of the requests that it was trained from. */
const CALIBRATION_SHARE = 20;

/** Of the model that judges, if there is one, and of the candidate, if there is one. */
export interface ModelState {
  current: { learnt: number; trainedAtMs: number } | undefined;
  candidate: { modelId: string; learnt: number } | undefined;
}

export type Due = "nothing" | "first" | "train" | "calibrate";

export function dueOf(state: ModelState, statistics: Statistics, settings: TrainSettings, nowMs: number): Due {
  const { current, candidate } = state;
  if (current === undefined) return "first";
  if (candidate !== undefined) {
    const needed = calibrationOf(candidate.learnt, settings);
    return scoredBy(statistics, candidate.modelId) >= needed ? "calibrate" : "nothing";
  }
  const learnt = learntOf([statistics]);
  if (learnt < LEARNT_MIN) return "nothing";
  const grown = learnt * 100 >= current.learnt * (100 + settings.retrainGrowthPercent);
  const aged = nowMs - current.trainedAtMs >= settings.retrainAfterMs && learnt !== current.learnt;
  const ripe = mayDeny(learnt, settings) && !mayDeny(current.learnt, settings);
  return grown || aged || ripe ? "train" : "nothing";
}

/** Whether a model that was trained from so many requests is old enough to deny; a younger one only reports. */
export function mayDeny(learnt: number, { learnRequestsMin }: Pick<TrainSettings, "learnRequestsMin">): boolean {
  return learnt >= learnRequestsMin;
}

/** Requests that a candidate which was trained from so many must have scored before it judges. */
export function calibrationOf(learnt: number, settings: TrainSettings): number {
  const { calibrationRequestsMin } = settings;
  if (mayDeny(learnt, settings)) return calibrationRequestsMin;
  return Math.min(calibrationRequestsMin, Math.max(1, Math.ceil(learnt / CALIBRATION_SHARE)));
}

/** Requests in the histogram of a model. */
export function scoredBy(statistics: Statistics, modelId: string | undefined): number {
  return totalOf((modelId === undefined ? undefined : statistics.scores[modelId]) ?? []);
}
