// Thresholds: read off the usual scores where they can show the rate, reached over a tail where they cannot, by age;
// raised within a bound and lowered on evidence by a target's own; never below the floors.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { TRAIN_DEFAULTS, type TrainSettings } from "../../../control-plane/train/settings.ts";
import { thresholdsOf } from "../../../control-plane/train/threshold.ts";
import type { UsualScores } from "../../../control-plane/train/usual-scores.ts";
import { core, exponentialCounts } from "../fixture.ts";

const settings = (some: Partial<TrainSettings>): TrainSettings => ({ ...TRAIN_DEFAULTS, ...some });

/** Histogram of squared distances. */
function histogram(squares: readonly number[]): number[] {
  const counts = new Array<number>(128).fill(0);
  for (const square of squares) counts[core.bucketOf(Math.floor(square * 256))]!++;
  return counts;
}

/** Probability that a chi-square variable of 16 degrees of freedom exceeds x: a Poisson sum. */
function chiSquareTail(x: number): number {
  let term = Math.exp(-x / 2);
  let sum = 0;
  for (let i = 0; i < 8; i++) {
    sum += term;
    term *= x / 2 / (i + 1);
  }
  return sum;
}

const ofAge = (learnt: number, counts: readonly number[]) => ({ learnt, counts });
/** Of models of any age. */
const only = (counts: readonly number[]): UsualScores => ({ ages: [ofAge(0, counts)] });
const low = only(histogram(new Array<number>(5000).fill(3)));
/** Alert and deny in units of the squared distance. */
function levels(
  own: readonly number[] | undefined,
  learnt: number,
  of: UsualScores,
  some: Partial<TrainSettings> = {},
) {
  const { alertThreshold, denyThreshold } = thresholdsOf(own, learnt, of, settings(some), core);
  return [alertThreshold / 256, denyThreshold / 256] as const;
}
/** A million scores of which the share above t is e^(-(t - 20) / 8). */
const tail = exponentialCounts(1e6, 20, 8);
const [alert, deny] = levels(undefined, 0, only(tail));
/** The floor at a rate of 1e-3. */
const FLOOR = 39.25235479;

test("where all scores are low, the floor is what a Gaussian of 16 dimensions exceeds at that rate", () => {
  for (const rate of [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9]) {
    const [found] = levels(undefined, 0, low, { alertFpr: rate, denyFpr: rate });
    assert.ok(Math.abs(chiSquareTail(found) / rate - 1) < 0.005, `${rate}: ${found}`);
  }
  const [between] = levels(undefined, 0, low, { alertFpr: 3e-4 });
  assert.ok(Math.abs(chiSquareTail(between) / 3e-4 - 1) < 0.1, `${between}: ${chiSquareTail(between)}`);
});

test("a rate that the usual scores show is read off them: at most so many are at or above", () => {
  const above = (t: number) => tail.reduce((sum, n, b) => (core.bucketEnd(b) / 256 > t ? sum + n : sum), 0);
  assert.ok(above(alert) <= 1000, `${above(alert)} of 1,000,000 at a rate of 1e-3`);
  assert.ok(above(alert * 0.8) > 1000);
});

test("a smaller rate is reached over the tail, within a factor of the true one", () => {
  for (const [total, most] of [
    [1e4, 1e-5],
    [200, 1e-4],
  ] as const) {
    const [, found] = levels(undefined, 0, only(exponentialCounts(total, 20, 8)));
    const trueRate = Math.exp(-(found - 20) / 8);
    // Bucket edges are rounded up by as much as an eighth, so the threshold is on the high side.
    assert.ok(trueRate < most && trueRate > 1e-9, `${total}: rate ${trueRate} at ${found}`);
  }
});

test("where too few scores lie beyond any point to fit a tail, the threshold is above the highest", () => {
  const [few] = levels(undefined, 0, only(histogram([...new Array<number>(5000).fill(3), 4000])));
  assert.is(few, core.bucketEnd(core.bucketOf(4000 * 256)) / 256);
});

test("between two ages the base goes straight in the logarithm of what was learnt; outside it is the nearest's", () => {
  const usual = {
    ages: [ofAge(3, exponentialCounts(1e6, 40, 16)), ofAge(15, exponentialCounts(1e6, 30, 12)), ofAge(63, tail)],
  };
  const at = (learnt: number) => levels(undefined, learnt, usual)[0];
  const [young, middle, old] = [3, 15, 63].map(at) as [number, number, number];
  assert.ok(young > middle && middle > old);
  assert.equal([at(0), at(1e6)], [young, old]);
  assert.is(old, alert);
  // log2(8) is half way from log2(4) to log2(16), log2(32) from there to log2(64).
  assert.ok(Math.abs(at(7) - (young + middle) / 2) <= 1 / 256);
  assert.ok(Math.abs(at(31) - (middle + old) / 2) <= 1 / 256);
});

