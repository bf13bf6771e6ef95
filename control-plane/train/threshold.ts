// Thresholds: from the scores that are usual on public traffic for a model of this age, which ship with the control
// plane, and from those that the target's own models gave before they judged. The usual ones are the base, which nobody
// who sends requests can move; the target's own raise it within a bound, and lower it where they are many: a threshold
// out of scores of the mesh alone was lifted by attackers until few attacks were above it. Both thresholds have a
// floor. Buckets count with their upper edges: roundings make a threshold higher.

import type { Core } from "../core.ts";
import { totalOf } from "../store/statistics.ts";
import { logOf } from "./logarithm.ts";
import type { TrainSettings } from "./settings.ts";
import type { UsualScores } from "./usual-scores.ts";

type Scale = Pick<Core, "log2" | "bucketEnd" | "limits">;

/**
 * The floors: squared distances that a chi-square variable of 16 degrees of freedom exceeds with probability 10^-k,
 * k = 1 to 9. Not 32: with prior, ridge and clip at work, ordinary requests lie at 8 to 11 on average, where 32 free
 * features would lie at 32. For even degrees the tail is a Poisson sum, Q(x) = e^(-x/2) sum over i < 8 of (x/2)^i / i!;
 * solved for x by bisection (test/control-plane/train/threshold.test.ts holds them against it). Since the first 32 of
 * the distance count a fifth in a score, they are on the safe side.
 */
const CHI_SQUARE_16: readonly number[] = [
  23.54182892, 31.99992691, 39.25235479, 45.92489905, 52.24497689, 58.32439001, 64.22741252, 69.9947959, 75.65418451,
];

/**
 * Requests above the 99 % point that a tail is fitted to at least; with fewer the point moves down until there are so
 * many. Also those that a rate must lead to before a histogram is believed to show it.
 */
const TAIL_REQUESTS_MIN = 20;
const TAIL_SHARE = 100;
/**
 * Times the base that a target's own scores may raise it to: with 5 % attacks among what was learnt, 1.5 loses about a
 * point of detection at 1 % false alarms; what had no bound but the mesh's own scores fell from 0.92 to 0.2.
 */
const RAISE_MAX = 1.5;
/**
 * Own scores may be so many standard deviations above the number that the rate leads to, and one, before they say that
 * the base is too low for the target: a few are chance.
 */
const SLACK_DEVIATIONS = 0.5;
const SLACK_COUNT = 1;
/**
 * So many own scores may lower the base, up to so many times, where the rate is not to be seen in them but follows from
 * their tail: a quiet target is then not measured by a noisy one. One in so many of them is not believed.
 */
const OWN_TAIL_MIN = 1000;
const LOWER_MAX = 2;
const TRIM_SHARE = 500;
const PER_BILLION = 1e9;

export interface Thresholds {
  alertThreshold: number;
  denyThreshold: number;
}

/**
 * For a model that has learnt from so many requests. `own` are the 128 buckets of what the target's models scored
 * before they judged; undefined: nothing yet. Deny is never below alert.
 */
export function thresholdsOf(
  own: readonly number[] | undefined,
  learnt: number,
  usual: UsualScores,
  settings: Pick<TrainSettings, "alertFpr" | "denyFpr">,
  scale: Scale,
): Thresholds {
  const at = (rate: number) => {
    const perBillion = Math.max(1, Math.floor(rate * PER_BILLION + 0.5));
    const level = adapted(baseOf(usual, learnt, perBillion, scale), own ?? [], perBillion, scale);
    return Math.min(scale.limits.SCORE_MAX, Math.ceil(level));
  };
  const alertThreshold = at(settings.alertFpr);
  return { alertThreshold, denyThreshold: Math.max(alertThreshold, at(settings.denyFpr)) };
}

/** By the usual scores of models of this age; between two ages straight in the logarithm of what was learnt. */
function baseOf({ ages }: UsualScores, learnt: number, perBillion: number, scale: Scale): number {
  const levelOf = (age: UsualScores["ages"][number] | undefined) => levelAt(age?.counts ?? [], perBillion, scale);
  const older = ages.findIndex((age) => age.learnt >= learnt);
  const [low, high] = [ages[older - 1], ages[older]];
  if (high === undefined) return levelOf(ages.at(-1));
  if (low === undefined) return levelOf(high);
  const at = (requests: number) => logOf(requests + 1, scale);
  const share = (at(learnt) - at(low.learnt)) / (at(high.learnt) - at(low.learnt));
  const base = levelOf(low);
  return base + share * (levelOf(high) - base);
}

