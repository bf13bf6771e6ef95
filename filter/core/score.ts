// The integer Mahalanobis score (law 5), and what each feature contributed to it. The SIMD build and the scalar build
// give the same numbers: everything is exact integer arithmetic within the ranges said beside it.

import { FEATURES, SCORE_MAX, Z_MAX } from "./limits";
import { modelClip, modelFactor, modelMean, modelScale } from "./model";

/** d_j, i16: |64 x - m| <= 2,047. */
const DELTA = memory.data(2 * FEATURES, 16);
/** y_r, i32: |y| <= 32 * 128 * 2,047 < 2^23. */
const Y = memory.data(4 * FEATURES, 16);
/** z_r, i32: |z| < 2^20. */
const Z = memory.data(4 * FEATURES, 16);

/** d = 64 x - m, clipped to -k .. k. */
function fillDelta(body: usize, bins: usize): void {
  const mean = modelMean(body);
  const clip = modelClip(body);
  if (ASC_FEATURE_SIMD) {
    for (let j: usize = 0; j < <usize>FEATURES; j += 8) {
      const x = i16x8.shl(v128.load_ext<u8>(bins + j), 6);
      const d = i16x8.sub(x, v128.load(mean + (j << 1)));
      const k = v128.load(clip + (j << 1));
      v128.store(DELTA + (j << 1), i16x8.max_s(i16x8.neg(k), i16x8.min_s(k, d)));
    }
  } else {
    for (let j: usize = 0; j < <usize>FEATURES; j++) {
      const x: i32 = load<u8>(bins + j);
      const d = 64 * x - <i32>load<i16>(mean + (j << 1));
      const k: i32 = load<i16>(clip + (j << 1));
      store<i16>(DELTA + (j << 1), <i16>max<i32>(-k, min<i32>(k, d)));
    }
  }
}

/** y = L d. */
function fillY(body: usize): void {
  const factor = modelFactor(body);
  if (ASC_FEATURE_SIMD) {
    const d0 = v128.load(DELTA);
    const d1 = v128.load(DELTA, 16);
    const d2 = v128.load(DELTA, 32);
    const d3 = v128.load(DELTA, 48);
    for (let r: usize = 0; r < <usize>FEATURES; r += 4) {
      const row = factor + (r << 5);
      const a = rowSums(row, d0, d1, d2, d3);
      const b = rowSums(row + 32, d0, d1, d2, d3);
      const c = rowSums(row + 64, d0, d1, d2, d3);
      const d = rowSums(row + 96, d0, d1, d2, d3);
      // Adds the four lanes of each, the four results side by side.
      const ab = i32x4.add(v128.shuffle<i32>(a, b, 0, 4, 1, 5), v128.shuffle<i32>(a, b, 2, 6, 3, 7));
      const cd = i32x4.add(v128.shuffle<i32>(c, d, 0, 4, 1, 5), v128.shuffle<i32>(c, d, 2, 6, 3, 7));
      v128.store(Y + (r << 2), i32x4.add(v128.shuffle<i64>(ab, cd, 0, 2), v128.shuffle<i64>(ab, cd, 1, 3)));
    }
  } else {
    for (let r: usize = 0; r < <usize>FEATURES; r++) {
      const row = factor + (r << 5);
      let y: i32 = 0;
      for (let j: usize = 0; j < <usize>FEATURES; j++) {
        y += <i32>load<i8>(row + j) * <i32>load<i16>(DELTA + (j << 1));
      }
      store<i32>(Y + (r << 2), y);
    }
  }
}

/** Four partial sums of one row: a register of i32 that add up to y. */
function rowSums(row: usize, d0: v128, d1: v128, d2: v128, d3: v128): v128 {
  const left = i32x4.add(
    i32x4.dot_i16x8_s(v128.load_ext<i8>(row), d0),
    i32x4.dot_i16x8_s(v128.load_ext<i8>(row, 8), d1),
  );
  const right = i32x4.add(
    i32x4.dot_i16x8_s(v128.load_ext<i8>(row, 16), d2),
    i32x4.dot_i16x8_s(v128.load_ext<i8>(row, 24), d3),
  );
  return i32x4.add(left, right);
}

/** Score of 32 bins under a model body that is present, in 1/256; 0 to SCORE_MAX. Leaves what `contribution` needs. */
export function score(body: usize, bins: usize): u32 {
  fillDelta(body, bins);
  fillY(body);
  const scale = modelScale(body);
  let sum: i64 = 0;
  for (let at: usize = 0; at < 4 * FEATURES; at += 4) {
    const scaled = (<i64>load<i32>(Y + at) * <i64>load<u32>(scale + at)) >> 16;
    const z = max<i64>(-Z_MAX, min<i64>(Z_MAX, scaled));
    store<i32>(Z + at, <i32>z);
    sum += z * z;
  }
  return <u32>min<i64>(SCORE_MAX, sum >> 8);
}

/**
 * c_j of the last score, which must have been under the same body: the share of feature j, positive or negative, in
 * 1/256.
 */
export function contribution(body: usize, j: i32): i64 {
  const column = modelFactor(body) + j;
  const scale = modelScale(body);
  let g: i64 = 0;
  for (let r: usize = 0; r < <usize>FEATURES; r++) {
    const weight = (<i64>load<i32>(Z + (r << 2)) * <i64>load<u32>(scale + (r << 2))) >> 16;
    g += <i64>load<i8>(column + (r << 5)) * weight;
  }
  return (<i64>load<i16>(DELTA + ((<usize>j) << 1)) * g) >> 8;
}

let percent: u32 = 0;

/** Feature with the largest contribution to the last score under this body, ties to the lowest id. */
export function topFeature(body: usize): i32 {
  let top = 0;
  let best = i64.MIN_VALUE;
  let positive: i64 = 0;
  for (let j = 0; j < FEATURES; j++) {
    const c = contribution(body, j);
    if (c > 0) positive += c;
    if (c > best) {
      best = c;
      top = j;
    }
  }
  percent = positive == 0 ? 0 : <u32>((100 * best) / positive);
  return top;
}

/** Percent of the sum of the positive contributions that the feature found by topFeature has, 0 to 100. */
export function topPercent(): u32 {
  return percent;
}
