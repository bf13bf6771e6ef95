// Figures of the quality bench against their definitions, spelt out slowly.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { figuresOf, intervalsOf, type Scored, worstServiceOf } from "../../bench/quality/metrics.ts";
import { Prng } from "../support/prng.ts";

/** Coarse scores, so that many tie. */
function rows(seed: number, count: number): Scored[] {
  const prng = new Prng(seed);
  return Array.from({ length: count }, () => {
    const attack = prng.oneIn(3);
    const score = prng.below(40) + (attack ? prng.below(25) : 0);
    const flags = { deny1: score >= 30, deny01: score >= 38, deny: score >= 50 };
    return { service: prng.pick(["a", "b", "c"]), attack, score, ...flags };
  });
}

const share = <T>(list: readonly T[], holds: (one: T) => boolean) => list.filter(holds).length / list.length;

test("auc counts pairs, ties as half", () => {
  const list = rows(1, 300);
  const [normals, attacks] = [list.filter(({ attack }) => !attack), list.filter(({ attack }) => attack)];
  let pairs = 0;
  for (const { score } of attacks) {
    for (const normal of normals) pairs += score > normal.score ? 1 : score === normal.score ? 0.5 : 0;
  }
  assert.ok(Math.abs(figuresOf(list).auc - pairs / (normals.length * attacks.length)) < 1e-12);
});

test("t1 and t01 are the attacks above the first normal row that is not let through", () => {
  for (const seed of [1, 2, 3]) {
    const list = rows(seed, 4000);
    const normals = list.filter(({ attack }) => !attack).map(({ score }) => score);
    normals.sort((a, b) => b - a);
    const attacks = list.filter(({ attack }) => attack);
    const above = (part: number) => {
      const threshold = normals[Math.floor(part * normals.length)]!;
      return share(attacks, ({ score }) => score > threshold);
    };
    const { t1, t01 } = figuresOf(list);
    assert.equal([t1, t01], [above(0.01), above(0.001)]);
  }
});

test("rates are shares of the flags that came with the rows", () => {
  const list = rows(4, 500);
  const { thr1, deny } = figuresOf(list);
  assert.is(
    thr1.fpr,
    share(
      list.filter(({ attack }) => !attack),
      ({ deny1 }) => deny1,
    ),
  );
  assert.is(
    deny.tpr,
    share(
      list.filter(({ attack }) => attack),
      ({ deny }) => deny,
    ),
  );
});

test("intervals hold the figure, are the same each time, and need two services", () => {
  const list = rows(5, 2000);
  const intervals = intervalsOf(list)!;
  const [low, high] = intervals.auc;
  assert.ok(low < high && low <= figuresOf(list).auc && figuresOf(list).auc <= high);
  assert.equal(intervalsOf(list), intervals);
  assert.is(intervalsOf(list.map((row) => ({ ...row, service: "a" }))), undefined);
});

test("the worst service is the one with the most false alarms", () => {
  const flags = { deny1: true, deny01: false, deny: false };
  const list = rows(6, 600).map((row) => ({ ...row, ...(row.service === "b" ? flags : { ...flags, deny1: false }) }));
  const worst = worstServiceOf(list, "thr1")!;
  assert.equal([worst.service, worst.fpr, worst.tpr], ["b", 1, 1]);
});

test.run();