/** Without the highest scores: a few attacks among a target's own must not say how long its tail is. */
function withoutHighest(counts: readonly number[]): number[] {
  let left = Math.floor(totalOf(counts) / TRIM_SHARE);
  return counts
    .toReversed()
    .map((count) => {
      const taken = Math.min(left, count);
      left -= taken;
      return count - taken;
    })
    .toReversed();
}

/** The base as a target's own scores raise or lower it. */
function adapted(base: number, own: readonly number[], perBillion: number, scale: Scale): number {
  const expected = (totalOf(own) * perBillion) / PER_BILLION;
  const allowed = expected + SLACK_DEVIATIONS * Math.sqrt(expected) + SLACK_COUNT;
  const { edge } = quantile(own, allowed, scale);
  if (edge > base) return Math.min(RAISE_MAX * base, edge);
  if (expected >= TAIL_REQUESTS_MIN) return Math.max(floorAt(perBillion, scale), edge);
  if (totalOf(own) < OWN_TAIL_MIN) return base;
  return Math.min(base, Math.max(base / LOWER_MAX, levelAt(withoutHighest(own), perBillion, scale)));
}

/**
 * Score that a share `perBillion` of requests reaches, at most; in 1/256. A rate that the histogram can show is read
 * off it; a smaller one is reached over an exponential tail above the 99 % point: so a Gaussian's squared distance
 * falls, and a clipped one's faster.
 */
function levelAt(counts: readonly number[], perBillion: number, scale: Scale): number {
  const total = totalOf(counts);
  const allowed = Math.floor((total * perBillion) / PER_BILLION);
  const level =
    allowed >= TAIL_REQUESTS_MIN ? quantile(counts, allowed, scale).edge : tailAt(counts, total, perBillion, scale);
  return Math.max(floorAt(perBillion, scale), level);
}

interface Quantile {
  /** The lowest end of a bucket that no more than the allowed requests are above. */
  edge: number;
  above: number;
  bucket: number;
}

function quantile(counts: readonly number[], allowed: number, scale: Scale): Quantile {
  let above = 0;
  let bucket = Math.max(0, counts.length - 1);
  while (bucket > 0 && above + (counts[bucket] ?? 0) <= allowed) above += counts[bucket--] ?? 0;
  return { edge: scale.bucketEnd(bucket), above, bucket };
}

/**
 * Beyond the point u that a hundredth of the requests exceeds: P(x > t) = P(x > u) e^(-(t - u) / m), m the mean excess
 * over u. Where too few lie beyond any point there is no tail to fit: above the highest, then.
 */
function tailAt(counts: readonly number[], total: number, perBillion: number, scale: Scale): number {
  const point = tailPoint(counts, total, scale);
  const { edge, above } = point;
  if (above < TAIL_REQUESTS_MIN) return quantile(counts, 0, scale).edge;
  // ln of (above / total) / rate.
  const log = logOf(above, scale) + logOf(PER_BILLION, scale) - logOf(total, scale) - logOf(perBillion, scale);
  return edge + meanExcess(counts, point, scale) * Math.max(0, log) * Math.LN2;
}

function meanExcess(counts: readonly number[], { edge, above, bucket }: Quantile, scale: Scale): number {
  let sum = 0;
  for (let i = bucket + 1; i < counts.length; i++) sum += (counts[i] ?? 0) * (scale.bucketEnd(i) - edge);
  return sum / above;
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

/** In 1/256; between the powers of ten straight in the logarithm of the rate. */
function floorAt(perBillion: number, scale: Scale): number {
  const decades = (logOf(PER_BILLION, scale) - logOf(perBillion, scale)) / logOf(10, scale);
  const low = Math.max(1, Math.min(CHI_SQUARE_16.length - 1, Math.floor(decades)));
  const [from, to] = [CHI_SQUARE_16[low - 1] as number, CHI_SQUARE_16[low] as number];
  return (from + Math.max(0, Math.min(1, decades - low)) * (to - from)) * 256;
}
