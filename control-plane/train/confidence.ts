// How far a target is, and how many callers stand behind what was learnt.

import type { Statistics } from "../domain.ts";
import type { Confidence } from "../seams.ts";
import { learntOf } from "./aggregate.ts";
import { calibrationOf, mayDeny, scoredBy } from "./lifecycle.ts";
import type { TrainSettings } from "./settings.ts";

/** With fewer there is nothing to compare a caller with: one of them can make itself normal. */
export const CALLERS_MIN = 4;
const OVERFLOW = "0".repeat(16);

export interface JudgingState {
  /** Of the model that judges; 0: it denies nothing, or there is none. */
  denyThreshold: number;
  candidate: { modelId: string; learnt: number } | undefined;
}

export function confidenceOf(
  { denyThreshold, candidate }: JudgingState,
  statistics: Statistics,
  settings: TrainSettings,
): { confidence: Confidence; detail: string } {
  const { learnRequestsMin } = settings;
  const learnt = learntOf([statistics]);
  if (denyThreshold === 0 && !mayDeny(learnt, settings)) {
    return { confidence: "learning", detail: `${learnt} of ${learnRequestsMin} requests learnt` };
  }
  if (denyThreshold === 0) return { confidence: "calibrating", detail: `${learnt} requests learnt, ${nextOf()}` };
  const callers = Object.entries(statistics.callers).filter(([key]) => key !== OVERFLOW);
  const attested = callers.filter(([, caller]) => caller.class === "attested").length;
  const detail = `${learnt} requests learnt from ${callers.length} callers, ${attested} of them attested`;
  if (callers.length >= CALLERS_MIN) return { confidence: "confident", detail };
  return { confidence: "insufficient-callers", detail: `${detail}; at least ${CALLERS_MIN} callers are needed` };

  function nextOf(): string {
    if (candidate === undefined) return "the next model is not trained yet";
    const scored = scoredBy(statistics, candidate.modelId);
    return `${scored} of ${calibrationOf(candidate.learnt, settings)} scored by the next model`;
  }
}
