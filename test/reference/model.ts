// Section 5 of the law: distance and contributions, with big integers wherever the law asks for more than 32 bits.

import { FEATURES, NO_SCORE, SCORE_MAX } from "../../filter/core/limits.ts";
import type { Extraction } from "./features.ts";

export interface Model {
  /** 32, in 1/64 bin. */
  mean: readonly number[];
  /** 32 x 32, row-major, -128..127. */
  factor: readonly number[];
  /** 32, 0..2^31 - 1. */
  scale: readonly number[];
  /** 32, in 1/64 bin, 1..2047: the largest deviation of a feature that counts. */
  clip: readonly number[];
}

const Z_MAX = (1n << 20n) - 1n;

function deviations(model: Model, bins: readonly number[]): number[] {
  return bins.map((x, j) => Math.max(-model.clip[j]!, Math.min(model.clip[j]!, 64 * x - model.mean[j]!)));
}

function clipZ(z: bigint): bigint {
  if (z > Z_MAX) return Z_MAX;
  return z < -Z_MAX ? -Z_MAX : z;
}

/** 32 whitened deviations in 1/256 standard deviation. */
export function whitened(model: Model, bins: readonly number[]): bigint[] {
  const d = deviations(model, bins);
  return model.scale.map((scale, r) => {
    let y = 0;
    for (let j = 0; j < FEATURES; j++) y += model.factor[r * FEATURES + j]! * d[j]!;
    return clipZ((BigInt(y) * BigInt(scale)) >> 16n);
  });
}

/** Squared Mahalanobis distance in 1/256, at most 2^31 - 1. */
export function score(model: Model, bins: readonly number[]): number {
  let total = 0n;
  for (const z of whitened(model, bins)) total += z * z;
  const distance = total >> 8n;
  return distance > BigInt(SCORE_MAX) ? SCORE_MAX : Number(distance);
}

/** Share of each feature in the distance; 32, signed. */
export function contributions(model: Model, bins: readonly number[]): bigint[] {
  const weights = whitened(model, bins).map((z, r) => (z * BigInt(model.scale[r]!)) >> 16n);
  return deviations(model, bins).map((d, j) => {
    let g = 0n;
    for (let r = 0; r < FEATURES; r++) g += BigInt(model.factor[r * FEATURES + j]!) * weights[r]!;
    return (BigInt(d) * g) >> 8n;
  });
}

export interface Top {
  feature: number;
  /** 0..100, rounded down. */
  percent: number;
}

/** The feature with the largest contribution, ties to the lowest id. */
export function topFeature(shares: readonly bigint[]): Top {
  let feature = 0;
  let positive = 0n;
  shares.forEach((share, j) => {
    if (share > shares[feature]!) feature = j;
    if (share > 0n) positive += share;
  });
  return { feature, percent: positive === 0n ? 0 : Number((100n * shares[feature]!) / positive) };
}

export interface Judged {
  /** The distance that counts; NO_SCORE without a model. */
  score: number;
  /** The measurement that it is of. */
  times: 1 | 2;
}

/** Distances of both measurements; the higher counts, ties to the first. */
export function judge(model: Model | undefined, extraction: Extraction): Judged {
  if (model === undefined) return { score: NO_SCORE, times: 1 };
  const first = score(model, extraction.first);
  const second = extraction.second === undefined ? first : score(model, extraction.second);
  return second > first ? { score: second, times: 2 } : { score: first, times: 1 };
}
