// Properties of the core's small pieces, for any input that fast-check draws: moments form a group, buckets tile the
// scores, numbers and measurements are those of the reference, and no sequence of bytes makes extraction fail.

import { readFileSync } from "node:fs";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { wasm } from "../host/webassembly.ts";
import { bin, linear, log2, ratio } from "../reference/bins.ts";
import { fromBytes, toBytes } from "../reference/bytes.ts";
import { decode } from "../reference/decode.ts";
import { extract } from "../reference/features.ts";
import { bucketOf, lowerEdge } from "../reference/histogram.ts";
import { addBins, type Cell, emptyCell, mergeCells, subtractCells } from "../reference/moments.ts";
import { Core } from "../support/core.ts";

const BUILDS = [new Core("core"), new Core("core-scalar")];
const RUNS = { seed: 4, numRuns: 150 };

const bins32 = fc.uint8Array({ min: 0, max: 24, minLength: 32, maxLength: 32 });
const requests = fc.array(bins32, { maxLength: 12 });
const u32 = fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 2 ** 32 - 1 }));

function read(core: Core, address: number): Cell {
  const words = [...core.readCell(address)].map(BigInt);
  const [sums, products] = ["CELL_SUMS", "CELL_PRODUCTS"].map((name) => core.constant(name) / 4);
  return { n: words[0]!, sums: words.slice(sums, sums! + 32), products: words.slice(products, products! + 528) };
}

const cellOf = (list: readonly Uint8Array[]) => list.reduce((cell, bins) => addBins(cell, [...bins]), emptyCell());

test("a cell holds the count, the sums and the sums of products of what was added", () => {
  for (const core of BUILDS) {
    const holds = fc.property(requests, (list) => assert.equal(read(core, core.fillCell(0, list)), cellOf(list)));
    fc.assert(holds, RUNS);
  }
});

test("the order of adding does not matter", () => {
  for (const core of BUILDS) {
    const free = fc.property(requests, (list) => {
      const forwards = read(core, core.fillCell(0, list));
      assert.equal(read(core, core.fillCell(1, list.toReversed())), forwards);
    });
    fc.assert(free, RUNS);
  }
});

test("merging is adding all, whatever the partition, and the empty cell is neutral", () => {
  for (const core of BUILDS) {
    const merges = fc.property(requests, requests, requests, (a, b, c) => {
      const cells = [a, b, c].map((list, i) => core.fillCell(i, list));
      const empty = core.fillCell(3, []);
      core.call("momentsMerge", cells[1]!, cells[2]!);
      core.call("momentsMerge", cells[0]!, cells[1]!);
      core.call("momentsMerge", cells[0]!, empty);
      core.call("momentsMerge", empty, cells[0]!);
      assert.equal(read(core, cells[0]!), cellOf([...c, ...a, ...b]));
      assert.equal(read(core, empty), mergeCells(cellOf(a), mergeCells(cellOf(b), cellOf(c))));
      assert.is(core.number("momentsCount", empty), a.length + b.length + c.length);
    });
    fc.assert(merges, RUNS);
  }
});

test("a share that was merged can be taken out again", () => {
  for (const core of BUILDS) {
    const undoes = fc.property(requests, requests, (kept, share) => {
      const [all, part] = [core.fillCell(0, kept), core.fillCell(1, share)];
      core.call("momentsMerge", all, part);
      core.call("momentsSubtract", all, part);
      assert.equal(read(core, all), cellOf(kept));
      assert.equal(subtractCells(mergeCells(cellOf(kept), cellOf(share)), cellOf(share)), cellOf(kept));
    });
    fc.assert(undoes, RUNS);
  }
});

test("a full window of the highest bins fits its cell", () => {
  const most = 2n ** 22n * 24n * 24n;
  assert.ok(most < 2n ** 32n);
  for (const core of BUILDS) {
    assert.is(core.constant("WINDOW_REQUESTS_MAX"), 2 ** 22);
    // 22 doublings of one request make the largest window there is.
    const cell = core.fillCell(0, [new Uint8Array(32).fill(24)]);
    for (let doubling = 0; doubling < 22; doubling++) {
      const copy = core.fillCell(1, []);
      core.call("momentsMerge", copy, cell);
      core.call("momentsMerge", cell, copy);
    }
    assert.equal(read(core, cell).products, new Array(528).fill(most));
  }
});

test("buckets tile the scores: every lower edge opens its bucket", () => {
  for (const core of BUILDS) {
    for (let bucket = 0; bucket < 128; bucket++) {
      const low = core.number("bucketLow", bucket);
      assert.is(low, lowerEdge(bucket));
      assert.is(core.number("bucketOf", low * 256), bucket);
      if (bucket > 0) assert.is(core.number("bucketOf", low * 256 - 1), bucket - 1);
    }
    assert.is(core.number("bucketOf", 2 ** 31 - 1), 127);
    const agrees = fc.property(fc.integer({ min: 0, max: 2 ** 31 - 1 }), (score) =>
      assert.is(core.number("bucketOf", score), bucketOf(score)),
    );
    fc.assert(agrees, RUNS);
  }
});

