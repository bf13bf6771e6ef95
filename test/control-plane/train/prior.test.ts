// The shipped prior: for the features of this core, and fit to be factored.

import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { inverseFactor } from "../../../control-plane/train/factor.ts";
import { parsePrior } from "../../../control-plane/train/prior.ts";
import { core } from "../fixture.ts";

const text = readFileSync(new URL("../../../control-plane/train/prior.json", import.meta.url), "utf8");
const { FEATURES } = core.limits;

test("the shipped prior is for the features of this core, and its covariance has no negative direction", () => {
  const { mean, covariance } = parsePrior(text, core.featureHash, FEATURES);
  assert.ok(mean.every((value) => value >= 0 && value <= core.limits.BIN_MAX));
  const ridged = covariance.map((value, at) => (at % (FEATURES + 1) === 0 ? value + 1e-4 : value));
  assert.ok(inverseFactor(ridged, FEATURES).every(Number.isFinite));
});

test("a prior for other features is refused, and says how to make another", () => {
  assert.throws(() => parsePrior(text, core.featureHash + 1n, FEATURES), /prior\.feature_hash.*bench\/prior\.ts/);
});

test("a prior with a number missing is refused by its field", () => {
  const content = JSON.parse(text);
  content.mean.pop();
  assert.throws(() => parsePrior(JSON.stringify(content), core.featureHash, FEATURES), /prior\.mean/);
  const other = JSON.parse(text);
  other.covariance[4][1] = null;
  assert.throws(() => parsePrior(JSON.stringify(other), core.featureHash, FEATURES), /prior\.covariance\[4\]/);
});

test("a covariance that is none is refused", () => {
  const matrix = new Float64Array(FEATURES * FEATURES);
  assert.throws(() => inverseFactor(matrix, FEATURES), /model\.covariance: pivot 0 of feature 0/);
});

test.run();
