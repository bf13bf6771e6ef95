// The trainer: from sums to the integer model.

import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Model } from "../../../control-plane/domain.ts";
import { scoreOf } from "../../../control-plane/snapshot/check.ts";
import { encodeModels } from "../../../control-plane/snapshot/encode.ts";
import { aggregate } from "../../../control-plane/train/aggregate.ts";
import { estimate } from "../../../control-plane/train/covariance.ts";
import { named, quantize, trainModel } from "../../../control-plane/train/model.ts";
import { attack, core, dayOf, momentsOf, prior, requests, routeKey, statisticsOf } from "../fixture.ts";

const learnt = requests(1, 2000);
const days = [dayOf(20_000, momentsOf(learnt))];
const model = trainModel(days, prior, core);

/** Squared Mahalanobis distance in floating point, by solving with the covariance itself: no factor, no rounding. */
function distance(bins: Uint8Array): number {
  const { mean, covariance } = estimate(aggregate(days)!, prior);
  const size = mean.length;
  const rows = Array.from({ length: size }, (_, i) => [...covariance.slice(i * size, (i + 1) * size)]);
  const clipped = mean.map((m, j) => {
    const most = model.clip[j]! / 64;
    return Math.max(-most, Math.min(most, bins[j]! - m));
  });
  const right = [...clipped];
  for (let i = 0; i < size; i++) {
    for (let k = i + 1; k < size; k++) {
      const by = rows[k]![i]! / rows[i]![i]!;
      for (let j = i; j < size; j++) rows[k]![j]! -= by * rows[i]![j]!;
      right[k]! -= by * right[i]!;
    }
  }
  for (let i = size - 1; i >= 0; i--) {
    for (let j = i + 1; j < size; j++) right[i]! -= rows[i]![j]! * right[j]!;
    right[i]! /= rows[i]![i]!;
  }
  return clipped.reduce((sum, d, i) => sum + d * right[i]!, 0);
}

test("the integer score is the squared distance, to within the rounding of eight bits", () => {
  for (const { bins } of [...learnt.slice(0, 100), ...requests(5, 100)]) {
    const exact = distance(bins);
    const found = scoreOf(model, bins) / 256;
    assert.ok(Math.abs(found - exact) <= 0.5 + 0.05 * exact, `${found}, exact ${exact}`);
  }
});

test("what was learnt scores low, an attack scores high", () => {
  const highest = Math.max(...learnt.map(({ bins }) => scoreOf(model, bins)));
  for (const attack of [
    "/search?q=%27%20union%20select%20password%20from%20users--%20&page=1",
    "/search?q=%3Cscript%3Ealert(document.cookie)%3C/script%3E",
    "/products/..%2f..%2f..%2f..%2fetc%2fpasswd",
  ]) {
    const score = scoreOf(model, core.binsOf(Buffer.from(attack)));
    assert.ok(score > highest, `${attack}: ${score}, learnt at most ${highest}`);
  }
});

test("the same sums give the same bytes, in whatever order the days come", () => {
  const parts = [0, 1, 2, 9].map((age, i) => dayOf(20_000 - age, momentsOf(requests(i, 100))));
  const first = trainModel(parts, prior, core);
  assert.equal(trainModel(parts.toReversed(), prior, core), first);
  assert.equal(trainModel(structuredClone(parts), prior, core), first);
});

test("all numbers are within the bounds of the law, for learnt requests of every kind", () => {
  const bins = fc.array(fc.uint8Array({ min: 0, max: 24, minLength: 32, maxLength: 32 }), {
    minLength: 1,
    maxLength: 40,
  });
  fc.assert(
    fc.property(bins, fc.integer({ min: 0, max: 3 }), (list, groups) => {
      const measured = list.map((one, i) => ({ bins: one, group: groups === 0 ? 0 : i % (2 * groups) }));
      const trained = trainModel([dayOf(1, momentsOf(measured))], prior, core);
      assert.ok(trained.mean.every((mean) => mean >= 0 && mean <= 24 * 64));
      assert.ok(trained.scale.every((scale) => scale > 0 && scale <= 0x7fffffff));
      assert.ok(trained.clip.every((clip) => clip >= 1 && clip <= 2047));
      for (let r = 0; r < 32; r++) {
        const row = [...trained.factor.subarray(r * 32, r * 32 + 32)];
        assert.is(Math.max(...row.map(Math.abs)), 127, "each row uses its eight bits");
        assert.ok(
          row.slice(r + 1).every((value) => value === 0),
          "lower triangular",
        );
      }
    }),
    { seed: 4, numRuns: 100 },
  );
});