test("bins, ratios and logarithms are those of the reference for any number", () => {
  for (const core of BUILDS) {
    const agrees = fc.property(u32, fc.nat(10_000), fc.nat(10_000), (n, a, b) => {
      assert.is(core.number("bin", n), bin(n));
      assert.is(core.number("linear", n), linear(n));
      if (n > 0) assert.is(core.number("log2", n), log2(n));
      const [part, whole] = [Math.min(a, b), Math.max(a, b)];
      assert.is(core.number("ratio", part, whole), ratio(part, whole));
    });
    fc.assert(agrees, { ...RUNS, numRuns: 2000 });
  }
});

test("the logarithm is monotonic and at most 1/128 bit below the true one", () => {
  for (const core of BUILDS) {
    const bounded = fc.property(fc.integer({ min: 1, max: 2 ** 32 - 2 }), (k) => {
      const found = core.number("log2", k);
      assert.ok(found <= core.number("log2", k + 1));
      const missing = 65536 * Math.log2(k) - found;
      assert.ok(missing > -0.51 && missing < 512, `log2(${k}) misses ${missing}`);
    });
    fc.assert(bounded, { ...RUNS, numRuns: 2000 });
  }
});

const FRAGMENTS =
  "/ // ? & = == % %2 %25 %41 %u00 %u0041 %U00e9 %2541 %25u0041 + ; : # .. ../ ..\\ -- /* ( ) " +
  "a A 9 _ ~ @ . ' [ $ :// http://";
const fragments = fc.constantFrom(
  ...FRAGMENTS.split(" "),
  " ",
  "\0",
  "\x7f",
  "\x80",
  "\xc3",
  "\xa9",
  "\xc0",
  "\xe4\xb8\xad",
  "\xf0",
);
const target = fc.oneof(
  fc.array(fragments, { maxLength: 40 }).map((parts) => parts.join("")),
  fc.uint8Array({ maxLength: 120 }).map(fromBytes),
  fc.tuple(fragments, fc.integer({ min: 0, max: 9000 }), fragments).map(([a, times, b]) => a.repeat(times) + b),
);

test("any bytes are a target: 32 bins of 0 to 24, equal to the reference, in both measurements", () => {
  for (const core of BUILDS) {
    const total = fc.property(target, (text) => {
      const { bins, second, cut, beyondTable } = core.extract(toBytes(text));
      const expected = extract(text);
      assert.equal([...bins], expected.first);
      assert.equal(second && [...second], expected.second ?? null);
      assert.equal([cut, beyondTable], [expected.scanned, expected.beyondTable]);
      for (const found of [...bins, ...(second ?? [])]) assert.ok(found <= 24);
    });
    fc.assert(total, { ...RUNS, numRuns: 1500 });
  }
});

test("a target may lie at any address, also at the very end of memory", () => {
  for (const build of ["core", "core-scalar"]) {
    const binary = readFileSync(new URL(`../../filter/build/${build}.wasm`, import.meta.url));
    const { exports } = new wasm.Instance(new wasm.Module(binary), {});
    const calls = exports as Record<string, (...args: number[]) => number> & Record<string, { value: number }>;
    calls._initialize!();
    const memory = new Uint8Array((exports.memory as { buffer: ArrayBuffer }).buffer);
    for (const text of [
      "",
      "/",
      "/a%",
      "/a%2",
      "/a?b=%u00",
      "/\xf0",
      "/..",
      "/a?b=--",
      `/${"(/".repeat(40)}`,
      "/%2541?+=%25u0041",
    ]) {
      const bytes = toBytes(text);
      const expected = extract(text);
      const atEnd = memory.length - bytes.length;
      for (const address of [
        atEnd,
        atEnd - 1,
        atEnd - 17,
        ...Array.from({ length: 16 }, (_, i) => calls.INPUT!.value + i),
      ]) {
        // What lies around a target must not be read as a part of it.
        memory.fill(0x25, calls.INPUT!.value, calls.INPUT!.value + 256);
        memory.set(bytes, address);
        calls.extract!(address, bytes.length);
        assert.equal(
          [...memory.subarray(calls.BINS!.value, calls.BINS!.value + 32)],
          expected.first,
          `${text} at ${address}`,
        );
        for (let feature = 0; feature < 32; feature++) calls.locate!(address, bytes.length, feature, feature & 1);
      }
    }
  }
});

test("decoding never lengthens, and leaves alone what holds no escape and no plus", () => {
  const shrinks = fc.property(target, (text) => {
    assert.ok(decode(text, true).length <= text.length);
    const plain = text.replaceAll(/[%+]/g, "");
    assert.is(decode(plain, true), plain);
    assert.is(decode(text, false).split("+").length >= text.split("+").length, true);
  });
  fc.assert(shrinks, { ...RUNS, numRuns: 500 });
});

test.run();
