// Thresholds from the scores that a candidate gave to real requests. A rate that the histogram can show is read off it;
// a smaller one is reached over an exponential tail of the squared distance above the 99 % point: so a Gaussian's
// falls, and a clipped one's faster. The highest scores are not believed, since among real requests there may be
// attacks: a few must not lift the threshold above themselves. Both thresholds have a floor. Buckets count with their
// upper edges: roundings make a threshold higher.

import type { Core } from "../core.ts";
import { logOf } from "./logarithm.ts";
import type { TrainSettings } from "./settings.ts";

type Scale = Pick<Core, "log2" | "bucketEnd" | "limits">;

/**
 * The floors: squared distances that a chi-square variable of 16 degrees of freedom exceeds with probability 10^-k,
 * k = 1 to 9. Not 32: with prior, ridge and clip at work, ordinary requests lie at 8 to 11 on average, where 32 free
 * features would lie at 32. For even degrees the tail is a Poisson sum, Q(x) = e^(-x/2) sum over i < 8 of (x/2)^i / i!;
 * solved for x by bisection (test/control-plane/train/threshold.test.ts holds them against it).
 */
const CHI_SQUARE_16: readonly number[] = [
  23.54182892, 31.99992691, 39.25235479, 45.92489905, 52.24497689, 58.32439001, 64.22741252, 69.9947959, 75.65418451,
];

/**
 * Requests above the 99 % point that a tail is fitted to at least; with fewer the point moves down until there are so
 * many.
 */
const TAIL_REQUESTS_MIN = 20;
const TAIL_SHARE = 100;
/**
 * One request in so many is not believed to be normal. Explored on the demonstration's traffic with seven attacks among
 * 7,500 requests: with the plain mean excess and nothing left out, the threshold rose above nearly all attacks.
 */
const TRIM_SHARE = 500;
const PER_BILLION = 1e9;

export interface Thresholds {
  alertThreshold: number;
  denyThreshold: number;
}

/**
 * `counts` are the 128 buckets of the candidate's own histogram; undefined where they hold nothing. Deny is never below
 * alert.
 */
export function thresholdsOf(counts: readonly number[], settings: TrainSettings, scale: Scale): Thresholds | undefined {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return undefined;
  const most = scale.limits.SCORE_MAX;
  const alert = Math.min(most, levelAt(counts, total, settings.alertFpr, scale));
  const deny = Math.max(alert, believedEdge(counts, total, scale), levelAt(counts, total, settings.denyFpr, scale));
  return { alertThreshold: alert, denyThreshold: Math.min(most, deny) };
}

/** Score that a share `rate` of requests reaches, at most; in 1/256. */
function levelAt(counts: readonly number[], total: number, rate: number, scale: Scale): number {
  const perBillion = Math.max(1, Math.floor(rate * PER_BILLION + 0.5));
  const floor = chiSquareAt(perBillion, scale) * 256;
  const allowed = Math.floor((total * perBillion) / PER_BILLION);
  const level =
    allowed >= TAIL_REQUESTS_MIN ? quantile(counts, allowed, scale).edge : tailAt(counts, total, perBillion, scale);
  return Math.ceil(Math.max(floor, level));
}

interface Quantile {
  /** The lowest end of a bucket that no more than the allowed requests are above. */
  edge: number;
  above: number;
  bucket: number;
}

function quantile(counts: readonly number[], allowed: number, scale: Scale): Quantile {
  let above = 0;
  let bucket = counts.length - 1;
  while (bucket > 0 && above + (counts[bucket] ?? 0) <= allowed) above += counts[bucket--] ?? 0;
  return { edge: scale.bucketEnd(bucket), above, bucket };
}

/** Above all that are believed to be normal. */
function believedEdge(counts: readonly number[], total: number, scale: Scale): number {
  return quantile(counts, Math.floor(total / TRIM_SHARE), scale).edge;
}

/**
 * Beyond the point u that a hundredth of the requests exceeds: P(x > t) = P(x > u) e^(-(t - u) / m), m the mean excess
 * over u. Where too few lie beyond any point there is no tail to fit: above the highest that is believed, then.
 */
function tailAt(counts: readonly number[], total: number, perBillion: number, scale: Scale): number {
  const point = tailPoint(counts, total, scale);
  const { edge, above } = point;
  if (above < TAIL_REQUESTS_MIN) return believedEdge(counts, total, scale);
  const believed = above - Math.floor(total / TRIM_SHARE);
  // ln of (above / total) / rate.
  const log = logOf(above, scale) + logOf(PER_BILLION, scale) - logOf(total, scale) - logOf(perBillion, scale);
  return edge + meanExcess(counts, point, believed, scale) * Math.max(0, log) * Math.LN2;
}

/**
 * Mean of an exponential of which only the `believed` lowest of `above` values are known: their sum, and the highest of
 * them once for each that is not, by their number (Epstein and Sobel 1953, censored from above).
 */
function meanExcess(
  counts: readonly number[],
  { edge, above, bucket }: Quantile,
  believed: number,
  scale: Scale,
): number {
  let left = believed;
  let sum = 0;
  let highest = 0;
  for (let i = bucket + 1; i < counts.length && left > 0; i++) {
    const taken = Math.min(left, counts[i] ?? 0);
    if (taken === 0) continue;
    highest = scale.bucketEnd(i) - edge;
    sum += taken * highest;
    left -= taken;
  }
  return (sum + (above - believed) * highest) / believed;
}

/** The 99 % point, or the first below it that enough requests exceed; above the median: half of all are no tail. */
function tailPoint(counts: readonly number[], total: number, scale: Scale): Quantile {
  let allowed = Math.max(TAIL_REQUESTS_MIN, Math.floor(total / TAIL_SHARE));
  let point = quantile(counts, allowed, scale);
  while (point.above < TAIL_REQUESTS_MIN && 4 * allowed <= total) {
    allowed *= 2;
    point = quantile(counts, allowed, scale);
  }
  return point;
}

/** Between the powers of ten straight in the logarithm of the rate. */
function chiSquareAt(perBillion: number, scale: Scale): number {
  const decades = (logOf(PER_BILLION, scale) - logOf(perBillion, scale)) / logOf(10, scale);
  const low = Math.max(1, Math.min(CHI_SQUARE_16.length - 1, Math.floor(decades)));
  const [from, to] = [CHI_SQUARE_16[low - 1] as number, CHI_SQUARE_16[low] as number];
  return from + Math.max(0, Math.min(1, decades - low)) * (to - from);
}
