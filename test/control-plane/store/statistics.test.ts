// The algebra: free of order and grouping, exact, bounded.

import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Statistics } from "../../../control-plane/domain.ts";
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
  const { n, classes, lengths, levels } = forwards[hex(9)]!;
  assert.equal([n, classes[1], lengths[9], levels[9]], [2, 2, 2, 2]);
});

function contextsOf(keys: readonly number[]): Statistics["contexts"] {
  return Object.fromEntries(
    keys.map((key) => [hex(key), contextOf(1, [{ length: key % 25, level: key % 32, classes: 2 }])]),
  );
}

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
