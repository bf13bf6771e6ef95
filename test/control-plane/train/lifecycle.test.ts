// When a candidate is due, when it judges, and what is said of it.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { confidenceOf } from "../../../control-plane/train/confidence.ts";
import { dueOf } from "../../../control-plane/train/lifecycle.ts";
import { TRAIN_DEFAULTS } from "../../../control-plane/train/settings.ts";
import { requests, scored, statisticsOf } from "../fixture.ts";

const ID = "00000000000000d1";
const learnt = (count: number) => statisticsOf(requests(1, count));
const due = (state: Parameters<typeof dueOf>[0], count: number, nowMs = 0, calibrated = 0) =>
  dueOf(state, scored(learnt(count), ID, new Array(calibrated).fill(256)), TRAIN_DEFAULTS, nowMs);

test("a first candidate is due at the least number of learnt requests", () => {
  assert.is(due({ current: undefined, candidate: undefined }, 999), "nothing");
  assert.is(due({ current: undefined, candidate: undefined }, 1000), "train");
});

test("a candidate judges when its own histogram is large enough, and is not replaced before", () => {
  const state = { current: { learnt: 10, trainedAtMs: 0 }, candidate: { modelId: ID } };
  assert.is(due(state, 3000, 1e9, 1999), "nothing");
  assert.is(due(state, 3000, 1e9, 2000), "calibrate");
});

test("a new candidate is due after five percent more, or after fifteen minutes with anything new", () => {
  const state = { current: { learnt: 2000, trainedAtMs: 0 }, candidate: undefined };
  assert.is(due(state, 2099), "nothing");
  assert.is(due(state, 2100), "train");
  assert.is(due(state, 2001, 15 * 60_000 - 1), "nothing");
  assert.is(due(state, 2001, 15 * 60_000), "train");
  assert.is(due(state, 2000, 1e9), "nothing");
});

test("the confidence says what is missing, in numbers", () => {
  const of = (current: string | undefined, candidate: string | undefined, groups: number[]) =>
    confidenceOf({ current, candidate }, scored(statisticsOf(requests(1, 500, groups)), ID, [1, 2]), TRAIN_DEFAULTS);
  assert.equal(of(undefined, undefined, [1]), { confidence: "learning", detail: "500 of 1000 requests learnt" });
  assert.equal(of(undefined, ID, [1]), {
    confidence: "calibrating",
    detail: "500 requests learnt, 2 of 2000 scored by the first model",
  });
  assert.is(of(ID, undefined, [1, 2, 3]).confidence, "insufficient-callers");
  assert.equal(of(ID, undefined, [1, 2, 3, 4]), {
    confidence: "confident",
    detail: "500 requests learnt from 4 callers, 4 of them attested",
  });
});

test.run();
