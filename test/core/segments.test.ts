// The segments of requests: both builds find those of the reference, with every bound of the law, and what is
// remembered of headers met before changes nothing.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { levelOf } from "../reference/attack.ts";
import { fromBytes, toBytes } from "../reference/bytes.ts";
import { contextKey, type Header, segmentsOf } from "../reference/request-segments.ts";
import { splitTarget } from "../reference/target.ts";
import { Core } from "../support/core.ts";
import { measureByCore, type SegmentRow, type SentRequest } from "../support/core-wholes.ts";
import { headers, testTable } from "../support/heads.ts";
import { Prng } from "../support/prng.ts";
import { targets } from "../support/requests.ts";
import { attackTable, model } from "../support/sections.ts";

const BUILDS = [new Core("core"), new Core("core-scalar")];
const KEY = Uint8Array.from({ length: 16 }, (_, i) => 3 * i + 1);
const OTHER_KEY = Uint8Array.from({ length: 16 }, (_, i) => 5 * i + 2);
const TABLE = testTable(new Prng(32));
const OTHER_TABLE = testTable(new Prng(33));

function load(core: Core, table: { weights: Int8Array; bias: number }): void {
  assert.is(core.checkSection("model", model(undefined, undefined, attackTable(table.weights, table.bias))), null);
}

function expected(target: string, list: readonly Header[], key: Uint8Array, table = TABLE): SegmentRow[] {
  return segmentsOf(splitTarget(target), list).list.map((one) => ({
    key: contextKey(key, one),
    level: one.text === "" ? null : levelOf(table, one.text),
    classes: one.classes,
    length: one.length,
    kind: one.kind,
    index: one.index,
  }));
}

function sent(target: string, list: readonly Header[]): SentRequest {
  const headers = list.map(([name, value]) => [toBytes(name), toBytes(value)] as const);
  return { target: toBytes(target), headers, routeKey: 0n };
}

function measured(core: Core, target: string, list: readonly Header[], key = KEY): SegmentRow[] {
  return measureByCore(core, sent(target, list), key).rows;
}

/** Name of a segment of the request measured last, as a reason tells it. */
function nameIn(core: Core, kind: number, index: number): string {
  core.call("locateSegment", kind, index);
  return fromBytes(core.bytes(core.number("locatedName"), core.number("locatedNameLength")));
}

for (const core of BUILDS) load(core, TABLE);

test("1,000 requests have the segments, bounds and names of the reference", () => {
  const prng = new Prng(5);
  for (const target of targets(17, 1000, 100)) {
    const list = headers(prng);
    const { list: segments, beyond } = segmentsOf(splitTarget(target), list);
    const rows = expected(target, list, KEY);
    for (const core of BUILDS) {
      assert.equal(measured(core, target, list), rows, JSON.stringify({ target, list }));
      assert.is(core.number("segmentsBeyond"), Number(beyond));
      const named = segments[prng.below(segments.length)]!;
      assert.is(nameIn(core, named.kind, named.index), named.toldName);
    }
  }
});

test("what is remembered of headers changes no result, whatever key and table change in between", () => {
  const prng = new Prng(6);
  const lists = Array.from({ length: 40 }, () => headers(prng));
  for (const core of BUILDS) {
    for (const table of [TABLE, OTHER_TABLE, TABLE]) {
      load(core, table);
      for (const key of [KEY, OTHER_KEY, KEY]) {
        for (const list of [...lists, ...lists]) {
          assert.equal(measured(core, "/a", list, key), expected("/a", list, key, table));
        }
      }
    }
  }
});

test("where name and value part is part of what a header is remembered by", () => {
  const core = BUILDS[0]!;
  for (const list of [[["ab", "c"]], [["a", "bc"]], [["abc", ""]], [["", "abc"]]] as Header[][]) {
    assert.equal(measured(core, "/", list), expected("/", list, KEY));
  }
});

test("an attack behind 4,096 bytes of filling is seen, in a parameter and in a header", () => {
  const attack = "' or 1=1 union select password from users--";
  const hidden = "x".repeat(4096) + attack;
  const list: Header[] = [["x-note", hidden]];
  for (const core of BUILDS) {
    for (const segment of measured(core, `/?q=${encodeURIComponent(hidden)}`, list).slice(1)) {
      assert.ok((segment.classes & (1 << 6)) !== 0);
      assert.is(segment.level, levelOf(TABLE, "x".repeat(384) + hidden.slice(-128)));
    }
  }
});

test("64 path segments, 256 parameters and 128 headers have a segment, one more of each has none", () => {
  const request = (extra: number) => ({
    target: `/${new Array(64 + extra).fill("a").join("/")}?${new Array(256 + extra).fill("b=c").join("&&")}&`,
    list: Array.from({ length: 128 + extra }, (_, i): Header => [`x-${i}`, "v"]),
  });
  for (const core of BUILDS) {
    for (const extra of [0, 1]) {
      const { target, list } = request(extra);
      assert.is(measured(core, target, list).length, 64 + 256 + 128);
      assert.is(core.number("segmentsBeyond"), extra);
    }
  }
});

test("a header block that promises more than there is is not read beyond its end", () => {
  const core = BUILDS[0]!;
  const block = Uint8Array.from([
    2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 97, 0, 98, 0,
  ]);
  for (let length = 0; length <= block.length; length++) {
    const [target, at] = core.put(Buffer.from("/a"), block) as [number, number];
    assert.is(core.call("measureRequest", target, 2, at, length, 0n, 0n, 0, 0n), length === 0 ? 1 : -1);
  }
});

test.run();
