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

test("a first model is due at once, the next one from ten learnt requests on", () => {
  assert.is(due({ current: undefined, candidate: undefined }, 0), "first");
  assert.is(due({ current: undefined, candidate: { modelId: ID, learnt: 10 } }, 5000, 0, 5000), "first");
  const young = { current: { learnt: 0, trainedAtMs: 0 }, candidate: undefined };
  assert.is(due(young, 9, 1e9), "nothing");
  assert.is(due(young, 10), "train");
});

test("a candidate judges when its own histogram is large enough, and is not replaced before", () => {
  const state = (learnt: number) => ({ current: { learnt: 10, trainedAtMs: 0 }, candidate: { modelId: ID, learnt } });
  assert.is(due(state(40_001), 3000, 1e9, 1999), "nothing");
  assert.is(due(state(40_001), 3000, 1e9, 2000), "calibrate");
  assert.is(due(state(1000), 3000, 1e9, 1999), "nothing", "it would deny");
  // One that would not: a twentieth of what it learnt from, and at least one.
  assert.is(due(state(999), 3000, 1e9, 49), "nothing");
  assert.is(due(state(999), 3000, 1e9, 50), "calibrate");
  assert.is(due(state(0), 3000, 1e9, 0), "nothing");
  assert.is(due(state(0), 3000, 1e9, 1), "calibrate");
});

test("a new candidate is due after five percent more, or after fifteen minutes with anything new", () => {
  const state = { current: { learnt: 2000, trainedAtMs: 0 }, candidate: undefined };
  assert.is(due(state, 2099), "nothing");
  assert.is(due(state, 2100), "train");
  assert.is(due(state, 2001, 15 * 60_000 - 1), "nothing");
  assert.is(due(state, 2001, 15 * 60_000), "train");
  assert.is(due(state, 2000, 1e9), "nothing");
});

test("as soon as enough was learnt to deny, the next candidate is due, however slowly models follow each other", () => {
  const slow = { ...TRAIN_DEFAULTS, retrainGrowthPercent: 1000 };
  const of = (current: number, requests: number) =>
    dueOf({ current: { learnt: current, trainedAtMs: 0 }, candidate: undefined }, learnt(requests), slow, 0);
  assert.is(of(300, 999), "nothing");
  assert.is(of(300, 1000), "train");
  assert.is(of(1000, 1500), "nothing", "one that may deny waits for its growth");
});

test("the confidence says what is missing, in numbers", () => {
  const of = (denyThreshold: number, candidate: { modelId: string; learnt: number } | undefined, groups: number[]) => {
    const statistics = scored(statisticsOf(requests(1, 1500, groups)), ID, [1, 2]);
    return confidenceOf({ denyThreshold, candidate }, statistics, { ...TRAIN_DEFAULTS, learnRequestsMin: 1500 });
  };
  const young = confidenceOf(
    { denyThreshold: 0, candidate: { modelId: ID, learnt: 300 } },
    learnt(500),
    TRAIN_DEFAULTS,
  );
  assert.equal(young, { confidence: "learning", detail: "500 of 1000 requests learnt" });
  assert.equal(of(0, { modelId: ID, learnt: 1400 }, [1]), {
    confidence: "calibrating",
    detail: "1500 requests learnt, 2 of 70 scored by the next model",
  });
  assert.equal(of(0, undefined, [1]), {
    confidence: "calibrating",
    detail: "1500 requests learnt, the next model is not trained yet",
  });
  assert.is(of(1, undefined, [1, 2, 3]).confidence, "insufficient-callers");
  assert.equal(of(1, undefined, [1, 2, 3, 4]), {
    confidence: "confident",
    detail: "1500 requests learnt from 4 callers, 4 of them attested",
  });
});

test.run();