test("the model id names the numbers: another mean or another covariance has another", () => {
  const gaussian = estimate(aggregate(days)!, prior);
  assert.is(quantize(gaussian, core).modelId, model.modelId);
  const moved = { ...gaussian, mean: gaussian.mean.with(3, gaussian.mean[3]! + 1) };
  assert.is.not(quantize(moved, core).modelId, model.modelId);
  const wider = { ...gaussian, covariance: gaussian.covariance.map((value) => 4 * value) };
  assert.is.not(quantize(wider, core).modelId, model.modelId);
});

test("after a million equal requests one feature that moves by one bin is no attack: the prior stays", () => {
  const one = requests(1, 1)[0]!;
  const moments = momentsOf([one]);
  const times = 1_000_000;
  for (const cell of Object.values(moments)) {
    cell.n *= times;
    cell.sums = cell.sums.map((value) => value * times);
    cell.products = cell.products.map((value) => value * times);
  }
  const constant = trainModel([dayOf(1, moments)], prior, core);
  for (let j = 0; j < 32; j++) {
    const moved = one.bins.with(j, Math.min(24, one.bins[j]! + 1));
    const deviations = Math.sqrt(scoreOf(constant, moved) / 256);
    assert.ok(deviations < 7, `feature ${j}: ${deviations} standard deviations`);
  }
});

const { moments, contexts, routes } = statisticsOf(learnt);

test("with an attack table all heads speak, without one only the first", () => {
  const whole = trainModel([{ day: 1, moments, contexts, routes }], prior, core, attack);
  assert.is(whole.attackId, attack.tableId);
  assert.is(whole.contexts.length, 16 * Object.keys(contexts).length);
  assert.is(whole.kinds.length, 16);
  assert.is(Buffer.from(whole.routes).readBigUInt64LE(), BigInt(`0x${routeKey(0)}`));
  const silent = trainModel([{ day: 1, moments, contexts, routes }], prior, core);
  assert.equal([silent.contexts.length, silent.kinds.length, silent.routes.length, silent.structureBase], [0, 0, 0, 0]);
  assert.is(silent.attackId, "0000000000000000");
  assert.equal(silent.factor, whole.factor);
});

test("contexts of all days within the horizon count alike; older ones do not count", () => {
  const day = (age: number) => ({ day: 100 - age, moments, contexts, routes });
  const contextsOf = (days: Parameters<typeof trainModel>[0]) => trainModel(days, prior, core, attack).contexts;
  const twice = contextsOf([day(0), day(0)]);
  assert.is.not(Buffer.compare(twice, contextsOf([day(0)])), 0);
  assert.equal(contextsOf([day(27), day(0)]), twice);
  assert.equal(contextsOf([day(28), day(0), day(5)]), twice);
});

test("the model id names contexts, kinds, routes, structure base and attack table", () => {
  const { modelId, ...whole } = trainModel([{ day: 1, moments, contexts, routes }], prior, core, attack);
  assert.is(named(whole, core).modelId, modelId);
  const changes: Partial<Model>[] = [
    { contexts: whole.contexts.slice(16) },
    { kinds: whole.kinds.with(0, 1 + whole.kinds[0]!) },
    { routes: whole.routes.slice(8) },
    { structureBase: whole.structureBase + 1 },
    { attackId: "0000000000000001" },
  ];
  for (const change of changes) assert.is.not(named({ ...whole, ...change }, core).modelId, modelId);
  assert.is(named({ ...whole, alertThreshold: 7 }, core).modelId, modelId);
});

test("where nothing was learnt the model is the prior alone, and the filters take it", () => {
  const { covariance, mean } = estimate(undefined, prior);
  assert.equal(mean, prior.mean);
  // The covariance of the prior, with ridge and least variance.
  assert.equal([covariance[0], covariance[1], covariance[2]], [1.15 + 0.02, 0.5, 0]);
  const alone = trainModel([], prior, core, attack);
  assert.is(alone.modelId, quantize(estimate(undefined, prior), core, alone).modelId);
  assert.equal([alone.contexts.length, alone.routes.length, alone.structureBase], [0, 0, 0]);
  assert.equal(
    [0, 4, 8, 12].map((at) => Buffer.from(alone.kinds).readInt32LE(at)),
    [0xff00, 0xff00, 0xff00, 0],
  );
  const held = { ...dayOf(1, {}), contexts, routes };
  assert.equal(trainModel([held], prior, core, attack), alone, "what no request was learnt from says nothing");
  const silent = trainModel([], prior, core);
  for (const [one, table] of [
    [alone, attack],
    [silent, undefined],
  ] as const) {
    const judging = { ...one, alertThreshold: 60 * 256 };
    assert.is(core.refusalOf("model", encodeModels({ current: judging, candidate: undefined }, table)), undefined);
    const moved = core.binsOf(Buffer.from("/search?q=%27%20union%20select%20password%20from%20users--%20"));
    assert.ok(scoreOf(judging, moved) > scoreOf(judging, new Uint8Array(32).fill(2)));
  }
});

test.run();