test("own scores above the base raise it to theirs, and at most to 1.5 times", () => {
  const raised = (score: number) => levels(histogram(new Array<number>(1000).fill(score)), 0, only(tail))[0];
  const slightly = alert * 1.2;
  assert.is(raised(slightly), core.bucketEnd(core.bucketOf(Math.floor(slightly * 256))) / 256);
  assert.is(raised(4000), Math.ceil(1.5 * alert * 256) / 256);
  const [, both] = levels(histogram(new Array<number>(1000).fill(4000)), 0, only(tail));
  assert.is(both, Math.ceil(1.5 * deny * 256) / 256);
});

test("a few own scores above the base are chance, and raise nothing", () => {
  const own = (above: number) => histogram([...new Array<number>(900 - above).fill(3), ...new Array(above).fill(4000)]);
  // 0.9 are to be expected of 900; half a deviation, and one: 2.4.
  assert.is(levels(own(2), 0, only(tail))[0], alert);
  assert.ok(levels(own(3), 0, only(tail))[0] > 1.4 * alert);
});

test("own scores below the base lower it where the rate leads to twenty of them, and not below the floor", () => {
  const own = (count: number) => histogram([...new Array<number>(count - 30).fill(3), ...new Array(30).fill(50)]);
  const end = core.bucketEnd(core.bucketOf(50 * 256)) / 256;
  assert.ok(end < alert && end > FLOOR);
  // 20 are to be expected of 20,000, 23.2 may be: 30 are not.
  assert.is(levels(own(20_000), 0, only(tail))[0], end);
  const [lowest] = levels(histogram(new Array(20_000).fill(3)), 0, only(tail));
  assert.ok(Math.abs(lowest - FLOOR) <= 1 / 256, `${lowest}`);
});

test("a thousand own scores lower it by their tail, and by half at most", () => {
  const half = (level: number) => Math.ceil(level * 128) / 256;
  const quiet = (count: number) => levels(histogram(new Array(count).fill(3)), 0, only(tail));
  assert.equal(quiet(999), [alert, deny]);
  assert.equal(quiet(1000), [half(alert), half(deny)]);
  const [, between] = levels(exponentialCounts(5000, 20, 6), 0, only(tail));
  assert.ok(between > half(deny) && between < deny, `${between}`);
});

test("the highest of own scores, one in 500, say nothing of the tail that lowers it", () => {
  const own = (high: number) =>
    levels(histogram([...new Array<number>(10_000).fill(3), ...new Array(high).fill(alert * 0.8)]), 0, only(tail))[0];
  assert.is(own(20), Math.ceil(alert * 128) / 256);
  assert.ok(own(25) > 0.8 * alert, "five more than that are believed");
});

test("nothing scored yet is as no histogram at all", () => {
  assert.equal(levels(new Array(128).fill(0), 0, only(tail)), [alert, deny]);
});

test("deny is never below alert, and both stay below the highest score", () => {
  const top = new Array<number>(128).fill(0).with(127, 10_000);
  const { alertThreshold, denyThreshold } = thresholdsOf(top, 0, only(top), settings({}), core);
  assert.is(alertThreshold, 2 ** 18 * 256);
  assert.ok(denyThreshold >= alertThreshold && denyThreshold <= core.limits.SCORE_MAX);
  const many = histogram([...new Array<number>(99_000).fill(3), ...new Array(1000).fill(70)]);
  const [raised, above] = levels(many, 0, low, { alertFpr: 1e-3, denyFpr: 1e-3 });
  assert.is(above, raised);
});

test("golden: these histograms give these thresholds, on every machine", () => {
  const golden: [number[] | undefined, UsualScores, number, number][] = [
    [undefined, low, 10_048, 13_375],
    [undefined, only(tail), 20_480, 34_828],
    [exponentialCounts(5000, 24, 9), only(exponentialCounts(1e4, 20, 8)), 22_528, 34_533],
  ];
  const found = golden.map(([own, of]) => Object.values(thresholdsOf(own, 0, of, settings({}), core)));
  assert.equal(
    found,
    golden.map(([, , first, second]) => [first, second]),
  );
});

test.run();
