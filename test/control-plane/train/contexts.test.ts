// Contexts of a model: rows, kinds and the structure base, against figures made by hand. ln 6 x 16 is 28.67, for
// instance, and the core's table is exact for numbers as small as here.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ContextSums } from "../../../control-plane/domain.ts";
import { trainContexts } from "../../../control-plane/train/contexts.ts";
import { Prng } from "../../support/prng.ts";
import { contextKey, contextOf, core } from "../fixture.ts";

type Sums = Record<string, ContextSums>;

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
  return [0, 4, 8].map((at) => [view.getInt16(at, true), view.getUint8(at + 2), view.getUint8(at + 3)]);
}

const only = (context: ContextSums) => rowsOf(trainContexts({ [contextKey(1)]: context }, 1000, core).contexts)[0]!;

test("a row holds the classes, lengths and the highest level that were seen, and what news would be a surprise", () => {
  const row = only(contextOf(2, [...usual(7, 16), { length: 5, level: 20, classes: 0b101 }]));
  // One class and one length came once in 8: (2 + 1) / (16 + 2) = 1 / 6, and 16 ln 6 = 28.67.
  assert.equal(row, { key: contextKey(1), base: 16 * 20 - 256, classes: 0b101, lengths: [3, 5], surprises: [29, 29] });
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
  assert.is(kindsOf(trainContexts(sums, 2 ** 33, core).kinds)[1]![1], 244);
});

test("one segment in 500 is not believed to be normal, so the base is below its level", () => {
  const attacks = (count: number) => usual(count, 31);
  assert.is(only(contextOf(1, [...usual(998, 10), ...attacks(2)])).base, 16 * 10 - 256);
  assert.is(only(contextOf(1, [...usual(997, 10), ...attacks(3)])).base, 16 * 31 - 256);
  assert.is(only(contextOf(1, [...usual(498, 10), ...attacks(1)])).base, 16 * 31 - 256);
});

test("the base of a kind is what 2 % of its segments are above; without any it is the lowest", () => {
  const sums: Sums = {
    [contextKey(1)]: contextOf(2, [...usual(40, 9), ...usual(7, 20), ...usual(1, 21)]),
    [contextKey(2)]: contextOf(2, [...usual(50, 10), ...usual(2, 25)]),
    [contextKey(3)]: contextOf(3, usual(7, 20)),
  };
  const { kinds } = trainContexts(sums, 1000, core);
  // Of 100 parameters 2 may be above: the third from the top has level 21. Their contexts are both known well:
  // 1 / 202, and 16 ln 202 = 84.93.
  assert.equal(kindsOf(kinds), [
    [-256, 0, 0],
    [16 * 21 - 256, 85, 0],
    [16 * 20 - 256, 0, 0],
  ]);
});

test("below 5 segments the base is that of the kind, 0, or their highest, whichever is most", () => {
  const few = (level: number): Sums => ({
    [contextKey(1)]: contextOf(2, usual(4, level)),
    [contextKey(2)]: contextOf(2, usual(996, 18)),
    [contextKey(3)]: contextOf(1, usual(4, level)),
    [contextKey(4)]: contextOf(1, usual(996, 5)),
  });
  const bases = (level: number) => rowsOf(trainContexts(few(level), 1000, core).contexts).map(({ base }) => base);
  const kind = 16 * 18 - 256;
  assert.equal(bases(5), [kind, kind, 0, 16 * 5 - 256]);
  assert.equal(bases(20), [16 * 20 - 256, kind, 16 * 20 - 256, 16 * 5 - 256]);
});

test("the structure base is the surprise that, with all that are larger, more than 2 % of requests are to have", () => {
  const sums: Sums = { [contextKey(0)]: contextOf(3, usual(940, 16)) };
  for (let i = 1; i <= 60; i++) sums[contextKey(i)] = contextOf(3, usual(1, 16));
  // The known header: 1 / 1,882 for a class and for a length, 940 times: 0.5 requests each, surprise 121. A new one:
  // 60 names of 1,000 came once, 121 / 2,002, surprise 16 ln (2,002 / 121) = 44.90, to be expected 60.44 times.
  assert.equal(kindsOf(trainContexts(sums, 1000, core).kinds)[2]![1], 45);
  assert.is(trainContexts(sums, 1000, core).structureBase, 45);
  assert.is(trainContexts(sums, 3070, core).structureBase, 45, "61.4 may have one, and a little more are to");
  assert.is(trainContexts(sums, 3073, core).structureBase, 0);
  assert.is(trainContexts(sums, 49, core).structureBase, 121);
});

test("a model holds the 1,024 contexts with the most segments, of equal ones the lowest keys, ascending", () => {
  const sums: Sums = {};
  for (let i = 1500; i > 0; i--) sums[contextKey(i)] = contextOf(1, usual(i % 100 === 0 ? 9 : 2, 16));
  const { contexts } = trainContexts(sums, 1000, core);
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
  const trained = trainContexts(sums, 5000, core);
  assert.equal(trainContexts(backwards, 5000, core), trained);
  assert.ok(trained.structureBase > 0);
});

test("without contexts there are three kinds that know nothing", () => {
  const { contexts, kinds, structureBase } = trainContexts({}, 1000, core);
  assert.equal([contexts.length, structureBase], [0, 0]);
  const nothing = [-256, 0, 0];
  assert.equal(kindsOf(kinds), [nothing, nothing, nothing]);
});

test.run();
