// Contexts of a model: rows, kinds, routes and the structure base, against figures made by hand. ln 6 x 16 is 28.67,
// for instance, and the core's table is exact for numbers as small as here.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ContextSums } from "../../../control-plane/domain.ts";
import { type ContextInput, trainContexts } from "../../../control-plane/train/contexts.ts";
import { Prng } from "../../support/prng.ts";
import { contextKey, contextOf, core, routeKey } from "../fixture.ts";

type Sums = Record<string, ContextSums>;

/** Of a target with callers of all groups. */
const trained = (contexts: Sums, learnt: number, other: Partial<ContextInput> = {}) =>
  trainContexts({ contexts, routes: {}, learnt, comparable: true, ...other }, core);

/** `count` segments of length bin 3 with letters. */
const usual = (count: number, level: number) => Array.from({ length: count }, () => ({ length: 3, level, classes: 1 }));

function rowsOf(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return Array.from({ length: bytes.length / 16 }, (_, i) => ({
    key: view
      .getBigUint64(16 * i, true)
      .toString(16)
      .padStart(16, "0"),
    base: view.getInt16(16 * i + 8, true),
    classes: view.getUint16(16 * i + 10, true),
    lengths: [bytes[16 * i + 12], bytes[16 * i + 13]],
    surprises: [bytes[16 * i + 14], bytes[16 * i + 15]],
  }));
}

function kindsOf(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return [0, 4, 8, 12].map((at) => [view.getInt16(at, true), view.getUint8(at + 2), view.getUint8(at + 3)]);
}

const only = (context: ContextSums) => rowsOf(trained({ [contextKey(1)]: context }, 1000).contexts)[0]!;

test("a row holds the classes, lengths and the highest level that were seen, and what news would be a surprise", () => {
  const row = only(contextOf(2, [...usual(7, 12), { length: 5, level: 15, classes: 0b101 }]));
  // One class and one length came once in 8: (2 + 1) / (16 + 2) = 1 / 6, and 16 ln 6 = 28.67.
  assert.equal(row, { key: contextKey(1), base: 16 * 15 - 256, classes: 0b101, lengths: [3, 5], surprises: [29, 29] });
});

test("of fewer than 8 segments nothing that is new is a surprise", () => {
  assert.equal(only(contextOf(2, usual(7, 16))).surprises, [0, 0]);
  // 1 / 18, and 16 ln 18 = 46.25.
  assert.equal(only(contextOf(2, usual(8, 16))).surprises, [46, 46]);
});

test("a surprise is at least 0 and at most 255, however many segments there were", () => {
  const many: ContextSums = { ...contextOf(1, usual(1, 16)), n: 2 ** 40 };
  many.classes[0] = many.lengths[3] = many.levels[16] = 2 ** 40;
  assert.equal(only(many).surprises, [255, 255]);
  // Eight lengths that came once each: (16 + 1) / (16 + 2), and 16 ln (18 / 17) = 0.91; ten classes: 21 / 18.
  const odd = Array.from({ length: 8 }, (_, i) => ({ length: i, level: 16, classes: i === 0 ? 0b11 : 1 << (i + 1) }));
  odd[7]!.classes |= 1 << 10;
  assert.equal(only(contextOf(1, odd)).surprises, [0, 1]);
});

test("a surprise is right beyond 32 bits as well", () => {
  const sums: Sums = {};
  for (let i = 1; i <= 2048; i++) sums[contextKey(i)] = contextOf(2, usual(1, 16));
  sums[contextKey(0)] = { ...contextOf(2, usual(1, 16)), n: 2 ** 33 - 2048 };
  // 4,097 / (2^34 + 2): 16 ln 2 (34 - 12) = 243.99.
  assert.is(kindsOf(trained(sums, 2 ** 33).kinds)[1]![1], 244);
});

test("the structure base is the surprise that, with all that are larger, more than 2 % of requests are to have", () => {
  const sums: Sums = { [contextKey(0)]: contextOf(3, usual(940, 16)) };
  for (let i = 1; i <= 60; i++) sums[contextKey(i)] = contextOf(3, usual(1, 16));
  // The known header: 1 / 1,882 for a class and for a length, 940 times: 0.5 requests each, surprise 121. A new one:
  // 60 names of 1,000 came once, 121 / 2,002, surprise 16 ln (2,002 / 121) = 44.90, to be expected 60.44 times.
  assert.equal(kindsOf(trained(sums, 1000).kinds)[2]![1], 45);
  assert.is(trained(sums, 1000).structureBase, 45);
  assert.is(trained(sums, 3070).structureBase, 45, "61.4 may have one, and a little more are to");
  assert.is(trained(sums, 3073).structureBase, 0);
  assert.is(trained(sums, 49).structureBase, 121);
});

