// What is due for a target: nothing, a candidate to be trained, or a calibrated candidate to judge from now on. A
// candidate is scored beside the current model until its own histogram holds enough; it is not replaced before, so slow
// traffic calibrates it too.

import type { Statistics } from "../domain.ts";
import { learntOf } from "./aggregate.ts";
import { scoredBy } from "./confidence.ts";
import type { TrainSettings } from "./settings.ts";

/** Of the model that judges, if there is one, and of the candidate, if there is one. */
export interface ModelState {
  current: { learnt: number; trainedAtMs: number } | undefined;
  candidate: { modelId: string } | undefined;
}

export type Due = "nothing" | "train" | "calibrate";

export function dueOf(state: ModelState, statistics: Statistics, settings: TrainSettings, nowMs: number): Due {
  const { current, candidate } = state;
  if (candidate !== undefined) {
    return scoredBy(statistics, candidate.modelId) >= settings.calibrationRequestsMin ? "calibrate" : "nothing";
  }
  const learnt = learntOf([statistics]);
  if (current === undefined) return learnt >= settings.learnRequestsMin ? "train" : "nothing";
  const grown = learnt * 100 >= current.learnt * (100 + settings.retrainGrowthPercent);
  const aged = nowMs - current.trainedAtMs >= settings.retrainAfterMs && learnt !== current.learnt;
  return grown || aged ? "train" : "nothing";
}
