// Section 4 of the law: buckets of scores. 8 buckets an octave; the last one takes everything above.

import { SCORE_BUCKETS } from "../../filter/core/limits.ts";
import { floorLog2 } from "./bins.ts";

/** Bucket 0..127 of a score in 1/256; a score, not the absence of one. */
export function bucketOf(score: number): number {
  const v = Math.floor(score / 256);
  if (v < 8) return v;
  const e = floorLog2(v);
  return Math.min(SCORE_BUCKETS - 1, 8 * (e - 2) + (Math.floor(v / 2 ** (e - 3)) & 7));
}

/** Lowest v = score >> 8 of a bucket. */
export function lowerEdge(bucket: number): number {
  return bucket < 8 ? bucket : (8 + (bucket & 7)) * 2 ** (Math.floor(bucket / 8) - 1);
}
