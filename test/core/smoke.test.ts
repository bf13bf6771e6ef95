// The core by itself, against what was published elsewhere and what the law gives as examples; every input has a
// result.

import { createHash } from "node:crypto";
import { create, toBinary } from "@bufbuild/protobuf";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  GroupMomentsSchema,
  RouteStatisticsSchema,
  WindowSchema,
} from "../../control-plane/gen/vedette/v1/statistics_pb.ts";
import * as limits from "../../filter/core/limits.ts";
import { Core } from "../support/core.ts";
import { Prng } from "../support/prng.ts";

const core = new Core("core");
const latin1 = (text: string) => Uint8Array.from(Buffer.from(text, "latin1"));
const utf8 = (text: string) => new TextEncoder().encode(text);
const ascending = (length: number) => Uint8Array.from({ length }, (_, i) => i);

test("SipHash-1-3 gives the published vectors of ascending bytes", () => {
  const published = [0xabac0158050fc4dcn, 0xc9f49bf37d57ca93n];
  for (const [length, hash] of published.entries()) assert.is(core.sipHash(ascending(16), ascending(length)), hash);
});

test("a key of two ranges is that of both in a row, wherever they meet", () => {
  const text = ascending(41);
  const whole = core.keyOf(ascending(16), text);
  for (let at = 0; at <= text.length; at++) {
    assert.is(core.keyOfPair(ascending(16), text.subarray(0, at), text.subarray(at)), whole);
  }
});

test("what does not fit into the input buffer is not put there", () => {
  const room = core.constant("INPUT_BYTES");
  assert.is(core.put(new Uint8Array(room))[0], core.constant("INPUT"));
  assert.throws(() => core.put(new Uint8Array(room + 1)), /1310721 bytes do not fit/);
  assert.throws(() => core.put(new Uint8Array(16), new Uint8Array(room - 15)), /1310721 bytes do not fit/);
});

test("SHA-256 agrees with Node's at every length around a block", () => {
  for (const length of [0, 1, 3, 55, 56, 57, 63, 64, 65, 119, 120, 127, 128, 129, 1000]) {
    const message = new Prng(length).bytes(length);
    assert.equal(core.sha256(message), Uint8Array.from(createHash("sha256").update(message).digest()));
  }
});

test("bins are the examples of the law", () => {
  const examples = { 0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 4, 8: 5, 100: 10, 65535: 24, 65536: 24, 4294967295: 24 };
  for (const [n, bin] of Object.entries(examples)) assert.is(core.number("bin", Number(n) | 0), bin, `bin(${n})`);
});

test("the logarithm is exact to rounding up to 256, and the table's steps above", () => {
  for (let k = 1; k <= 256; k++) assert.is(core.number("log2", k), Math.round(65536 * Math.log2(k)));
  const step = 8 * 65536 + Math.round(65536 * Math.log2(1 + 1 / 256));
  for (const [k, expected] of Object.entries({ 257: step, 512: 9 * 65536, 513: 9 * 65536, 514: 65536 + step })) {
    assert.is(core.number("log2", Number(k)), expected, `log2(${k})`);
  }
  assert.is(core.number("log2", 0xffffffff | 0), 31 * 65536 + Math.round(65536 * Math.log2(1 + 255 / 256)));
});

test("every bucket begins at its lower edge and the last has no end", () => {
  for (let bucket = 0; bucket < limits.SCORE_BUCKETS; bucket++) {
    const low = core.number("bucketLow", bucket);
    assert.is(core.number("bucketOf", low << 8), bucket);
    if (bucket > 0) assert.is(core.number("bucketOf", ((low << 8) - 1) | 0), bucket - 1);
  }
  assert.is(core.number("bucketOf", limits.SCORE_MAX), limits.SCORE_BUCKETS - 1);
});

test("one language is no anomaly: a Russian word has as many symbols as letters and no strays", () => {
  const { bins } = core.extract(utf8("/поиск"));
  const ascii = core.extract(utf8("/poisk")).bins;
  const [segmentLength, strays] = [3, 6];
  assert.is(bins[segmentLength], ascii[segmentLength]);
  assert.is(bins[strays], 0);
});

test("a double escape asks for a second measurement, which sees through it", () => {
  const braces = 23;
  assert.is(core.extract(latin1("/a?q=%7B")).second, null);
  const { bins, second } = core.extract(latin1("/a?q=%257B"));
  assert.is(bins[braces], 0);
  assert.is(second?.[braces], 1);
});

test("a feature is located in the segment where it is strongest", () => {
  const quotes = 11;
  const found = core.locate(latin1("/a'b/c?x=1&q%5B%5D='or''"), quotes);
  assert.equal(found, { kind: "query", index: 1, name: latin1("q[]") });
});

