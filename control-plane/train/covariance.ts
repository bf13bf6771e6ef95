// Mean and covariance of a target: its own sums, drawn towards the shipped prior. The prior keeps a floor weight
// however much was learnt (detection is about what was never seen: with a vanishing prior, a feature that was constant
// for a million requests would turn any change into an attack). Only + - * / and square roots: the same bits on every
// machine.

import { REQUEST_UNIT, type WeightedMoments } from "./aggregate.ts";
import type { Prior } from "./prior.ts";

/** Requests that the prior mean counts for. */
const MEAN_WEIGHT = 5;
/** Requests that the prior covariance counts for at least, and one in how many of those learnt beyond. */
const COVARIANCE_WEIGHT_MIN = 100;
const COVARIANCE_SHARE = 16;
/**
 * Ridge in units of each feature's own variance: no direction of the correlation counts for less. Beside the clip, 0.1
 * to 0.4 find the same on the development set, 0.05 and less find fewer at one false alarm in a thousand.
 */
const RIDGE = 0.15;
/** And absolutely, in squared bins: a feature that neither target nor prior ever saw moving. */
const VARIANCE_MIN = 0.02;

const NOTHING: WeightedMoments = { n: 0n, sums: [], products: [] };

export interface Gaussian {
  /** Mean bins. */
  mean: Float64Array;
  /** Symmetric, positive definite, row-major, in squared bins. */
  covariance: Float64Array;
}

/** Without moments nothing was learnt: the prior alone. */
export function estimate(moments: WeightedMoments | undefined, prior: Prior): Gaussian {
  const features = prior.mean.length;
  const { n, sums, products } = moments ?? NOTHING;
  const unit = Number(REQUEST_UNIT);
  const requests = Number(n) / unit;
  const weight = Math.max(COVARIANCE_WEIGHT_MIN, requests / COVARIANCE_SHARE);
  const mean = new Float64Array(features);
  const covariance = new Float64Array(features * features);
  for (let i = 0; i < features; i++) {
    mean[i] = (Number(sums[i] ?? 0n) / unit + MEAN_WEIGHT * at(prior.mean, i)) / (requests + MEAN_WEIGHT);
    for (let j = 0; j <= i; j++) {
      const scatter =
        n === 0n ? 0 : scatterOf(n, at(products, (i * (i + 1)) / 2 + j), at(sums, i) * at(sums, j)) / unit;
      let value = (scatter + weight * at(prior.covariance, i * features + j)) / (requests + weight);
      if (i === j) value = value * (1 + RIDGE) + VARIANCE_MIN;
      covariance[i * features + j] = value;
      covariance[j * features + i] = value;
    }
  }
  return { mean, covariance };
}

/** n p - s s is exact; only the last steps round. */
function scatterOf(n: bigint, product: bigint, squared: bigint): number {
  return Number(n * product - squared) / Number(n);
}

function at<T>(list: ArrayLike<T>, i: number): T {
  return list[i] as T;
}
