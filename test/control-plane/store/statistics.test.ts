// The algebra: free of order and grouping, exact, bounded.

import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ContextSums, Counts, Statistics } from "../../../control-plane/domain.ts";
import {
  addStatistics,
  CALLERS_KEPT,
  CONTEXTS_KEPT,
  EDGES_KEPT,
  emptyStatistics,
  OVERFLOW,
  ROUTES_KEPT,
} from "../../../control-plane/store/statistics.ts";
import { Prng } from "../../support/prng.ts";
import { contextOf, requests, statisticsOf } from "../fixture.ts";

const LIVE = new Set(["00000000000000d1"]);
const sum = (list: Statistics[]) => list.reduce((a, b) => addStatistics(a, b, LIVE), emptyStatistics());
const hex = (i: number) => i.toString(16).padStart(16, "0");

function shuffled<T>(list: readonly T[], prng: Prng): T[] {
  const result = [...list];
  for (let i = result.length - 1; i > 0; i--) {
    const j = prng.below(i + 1);
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}

/** One request of each key: by its own route, caller and edge. */
function keyed(keys: readonly number[]): Statistics {
  const statistics = emptyStatistics();
  statistics.counts.seen = keys.length;
  for (const key of keys) {
    statistics.routes[hex(key)] = { name: `GET /${key}`, n: 1, sums: new Array(32).fill(1), failures: 0 };
    statistics.callers[hex(key)] = { name: `c${key}`, class: "attested", group: key % 8, n: 1 };
    statistics.edges[`${hex(key)}/${hex(key)}`] = { n: 1, denied: 0, failures: 0 };
  }
  return statistics;
}

function chunks(keys: readonly number[], size: number): number[][] {
  return Array.from({ length: Math.ceil(keys.length / size) }, (_, i) => keys.slice(i * size, (i + 1) * size));
}

test("adding does not depend on order or grouping, and nothing is changed in place", () => {
  const parts = Array.from({ length: 12 }, (_, i) => statisticsOf(requests(i, 20 + i)));
  const before = structuredClone(parts);
  const whole = sum(parts);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 11 }), fc.integer(), (cut, seed) => {
      const mixed = shuffled(parts, new Prng(seed));
      const grouped = addStatistics(sum(mixed.slice(0, cut)), sum(mixed.slice(cut)), LIVE);
      assert.equal(grouped, whole);
    }),
    { seed: 1, numRuns: 50 },
  );
  assert.equal(parts, before);
});

test("above the bound the lowest keys are kept whole, whatever came first; the rest is in the overflow entry", () => {
  const count = EDGES_KEPT + 700;
  const keys = Array.from({ length: count }, (_, i) => 1 + i);
  const twice = (list: number[], size: number) => chunks(list, size).flatMap((chunk) => [keyed(chunk), keyed(chunk)]);
  const forwards = sum(twice(keys, 500));
  const mixed = sum(twice(shuffled(keys, new Prng(3)), 130));
  assert.equal(mixed, forwards);
  for (const [table, kept] of [
    [forwards.routes, ROUTES_KEPT],
    [forwards.callers, CALLERS_KEPT],
  ] as const) {
    assert.is(Object.keys(table).length, kept + 1);
    assert.is(table[hex(1)]?.n, 2);
    assert.is(table[OVERFLOW]?.n, 2 * (count - kept));
    assert.is(table[OVERFLOW]?.name, "");
  }
  assert.is(Object.keys(forwards.edges).length, EDGES_KEPT + 1);
  assert.is(forwards.edges[`${OVERFLOW}/${OVERFLOW}`]?.n, 1400);
});

test("above the bound only the contexts with the lowest keys are kept, whole, whatever came first", () => {
  const keys = Array.from({ length: CONTEXTS_KEPT + 300 }, (_, i) => 1 + i);
  const some = (list: readonly number[]) => ({ ...emptyStatistics(), contexts: contextsOf(list) });
  const twice = (list: number[], size: number) => chunks(list, size).flatMap((chunk) => [some(chunk), some(chunk)]);
  const forwards = sum(twice(keys, 500)).contexts;
  assert.equal(sum(twice(shuffled(keys, new Prng(4)), 130)).contexts, forwards);
  assert.equal(Object.keys(forwards).sort(), keys.slice(0, CONTEXTS_KEPT).map(hex));
  const { n, classes, lengths, levels, levelGroups } = forwards[hex(9)]!;
  assert.equal([n, classes[1], lengths[9], levels[9], levelGroups[9]], [2, 2, 2, 2, 0b10]);
});

function contextsOf(keys: readonly number[]): Statistics["contexts"] {
  return Object.fromEntries(
    keys.map((key) => [
      hex(key),
      contextOf(1, [{ length: key % 25, level: key % 32, classes: 2, groups: 1 << (key % 8) }]),
    ]),
  );
}

/** Segments of a few contexts, as windows tell them; some of them held back. */
const segments = fc.array(
  fc.record({
    key: fc.integer({ min: 1, max: 3 }),
    length: fc.integer({ min: 0, max: 24 }),
    level: fc.integer({ min: 0, max: 31 }),
    classes: fc.integer({ min: 0, max: 2 ** 11 - 1 }),
    groups: fc.integer({ min: 0, max: 7 }).map((group) => 1 << group),
    held: fc.boolean(),
  }),
  { maxLength: 12 },
);
type Segments = typeof segments extends fc.Arbitrary<infer T> ? T : never;

