// The distance of a request (laws 1 and 5): of the measurement taken last, or of its two the higher. Leaves what
// `contribution` and `topFeature` need of the measurement that counts.

import { BINS, HAS_SECOND, SECOND_BINS } from "./extract";
import { score } from "./score";

/** The second measurement gave the distance asked last. */
export let fromSecond: bool = false;

/** Under a body that is present; `extraction` are the flags of extract. Ties go to the first measurement. */
export function distanceOf(body: usize, extraction: i32): u32 {
  fromSecond = false;
  const first = score(body, BINS);
  if ((extraction & HAS_SECOND) == 0) return first;
  const again = score(body, SECOND_BINS);
  fromSecond = again > first;
  return fromSecond ? again : score(body, BINS);
}

/** The bins that gave the distance asked last. */
export function countedBins(): usize {
  return fromSecond ? SECOND_BINS : BINS;
}
