// Which windows count as seen: against a set, over every interleaving of repetitions and gaps.

import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  BOOTS_MAX,
  type Boot,
  type DedupeRecord,
  isQuiet,
  take,
  takeWindow,
} from "../../../control-plane/ingest/dedupe.ts";

const fresh = (): Boot => ({ vmBootId: "01", watermark: 0, seen: [0, 0], lastMs: 0, dropped: 0 });
const LAST = Number.MAX_SAFE_INTEGER;

/** Takes numbers in turn; tells which were new. */
function takeAll(numbers: readonly number[]): boolean[] {
  let boot = fresh();
  return numbers.map((windowSeq) => {
    const taken = take(boot, windowSeq);
    boot = taken ?? boot;
    return taken !== undefined;
  });
}

test("within 64 of the highest every number is new exactly once, in any order, with any gaps", () => {
  // Steps from -60 to 60 around a walk that goes up: nothing falls 64 behind the highest.
  const walk = fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 60 })), { maxLength: 400 });
  fc.assert(
    fc.property(walk, fc.constantFrom(1, 1000, 2 ** 32 - 100, LAST - 1500), (steps, start) => {
      let highest = start;
      const numbers = steps.map(([up, back]) => {
        highest += up;
        return Math.max(start, highest - back);
      });
      const seen = new Set<number>();
      const expected = numbers.map((n) => seen.size < seen.add(n).size);
      assert.equal(takeAll(numbers), expected);
    }),
    { seed: 2, numRuns: 300 },
  );
});

test("nothing is ever new twice, also far behind and far ahead", () => {
  const numbers = fc.array(fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: LAST - 300, max: LAST })), {
    maxLength: 200,
  });
  fc.assert(
    fc.property(numbers, (list) => {
      const taken = takeAll(list);
      const merged = list.filter((_, i) => taken[i]);
      assert.is(new Set(merged).size, merged.length);
    }),
    { seed: 3, numRuns: 300 },
  );
});

test("a number that falls 64 behind is given up, one that is 63 behind is not", () => {
  assert.equal(takeAll([100, 36]), [true, false]);
  assert.equal(takeAll([100, 37]), [true, true]);
  assert.equal(takeAll([100, 37, 37, 100, 101]), [true, true, false, false, true]);
});

test("the largest number of all can be taken once", () => {
  assert.equal(takeAll([LAST - 1, LAST, LAST, LAST - 1, LAST - 63]), [true, true, false, false, true]);
});

test("a row without gaps leaves an empty bitmap, so the record does not grow", () => {
  let boot = fresh();
  for (let i = 1; i <= 1000; i++) boot = take(boot, i)!;
  assert.equal(boot, { ...fresh(), watermark: 1000 });
});

test("at most 64 VMs of a node are remembered; the one quiet longest goes", () => {
  let record: DedupeRecord | undefined;
  const id = (i: number) => i.toString(16).padStart(16, "0");
  const send = (vm: number, windowSeq: number, nowMs: number) => {
    const taken = takeWindow(record, { vmBootId: id(vm), windowSeq, windowsDropped: 0 }, nowMs);
    record = taken.record;
    return taken.fresh;
  };
  for (let vm = 1; vm <= BOOTS_MAX; vm++) assert.ok(send(vm, 1, vm));
  // The first VM is heard again, so the second is the quietest.
  assert.not(send(1, 1, 1000));
  assert.ok(send(65, 1, 1001));
  assert.is(record?.boots.length, BOOTS_MAX);
  assert.not(send(1, 1, 1002), "still known");
  assert.not(send(3, 1, 1003), "still known");
  assert.ok(send(2, 1, 1004), "forgotten");
});

test("windows that a VM has dropped are counted once, by the growth of its total", () => {
  const told = [0, 3, 3, 2, 7];
  let record: DedupeRecord | undefined;
  const grown = told.map((windowsDropped, i) => {
    const taken = takeWindow(record, { vmBootId: "01", windowSeq: i + 1, windowsDropped }, i);
    record = taken.record;
    return taken.droppedMore;
  });
  assert.equal(grown, [0, 3, 0, 0, 4]);
});

test("a node is quiet when all its VMs are", () => {
  const record = { boots: [fresh(), { ...fresh(), vmBootId: "02", lastMs: 50 }] };
  assert.not(isQuiet(record, 50));
  assert.ok(isQuiet(record, 51));
});

test.run();
