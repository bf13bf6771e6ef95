// Score histograms (law 4): 128 buckets, 8 an octave, of scores in 1/256.

import { SCORE_BUCKETS } from "./limits";

/** Bucket of a score in 1/256, 0 to 127. */
export function bucketOf(score: u32): i32 {
  const v = score >> 8;
  if (v < 8) return <i32>v;
  const e = 31 - clz<u32>(v);
  return <i32>min<u32>(SCORE_BUCKETS - 1, 8 * (e - 2) + ((v >> (e - 3)) & 7));
}

/** Lowest v = score >> 8 that falls into the bucket, for 0 <= bucket < 128. */
export function bucketLow(bucket: i32): u32 {
  if (bucket < 8) return <u32>max<i32>(0, bucket);
  const b = min<i32>(bucket, SCORE_BUCKETS - 1);
  return (8 + (<u32>b & 7)) << ((b >> 3) - 1);
}