function toldOf(list: Segments): Statistics {
  const statistics = emptyStatistics();
  statistics.counts.seen = list.length;
  statistics.counts.held = list.filter(({ held }) => held).length;
  for (const key of new Set(list.map((one) => one.key))) {
    const all = list.filter((one) => one.key === key);
    const { levels, levelGroups } = contextOf(1, all);
    const learnt = all.filter(({ held }) => !held);
    statistics.contexts[hex(key)] = { ...contextOf(1, learnt), levels, levelGroups };
  }
  return statistics;
}

test("windows of any partition of the same segments, in any order, add up to the same counts and groups", () => {
  fc.assert(
    fc.property(fc.array(segments, { maxLength: 8 }), fc.nat(), (windows, seed) => {
      const prng = new Prng(seed);
      const parts = shuffled(windows, prng).map(toldOf);
      const cut = prng.below(parts.length + 1);
      const grouped = addStatistics(sum(parts.slice(0, cut)), sum(parts.slice(cut)), LIVE);
      assert.equal(grouped, toldOf(windows.flat()));
    }),
    { seed: 2, numRuns: 200 },
  );
});

test("what is left out is as if it had never been, in groups too", () => {
  const shown = (groups: number) => toldOf([{ key: 1, length: 3, level: 9, classes: 0b11, groups, held: false }]);
  const rest = [shown(0b1), shown(0b10)];
  const spoilt = sum([...rest, shown(0b1000)]).contexts[hex(1)]!;
  assert.equal([spoilt.classGroups[1], spoilt.lengthGroups[3], spoilt.levelGroups[9]], [0b1011, 0b1011, 0b1011]);
  const clean = sum(rest).contexts[hex(1)]!;
  assert.equal([clean.classGroups[1], clean.lengthGroups[3], clean.levelGroups[9]], [0b11, 0b11, 0b11]);
});

test("what was stored before there were groups has none, and before requests were held back none of those", () => {
  const now = statisticsOf(requests(1, 20));
  const then = structuredClone(now) as { counts: Partial<Counts>; contexts: Record<string, Partial<ContextSums>> };
  delete then.counts.held;
  for (const one of Object.values(then.contexts)) {
    for (const field of ["classGroups", "lengthGroups", "levelGroups"] as const) delete one[field];
  }
  const old = then as Statistics;
  const key = Object.keys(now.contexts)[0]!;
  const alone = addStatistics(emptyStatistics(), old, LIVE);
  assert.is(alone.counts.held, 0);
  const { classGroups, lengthGroups, levelGroups, levels } = alone.contexts[key]!;
  assert.equal(
    [classGroups, lengthGroups, levelGroups],
    [11, 25, 32].map((size) => new Array(size).fill(0)),
  );
  assert.equal(levels, now.contexts[key]!.levels);
  for (const both of [addStatistics(old, now, LIVE), addStatistics(now, old, LIVE)]) {
    assert.equal(both.contexts[key]!.levelGroups, now.contexts[key]!.levelGroups);
    assert.is(both.contexts[key]!.n, 2 * now.contexts[key]!.n);
  }
  now.counts.held = 3;
  assert.is(addStatistics(old, now, LIVE).counts.held, 3);
});

test("what was stored before there were contexts has none", () => {
  const { contexts, ...old } = statisticsOf(requests(1, 20));
  const both = addStatistics(old as Statistics, { ...emptyStatistics(), contexts }, LIVE);
  assert.equal(both.contexts, contexts);
  assert.equal(addStatistics(emptyStatistics(), old as Statistics, LIVE).contexts, {});
});

test("scores of models that are gone are left out", () => {
  const a = { ...emptyStatistics(), scores: { "00000000000000d1": [1, 2], "00000000000000d0": [9, 9] } };
  assert.equal(addStatistics(a, a, LIVE).scores, { "00000000000000d1": [2, 4] });
});

test("a sum above 2^53 - 1 is refused, not rounded", () => {
  const a = emptyStatistics();
  a.counts.seen = Number.MAX_SAFE_INTEGER;
  assert.is(addStatistics(a, emptyStatistics(), LIVE).counts.seen, Number.MAX_SAFE_INTEGER);
  const b = emptyStatistics();
  b.counts.seen = 1;
  assert.throws(() => addStatistics(a, b, LIVE), /2\^53 - 1/);
});

test("a name that one sidecar holds back comes from another; two names give the same one in either order", () => {
  const named = (name: string) => {
    const statistics = emptyStatistics();
    statistics.routes[hex(5)] = { name, n: 1, sums: [], failures: 0 };
    return statistics;
  };
  assert.is(sum([named(""), named("GET /a")]).routes[hex(5)]?.name, "GET /a");
  assert.is(sum([named("GET /b"), named("GET /a")]).routes[hex(5)]?.name, "GET /a");
  assert.is(sum([named("GET /a"), named("GET /b")]).routes[hex(5)]?.name, "GET /a");
});

test.run();
