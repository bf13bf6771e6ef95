// What is believed of a context, against whoever teaches: one of eight caller groups, a target with one caller, and
// what comes too seldom.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ContextSums } from "../../../control-plane/domain.ts";
import { trainContexts } from "../../../control-plane/train/contexts.ts";
import { type Counted, contextKey, contextOf, core } from "../fixture.ts";

const ALL = 0xff;
const POISONER = 1 << 3;
const OTHER = 1 << 5;
const edge = (bin: number) => 16 * bin - 256;
/** The highest bin whose edge is not above 0: what is above it takes more evidence. */
const EVEN = 16;

/** `count` segments of letters, of length bin 3 unless told, from callers of these groups. */
const segments = (count: number, level: number, groups = ALL, shown: Partial<Counted> = {}): Counted[] =>
  Array.from({ length: count }, () => ({ length: 3, level, classes: 1, groups, ...shown }));

function trained(contexts: Record<string, ContextSums>, comparable = true) {
  const found = trainContexts({ contexts, routes: {}, learnt: 1000, comparable }, core);
  const [rows, kinds] = [found.contexts, found.kinds].map((bytes) => new DataView(bytes.buffer, bytes.byteOffset));
  return {
    rows: Array.from({ length: found.contexts.length / 16 }, (_, i) => ({
      base: rows!.getInt16(16 * i + 8, true),
      classes: rows!.getUint16(16 * i + 10, true),
      lengths: [rows!.getUint8(16 * i + 12), rows!.getUint8(16 * i + 13)],
    })),
    kindBases: [0, 4, 8].map((at) => kinds!.getInt16(at, true)),
  };
}

const only = (list: readonly Counted[], comparable = true) =>
  trained({ [contextKey(1)]: contextOf(2, list) }, comparable).rows[0]!;

test("what one of eight caller groups shows now and then is not believed", () => {
  const usual = segments(1000, 10);
  const poison = segments(10, 28, POISONER, { classes: 0b1000001, length: 9 });
  assert.equal(only([...usual, ...poison]), { base: edge(10), classes: 1, lengths: [3, 3] });
  const second = segments(1, 29, OTHER, { classes: 0b1000000, length: 9 });
  const row = only([...usual, ...poison, ...second]);
  assert.equal(row, { base: edge(28), classes: 0b1000001, lengths: [3, 9] }, "with another group it is");
});

test("what one caller group shows often is its habit: more often where it is like an attack", () => {
  const by = (count: number, level: number) =>
    only([...segments(500, 10), ...segments(count, level, POISONER, { classes: 4, length: 9 })]);
  assert.equal(by(7, 14), { base: edge(10), classes: 1, lengths: [3, 3] });
  assert.equal(by(8, 14), { base: edge(14), classes: 0b101, lengths: [3, 9] });
  assert.is(by(55, 18).base, edge(EVEN), "a tenth, and not more");
  assert.is(by(56, 18).base, edge(18));
});

test("groups need not share a bin: above an edge they are one", () => {
  const list = [...segments(50, 5), ...segments(5, 15, OTHER), ...segments(5, 18, POISONER)];
  assert.is(only(list).base, edge(15));
});

test("where groups cannot be compared one is enough, and in a context that only one uses", () => {
  const list = [...segments(400, 10), ...segments(30, 18, POISONER, { classes: 4, length: 7 })];
  assert.is(only(list, false).base, edge(18));
  assert.is(only(list, true).base, edge(EVEN));
  const alone = segments(50, 18, POISONER, { classes: 4, length: 7 });
  assert.equal(only(alone), { base: edge(18), classes: 4, lengths: [7, 7] });
});

test("counts of before groups were told are believed", () => {
  assert.equal(only(segments(50, 18, 0)), { base: edge(18), classes: 1, lengths: [3, 3] });
});

test("one segment in 500 is not believed to be usual", () => {
  assert.is(only([...segments(998, 10), ...segments(2, 12)]).base, edge(10));
  assert.is(only([...segments(997, 10), ...segments(3, 12)]).base, edge(12));
  assert.is(only([...segments(498, 10), ...segments(1, 12)]).base, edge(12), "of 499 none is left out");
});

test("a level above 0 takes eight segments, and more than one of a hundred", () => {
  const base = (usual: number, high: number) => only([...segments(usual, 10), ...segments(high, 18)]).base;
  assert.is(base(100, 7), edge(EVEN));
  assert.is(base(100, 8), edge(18));
  assert.is(base(1000, 10), edge(EVEN));
  assert.is(base(1000, 11), edge(18));
});

test("where nothing is believed the base is 0, any class is news, and no length is", () => {
  const apart = [...segments(3, 25, POISONER), ...segments(4, 31, POISONER, { classes: 2, length: 9 })];
  const context = contextOf(2, apart);
  const shared = { ...context, levelGroups: context.levelGroups.with(0, OTHER) };
  const row = trained({ [contextKey(1)]: shared }).rows[0];
  assert.equal(row, { base: 0, classes: 0, lengths: [0, 24] });
});

test("levels of requests that were held back count; a context of nothing else has no row", () => {
  const held = { ...contextOf(2, segments(9, 12)), n: 0, lengths: [], lengthGroups: [], classes: [], classGroups: [] };
  assert.equal(trained({ [contextKey(1)]: held }).rows, []);
  const sums = contextOf(2, segments(97, 10));
  sums.levels[20] = 9;
  sums.levelGroups[20] = ALL;
  assert.is(trained({ [contextKey(1)]: sums }).rows[0]!.base, edge(20));
});

test("the base of a kind is the lower 90 % quantile of its contexts' bases, and at most two nats", () => {
  const bases = (levels: readonly number[], count = 5) =>
    trained(Object.fromEntries(levels.map((level, i) => [contextKey(i), contextOf(2, segments(count, level))])))
      .kindBases;
  assert.equal(bases([10, 12, 14]), [-256, edge(12), -256], "of three the middle one");
  assert.is(bases([10, 12])[1], -256, "two are too few");
  assert.is(bases([10, 12, 14], 4)[1], -256, "and so are four levels");
  const eleven = [31, ...Array.from({ length: 10 }, (_, i) => 1 + i)];
  assert.is(bases(eleven)[1], edge(10), "one of eleven is above");
  assert.is(bases([...eleven, 31])[1], edge(10), "floor(9 x 11 / 10) is 9: the tenth of twelve");
  assert.is(bases([31, 31, 31, 31], 8)[1], 64);
});

test("below 8 levels the base is that of the kind, 0, or their own, whichever is most", () => {
  const rows = (count: number, level: number, kind: number) => {
    const steady = [2, 3, 4].map((i) => [contextKey(i), contextOf(2, segments(90, kind))] as const);
    const contexts = { [contextKey(1)]: contextOf(2, segments(count, level)), ...Object.fromEntries(steady) };
    return trained(contexts).rows[0]!.base;
  };
  assert.is(rows(7, 5, 18), edge(18));
  assert.is(rows(7, 5, 9), 0);
  assert.is(rows(7, 20, 9), edge(EVEN), "what is too seldom to be believed adds nothing");
  assert.is(rows(8, 5, 18), edge(5));
});

test.run();
