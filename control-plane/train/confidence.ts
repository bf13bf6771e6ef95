// How far a target is, and how many callers stand behind what was learnt.

import type { Statistics } from "../domain.ts";
import type { Confidence } from "../seams.ts";
import { learntOf } from "./aggregate.ts";
import type { TrainSettings } from "./settings.ts";

/** With fewer there is nothing to compare a caller with: one of them can make itself normal. */
export const CALLERS_MIN = 4;
const OVERFLOW = "0".repeat(16);

export interface ModelIds {
  current: string | undefined;
  candidate: string | undefined;
}

export function confidenceOf(
  models: ModelIds,
  statistics: Statistics,
  settings: TrainSettings,
): { confidence: Confidence; detail: string } {
  const { learnRequestsMin, calibrationRequestsMin } = settings;
  const learnt = learntOf([statistics]);
  if (models.current === undefined && models.candidate === undefined) {
    return { confidence: "learning", detail: `${learnt} of ${learnRequestsMin} requests learnt` };
  }
  if (models.current === undefined) {
    const scored = scoredBy(statistics, models.candidate);
    const detail = `${learnt} requests learnt, ${scored} of ${calibrationRequestsMin} scored by the first model`;
    return { confidence: "calibrating", detail };
  }
  const callers = Object.entries(statistics.callers).filter(([key]) => key !== OVERFLOW);
  const attested = callers.filter(([, caller]) => caller.class === "attested").length;
  const detail = `${learnt} requests learnt from ${callers.length} callers, ${attested} of them attested`;
  if (callers.length >= CALLERS_MIN) return { confidence: "confident", detail };
  return { confidence: "insufficient-callers", detail: `${detail}; at least ${CALLERS_MIN} callers are needed` };
}

/** Requests in the histogram of a model. */
export function scoredBy(statistics: Statistics, modelId: string | undefined): number {
  const counts = modelId === undefined ? undefined : statistics.scores[modelId];
  return counts?.reduce((sum, count) => sum + count, 0) ?? 0;
}