test("a target beyond the caps says that it was cut, and one at the caps does not", () => {
  const path = limits.PATH_HEAD + limits.PATH_TAIL;
  const query = limits.QUERY_HEAD + limits.QUERY_TAIL;
  const target = (pathLength: number, queryLength: number) =>
    latin1(`/${"a".repeat(pathLength - 1)}?${"b".repeat(queryLength)}`);
  assert.is(core.extract(target(path, query)).cut, false);
  assert.is(core.extract(target(path + 1, query)).cut, true);
  assert.is(core.extract(target(path, query + 1)).cut, true);
});

test("random bytes have bins in range, a location and a route, in both builds alike", () => {
  const scalar = new Core("core-scalar");
  const prng = new Prng(7);
  for (let i = 0; i < 3000; i++) {
    const target = prng.bytes(i % 50 === 0 ? 20000 : prng.below(200));
    const extraction = core.extract(target);
    assert.ok(extraction.bins.every((bin) => bin <= limits.BIN_MAX));
    assert.equal(scalar.extract(target), extraction);
    const feature = prng.below(limits.FEATURES);
    assert.equal(scalar.locate(target, feature, i % 2 === 0), core.locate(target, feature, i % 2 === 0));
    assert.ok(core.route(latin1("GET"), target).length <= core.constant("ROUTE_BUFFER"));
  }
});

test("random bytes are sections that are refused by a field of the law, or taken", () => {
  const prng = new Prng(8);
  for (let i = 0; i < 3000; i++) {
    for (const kind of ["settings", "model", "rules"] as const) {
      const refusal = core.checkSection(kind, prng.bytes(prng.below(40)));
      if (refusal !== null)
        assert.ok(refusal.field === "section" || refusal.field.startsWith(`${kind}.`), refusal.field);
    }
  }
});

test("cells add up in any order and a share comes out again", () => {
  const prng = new Prng(9);
  const requests = Array.from({ length: 40 }, () => prng.bytes(32).map((byte) => byte % 25));
  const whole = core.readCell(core.fillCell(0, requests));
  const into = core.fillCell(1, requests.slice(25).reverse());
  const share = core.fillCell(2, requests.slice(0, 25));
  core.call("momentsMerge", into, share);
  assert.equal(core.readCell(into), whole);
  core.call("momentsSubtract", into, share);
  assert.equal(core.readCell(into), core.readCell(core.fillCell(3, requests.slice(25))));
});

/** What the writer made in `capacity` bytes of the input buffer, null where it did not fit. */
function written(capacity: number, write: () => void): Uint8Array | null {
  const at = core.constant("INPUT") + 65536;
  core.call("writeBegin", at, capacity);
  write();
  const length = Number(core.call("writeEnd"));
  return length < 0 ? null : core.bytes(at, length);
}

test("the writer writes what protobuf-es does, and nothing beyond its capacity", () => {
  const sums = Array.from({ length: 32 }, (_, i) => BigInt(i) ** 5n);
  const route = { key: 0xfedcba9876543210n, name: "GET /a", n: 300n, sums, failures: 0n };
  const expected = toBinary(
    WindowSchema,
    create(WindowSchema, {
      vmBootId: 1n,
      windowSeq: 2n ** 53n - 1n,
      startMs: -1n,
      moments: [create(GroupMomentsSchema, { n: 1n })],
      routes: [create(RouteStatisticsSchema, route)],
    }),
  );
  const write = () => {
    const [name, words] = core.put(utf8(route.name), new Uint8Array(BigUint64Array.from(sums).buffer));
    core.call("writeFixed64", 1, 1n);
    core.call("writeVarint", 2, 2n ** 53n - 1n);
    core.call("writeVarint", 3, -1n);
    const moments = core.call("writeOpen", 9);
    core.call("writeVarint", 2, 1n);
    core.call("writeClose", moments);
    const opened = core.call("writeOpen", 11);
    core.call("writeFixed64", 1, route.key);
    core.call("writeBytes", 2, name!, route.name.length);
    core.call("writeVarint", 3, route.n);
    core.call("writePackedU64", 4, words!, 32);
    core.call("writeVarint", 5, 0n);
    core.call("writeClose", opened);
  };
  assert.equal(written(4096, write), expected);
  for (let capacity = 0; capacity < expected.length; capacity++) {
    const guard = core.constant("INPUT") + 65536 + capacity;
    const before = core.bytes(guard, 64);
    assert.is(written(capacity, write), null);
    assert.equal(core.bytes(guard, 64), before);
  }
  assert.equal(written(expected.length, write), expected);
});

test.run();
