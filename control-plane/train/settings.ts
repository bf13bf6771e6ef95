// What the trainer is told, with the defaults. Part of its input: the same sums and the same settings give the same
// bytes.

export interface TrainSettings {
  /** Requests that a model must have learnt from to deny; a younger one only reports. 10 to 1e9. */
  learnRequestsMin: number;
  /** Requests a candidate scores before it judges; one that may not deny, a twentieth of what it learnt. 10 to 1e9. */
  calibrationRequestsMin: number;
  /** A new candidate is due when the learnt requests grew by so much; 1 to 1,000 percent. */
  retrainGrowthPercent: number;
  /** Or when the current model is so old; 1,000 ms to 7 days. */
  retrainAfterMs: number;
  /** Share of normal requests that may be told; 1e-9 to 0.1. */
  alertFpr: number;
  /** Share of normal requests that may be denied; 1e-9 to alertFpr. */
  denyFpr: number;
}

export const TRAIN_DEFAULTS: TrainSettings = {
  learnRequestsMin: 1000,
  calibrationRequestsMin: 2000,
  retrainGrowthPercent: 5,
  retrainAfterMs: 15 * 60_000,
  alertFpr: 1e-3,
  denyFpr: 1e-5,
};
