// From the sums of days and caller groups to one sum, exactly: integer age weights, and a cap on what one caller group
// counts for. Everything is a big integer, so the result depends neither on the order of windows nor on how sidecars
// shared them.

import type { ContextSums, Moments, RouteSums } from "../domain.ts";

/**
 * round(256 x 2^(-age / 7)): half a week counts as much as the day, a quarter two weeks ago; older than 27 days is left
 * out. Age counts from the newest day that has requests, not from today: a silence ages nothing.
 */
export const AGE_WEIGHTS: readonly number[] = [
  256, 232, 210, 190, 172, 156, 141, 128, 116, 105, 95, 86, 78, 71, 64, 58, 53, 48, 43, 39, 35, 32, 29, 26, 24, 22, 20,
  18,
];

/** Fewer groups than this say nothing about what a usual share is. */
export const GROUPS_MIN = 4;
/** Times the median share that a group may count for. */
const SHARE_MAX = 2n;
/** Fixed point of the caps. */
const SHARE_BITS = 20n;

/** One request, of today and uncapped, counts for this much in the sums. */
export const REQUEST_UNIT = 256n << SHARE_BITS;

/** What a day adds to the moments, to contexts and routes. */
export interface DayMoments {
  /** Days since 1970. */
  day: number;
  /** By caller group. */
  moments: Readonly<Record<string, Moments>>;
  /** By context key. */
  contexts: Readonly<Record<string, ContextSums>>;
  /** By route key. */
  routes: Readonly<Record<string, Pick<RouteSums, "n">>>;
}

/** Sums in units of REQUEST_UNIT. */
export interface WeightedMoments {
  n: bigint;
  sums: bigint[];
  products: bigint[];
}

/** Undefined where no day has requests. */
export function aggregate(days: readonly Pick<DayMoments, "day" | "moments">[]): WeightedMoments | undefined {
  const held = days.filter(({ moments }) => Object.values(moments).some(({ n }) => n > 0));
  const newest = Math.max(...held.map(({ day }) => day));
  const groups = new Map<string, WeightedMoments>();
  for (const { day, moments } of held) {
    const weight = BigInt(AGE_WEIGHTS[newest - day] ?? 0);
    if (weight === 0n) continue;
    for (const [group, cell] of Object.entries(moments)) {
      groups.set(group, plus(groups.get(group), scaled(cell, weight)));
    }
  }
  const present = [...groups.values()].filter(({ n }) => n > 0n);
  const most = shareMax(present.map(({ n }) => n));
  let total: WeightedMoments | undefined;
  for (const group of present) {
    const share = group.n > most ? (most << SHARE_BITS) / group.n : 1n << SHARE_BITS;
    total = plus(total, scaled(group, share));
  }
  return total;
}

/** Requests in the sums, of any age. */
export function learntOf(days: readonly Pick<DayMoments, "moments">[]): number {
  return days.reduce((sum, { moments }) => sum + Object.values(moments).reduce((n, cell) => n + cell.n, 0), 0);
}

/** Twice the median share (the lower one of an even number); no bound below four groups. */
export function shareMax(counts: bigint[]): bigint {
  const sorted = counts.toSorted((a, b) => (a < b ? -1 : 1));
  const median = sorted[(sorted.length - 1) >> 1] ?? 0n;
  return sorted.length < GROUPS_MIN ? (sorted.at(-1) ?? 0n) : SHARE_MAX * median;
}

function scaled(moments: Moments | WeightedMoments, by: bigint): WeightedMoments {
  return {
    n: BigInt(moments.n) * by,
    sums: moments.sums.map((value) => BigInt(value) * by),
    products: moments.products.map((value) => BigInt(value) * by),
  };
}

function plus(a: WeightedMoments | undefined, b: WeightedMoments): WeightedMoments {
  if (a === undefined) return b;
  return {
    n: a.n + b.n,
    sums: a.sums.map((value, i) => value + (b.sums[i] ?? 0n)),
    products: a.products.map((value, i) => value + (b.products[i] ?? 0n)),
  };
}