test("a model holds the 1,024 contexts with the most segments, of equal ones the lowest keys, ascending", () => {
  const sums: Sums = {};
  for (let i = 1500; i > 0; i--) sums[contextKey(i)] = contextOf(1, usual(i % 100 === 0 ? 9 : 2, 16));
  const { contexts } = trained(sums, 1000);
  const rows = rowsOf(contexts).map(({ key }) => key);
  const often = Array.from({ length: 15 }, (_, i) => 100 * (i + 1));
  const lowest = Array.from({ length: 1500 }, (_, i) => i + 1).filter((i) => i % 100 !== 0);
  const expected = [...often, ...lowest.slice(0, 1024 - 15)].sort((a, b) => a - b);
  assert.equal(rows, expected.map(contextKey));
});

test("the order of keys does not matter", () => {
  const prng = new Prng(5);
  const sums: Sums = {};
  for (let i = 0; i < 300; i++) {
    const segments = Array.from({ length: prng.between(1, 40) }, () => ({
      ...{ length: prng.below(25), level: prng.below(32), classes: prng.below(2048) },
    }));
    sums[contextKey(i)] = contextOf(prng.pick([1, 2, 3]), segments);
  }
  const backwards = Object.fromEntries(Object.entries(sums).toReversed());
  const found = trained(sums, 5000);
  assert.equal(trained(backwards, 5000), found);
  assert.ok(found.structureBase > 0);
});

/** As the filter reads them. */
function keysOf(bytes: Uint8Array): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const at = (i: number) => view.getBigUint64(8 * i, true);
  return Array.from({ length: bytes.length / 8 }, (_, i) => at(i).toString(16).padStart(16, "0"));
}

const OVERFLOW = "0".repeat(16);

test("a model knows the routes that were seen, ascending, and how much of a surprise another one would be", () => {
  const routes = {
    [routeKey(3)]: { n: 60 },
    [routeKey(1)]: { n: 1 },
    [routeKey(2)]: { n: 0 },
    [routeKey(5)]: { n: 39 },
  };
  const found = trained({}, 100, { routes });
  assert.equal(keysOf(found.routes), [routeKey(1), routeKey(3), routeKey(5)]);
  // One of 100 came once: 3 / 202, and 16 ln (202 / 3) = 67.36; its base is not read.
  assert.equal(kindsOf(found.kinds)[3], [0, 67, 0]);
  // 100 x 3 / 202 = 1.49 requests are expected to have a new one, and 2 % of 100 may have.
  assert.is(found.structureBase, 0);
  assert.is(trained({}, 74, { routes }).structureBase, 67);
});

test("requests in the overflow have routes that the model does not know: they count as new ones", () => {
  const routes = { [OVERFLOW]: { n: 50 }, [routeKey(1)]: { n: 50 } };
  const found = trained({}, 100, { routes });
  assert.equal(keysOf(found.routes), [routeKey(1)]);
  // 101 / 202, and 16 ln 2 = 11.09.
  assert.is(kindsOf(found.kinds)[3]![1], 11);
});

test("a model holds the 1,024 routes with the most requests, of equal ones the lowest keys", () => {
  const routes = Object.fromEntries(
    Array.from({ length: 1500 }, (_, i) => [routeKey(1500 - i), { n: i % 100 === 0 ? 9 : 2 }]),
  );
  const often = Array.from({ length: 15 }, (_, i) => 1500 - 100 * i);
  const lowest = Array.from({ length: 1500 }, (_, i) => i + 1).filter((i) => i % 100 !== 0);
  const expected = [...often, ...lowest.slice(0, 1024 - 15)].sort((a, b) => a - b);
  assert.equal(keysOf(trained({}, 5000, { routes }).routes), expected.map(routeKey));
});

test("without contexts there are four kinds that know nothing", () => {
  const { contexts, kinds, routes, structureBase } = trained({}, 1000);
  assert.equal([contexts.length, routes.length, structureBase], [0, 0, 0]);
  const nothing = [-256, 0, 0];
  assert.equal(kindsOf(kinds), [nothing, nothing, nothing, [0, 0, 0]]);
});

test.run();
