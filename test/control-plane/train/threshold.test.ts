// Thresholds: read off the histogram where it can show the rate, reached over a tail where it cannot, never below the
// floors.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { TRAIN_DEFAULTS, type TrainSettings } from "../../../control-plane/train/settings.ts";
import { thresholdsOf } from "../../../control-plane/train/threshold.ts";
import { Prng } from "../../support/prng.ts";
import { core } from "../fixture.ts";

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

/** Squared distances x with P(x > t) = e^(-(t - 20) / 8) above 20: their tail is what the trainer takes it for. */
function exponential(seed: number, count: number): number[] {
  const prng = new Prng(seed);
  return Array.from({ length: count }, () => 20 - 8 * Math.log((prng.next() + 1) / 2 ** 32));
}

const low = histogram(new Array<number>(5000).fill(3));

test("where all scores are low, the floor is what a Gaussian of 16 dimensions exceeds at that rate", () => {
  for (const rate of [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9]) {
    const { alertThreshold } = thresholdsOf(low, settings({ alertFpr: rate, denyFpr: rate }), core)!;
    const found = chiSquareTail(alertThreshold / 256);
    assert.ok(Math.abs(found / rate - 1) < 0.005, `${rate}: ${found}`);
  }
  const between = thresholdsOf(low, settings({ alertFpr: 3e-4 }), core)!.alertThreshold / 256;
  assert.ok(Math.abs(chiSquareTail(between) / 3e-4 - 1) < 0.1, `${between}: ${chiSquareTail(between)}`);
});

test("a rate that the histogram shows is read off it: at most so many requests are at or above", () => {
  const squares = exponential(1, 100_000);
  const { alertThreshold } = thresholdsOf(histogram(squares), settings({}), core)!;
  const above = squares.filter((square) => square * 256 >= alertThreshold).length;
  assert.ok(above <= 100 && above > 20, `${above} of 100,000 at a rate of 1e-3`);
});

test("a rate below what the histogram shows is reached over the tail, within a factor of the true one", () => {
  for (const seed of [1, 2, 3]) {
    const counts = histogram(exponential(seed, 5000));
    const { denyThreshold } = thresholdsOf(counts, settings({}), core)!;
    const trueRate = Math.exp(-(denyThreshold / 256 - 20) / 8);
    // Bucket edges are rounded up by as much as an eighth, so the threshold is on the high side.
    assert.ok(trueRate < 1e-5 && trueRate > 1e-8, `rate ${trueRate} at ${denyThreshold}`);
  }
});

test("a few attacks among the calibrated requests do not lift the threshold above themselves", () => {
  const normal = exponential(5, 5000);
  const clean = thresholdsOf(histogram(normal), settings({}), core)!;
  for (const [attacks, most] of [
    [1, 1.1],
    [5, 1.4],
    [10, 1.7],
  ] as const) {
    const { alertThreshold, denyThreshold } = thresholdsOf(
      histogram([...normal, ...new Array<number>(attacks).fill(4000)]),
      settings({}),
      core,
    )!;
    assert.ok(denyThreshold < clean.denyThreshold * most, `${attacks}: ${denyThreshold} of ${clean.denyThreshold}`);
    assert.ok(alertThreshold < clean.alertThreshold * most, `${attacks}: ${alertThreshold} of ${clean.alertThreshold}`);
    assert.ok(denyThreshold < 4000 * 256);
  }
});

test("what more than one request in 500 scores is believed: deny is above it", () => {
  const counts = histogram([...exponential(5, 5000), ...new Array<number>(11).fill(4000)]);
  assert.ok(thresholdsOf(counts, settings({}), core)!.denyThreshold > 4000 * 256);
});

test("where too few requests lie beyond any point to fit a tail, the floor decides", () => {
  const few = thresholdsOf(histogram([...new Array<number>(5000).fill(3), 4000]), settings({}), core)!;
  assert.equal(few, thresholdsOf(low, settings({}), core));
});

test("deny is never below alert, and both stay below the highest score", () => {
  const counts = new Array<number>(128).fill(0);
  counts[127] = 10_000;
  const { alertThreshold, denyThreshold } = thresholdsOf(counts, settings({}), core)!;
  assert.ok(denyThreshold >= alertThreshold);
  assert.ok(denyThreshold <= core.limits.SCORE_MAX);
  assert.is(alertThreshold, 2 ** 18 * 256);
});

test("with few requests the tail is fitted further down, to twenty of them", () => {
  const counts = histogram(exponential(4, 200));
  const { denyThreshold } = thresholdsOf(counts, settings({}), core)!;
  const trueRate = Math.exp(-(denyThreshold / 256 - 20) / 8);
  assert.ok(trueRate < 1e-4 && trueRate > 1e-9, `rate ${trueRate} at ${denyThreshold}`);
});

test("nothing scored, no thresholds", () => {
  assert.is(thresholdsOf(new Array(128).fill(0), settings({}), core), undefined);
});

test("golden: these histograms give these thresholds, on every machine", () => {
  const golden: [number[], number, number][] = [
    [low, 10_048, 13_375],
    [histogram(exponential(1, 5000)), 20_270, 32_244],
    [histogram(exponential(2, 100_000)), 20_480, 36_594],
  ];
  const found = golden.map(([counts]) => Object.values(thresholdsOf(counts, settings({}), core)!));
  assert.equal(
    found,
    golden.map(([, alert, deny]) => [alert, deny]),
  );
});

test.run();
