// The law as the control plane reaches it: the wrapper hands bytes and numbers over unharmed.

import { createHash } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Core } from "../../control-plane/core.ts";
import * as limits from "../../filter/core/limits.ts";
import { Prng } from "../support/prng.ts";
import { core } from "./fixture.ts";

test("the limits are those of the filter's source", () => {
  for (const [name, value] of Object.entries(core.limits)) {
    assert.is(value, Number((limits as Record<string, unknown>)[name]), name);
  }
});

test("SHA-256 is SHA-256, at every length around a block", () => {
  const prng = new Prng(1);
  for (const size of [0, 1, 55, 56, 63, 64, 65, 119, 1248]) {
    const bytes = prng.bytes(size);
    assert.is(Buffer.from(core.sha256(bytes)).toString("hex"), createHash("sha256").update(bytes).digest("hex"));
  }
});

test("a score lies in its bucket: below its end, not below the end before", () => {
  for (let score = 0; score < 2 ** 26; score += 1 + (score >> 5)) {
    const bucket = core.bucketOf(score);
    assert.ok(score < core.bucketEnd(bucket), `${score} in ${bucket}`);
    assert.ok(bucket === 0 || score >= core.bucketEnd(bucket - 1), `${score} in ${bucket}`);
  }
  assert.is(core.bucketOf(core.limits.SCORE_MAX), 127);
  assert.is(core.bucketEnd(127), 2 ** 26);
});

test("a section that cannot be read is refused with field, value and bound, and one without content is taken", () => {
  assert.is(core.refusalOf("rules", new Uint8Array(0)), undefined);
  assert.is(core.refusalOf("model", new Uint8Array(0)), undefined);
  assert.is(core.scoreOf("current", new Uint8Array(32)), undefined, "no model, no score");
  const cut = core.refusalOf("model", Uint8Array.of(0x0a, 0x05));
  assert.equal([cut?.field, cut?.bound], ["section", "readable"]);
  const large = core.refusalOf("rules", new Uint8Array(8 * 2 ** 20));
  assert.is(large?.field, "section.size");
  assert.is(large?.value, 2n ** 23n);
});

test("a string has another key under another mesh key", () => {
  const key = new Uint8Array(16).fill(1);
  assert.match(core.keyOf("attested:spiffe://a", key), /^[0-9a-f]{16}$/);
  assert.is(core.keyOf("a", key), core.keyOf("a", key.slice()));
  assert.is.not(core.keyOf("a", key), core.keyOf("a", key.with(15, 2)));
  assert.is.not(core.keyOf("a", key), core.keyOf("a", key.with(0, 2)));
});

test("bytes that are no core are refused, with the export that is missing", () => {
  // An empty module.
  const empty = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
  assert.throws(() => new Core(empty), /core\.wasm: no export _initialize; build it again/);
});

test.run();
