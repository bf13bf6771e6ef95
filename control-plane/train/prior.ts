// The shipped prior: what requests look like before any was seen, and what the covariance keeps of it for ever. Made by
// bench/prior.ts from public traffic; `prior.json` says from which bytes and how many requests.

import { ControlPlaneError } from "../errors.ts";

export interface Prior {
  /** Hash of the feature list it was made for, 16 hex digits. */
  featureHash: string;
  /** Mean bins. */
  mean: Float64Array;
  /** Covariance within services, symmetric, row-major. */
  covariance: Float64Array;
}

/** Reads the text of prior.json. Throws FAILED_PRECONDITION where it is not for these features. */
export function parsePrior(text: string, featureHash: bigint, features: number): Prior {
  const content: unknown = JSON.parse(text);
  const { mean, covariance, featureHash: found } = content as Record<string, unknown>;
  const expected = featureHash.toString(16).padStart(16, "0");
  if (found !== expected)
    throw refused("feature_hash", `${String(found)}, must be ${expected}; make it again with bench/prior.ts`);
  const means = numbers("mean", mean, features);
  if (!Array.isArray(covariance) || covariance.length !== features) throw refused("covariance", `not ${features} rows`);
  const whole = new Float64Array(features * features);
  for (const [i, row] of covariance.entries()) {
    // Rows of the lower triangle.
    const values = numbers(`covariance[${i}]`, row, i + 1);
    for (const [j, value] of values.entries()) {
      whole[i * features + j] = value;
      whole[j * features + i] = value;
    }
  }
  return { featureHash: expected, mean: means, covariance: whole };
}

function numbers(field: string, value: unknown, length: number): Float64Array {
  const ok = Array.isArray(value) && value.length === length && value.every((one) => Number.isFinite(one));
  if (!ok) throw refused(field, `must be ${length} finite numbers`);
  return Float64Array.from(value as number[]);
}

function refused(field: string, detail: string): ControlPlaneError {
  return new ControlPlaneError("FAILED_PRECONDITION", `prior.${field}: ${detail}`, { field: `prior.${field}` });
}
