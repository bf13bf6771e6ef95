// Bins (law 2): what turns counts and shares into the small integers that the model sees.

import { log2 } from "./log2";

/** 1.5 bins an octave: 0 for 0, else 1 + (floor(log2(n^3)) >> 1) with n cut to 65,535; 0 to 24. */
export function bin(n: u32): i32 {
  if (n == 0) return 0;
  const m: u64 = min<u32>(n, 65535);
  return 1 + ((63 - <i32>clz<u64>(m * m * m)) >> 1);
}

/** Share of a in n in sixteenths, 0 to 15; 0 for n = 0. */
export function ratio(a: u32, n: u32): i32 {
  if (n == 0) return 0;
  return <i32>min<u32>(15, (16 * a) / n);
}

/** The number itself, at most 15. */
export function linear(n: u32): i32 {
  return <i32>min<u32>(15, n);
}

/** 2.5 bins a bit of the entropy of n bytes, given the sum of c log2(c) over their byte counts c; 0 to 15. */
export function entropyBin(n: u32, sum: u64): i32 {
  if (n == 0) return 0;
  const mean = <i64>(sum / n);
  const entropy = max<i64>(0, <i64>log2(n) - mean);
  return <i32>min<i64>(15, (5 * entropy) >> 17);
}
