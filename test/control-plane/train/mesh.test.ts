// The mesh's threshold: exact pooling, what is left out, and how far a target's own scores count.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { loadCore } from "../../../control-plane/core.ts";
import { MeshScores, meshCounts, withinMesh } from "../../../control-plane/train/mesh.ts";
import { TRAIN_DEFAULTS } from "../../../control-plane/train/settings.ts";
import { thresholdsOf } from "../../../control-plane/train/threshold.ts";

const core = loadCore();
const LOW = 3;
const HIGH = 60;

/** A histogram of so many scores in a low and in a high bucket. */
function histogram(low: number, high = 0): number[] {
  const counts = new Array<number>(core.limits.SCORE_BUCKETS).fill(0);
  counts[LOW] = low;
  counts[HIGH] = high;
  return counts;
}

test("fewer than four targets make no mesh", () => {
  assert.is(meshCounts([histogram(9), histogram(9), histogram(9), histogram(0)]), undefined);
  const scores = new MeshScores();
  for (const target of ["a/a", "a/b", "a/c"]) scores.note(target, histogram(1000));
  const own = histogram(5000, 40);
  assert.equal(scores.thresholdsOf(own, TRAIN_DEFAULTS, core), thresholdsOf(own, TRAIN_DEFAULTS, core));
});

test("targets add up, and none counts for more than twice the median", () => {
  const counts = meshCounts([histogram(100), histogram(100), histogram(100), histogram(10_000)]);
  assert.is(counts?.[LOW], 500);
});

test("one target that scores high in everything weighs no more than two usual ones", () => {
  const counts = meshCounts([...new Array(9).fill(histogram(1000, 1)), histogram(0, 50_000)]);
  assert.equal([counts?.[LOW], counts?.[HIGH]], [9000, 9 + 2002]);
});

test("a target's own thresholds raise the mesh's at most twofold, and never lower them", () => {
  const mesh = { alertThreshold: 100, denyThreshold: 300 };
  const of = (alertThreshold: number, denyThreshold: number) =>
    withinMesh({ alertThreshold, denyThreshold }, mesh, 2 ** 31 - 1);
  assert.equal(of(10, 20), { alertThreshold: 100, denyThreshold: 300 });
  assert.equal(of(150, 400), { alertThreshold: 150, denyThreshold: 400 });
  assert.equal(of(999, 9999), { alertThreshold: 200, denyThreshold: 600 });
  assert.equal(withinMesh({ alertThreshold: 9, denyThreshold: 9 }, undefined, 2 ** 31 - 1).alertThreshold, 9);
});

test("deny is never below alert", () => {
  const { alertThreshold, denyThreshold } = withinMesh(
    { alertThreshold: 500, denyThreshold: 500 },
    { alertThreshold: 400, denyThreshold: 200 },
    2 ** 31 - 1,
  );
  assert.ok(denyThreshold >= alertThreshold);
});

test.run();
