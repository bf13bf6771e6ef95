// The attack level of texts: both builds find the features of the reference and weigh them alike, whatever the bytes; a
// text is as long as the law says, and counts nothing twice.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { ATTACK_WEIGHTS, TEXT_HEAD, TEXT_TAIL } from "../../filter/core/limits.ts";
import { attackFeatures, levelBin, levelOf } from "../reference/attack.ts";
import { Core } from "../support/core.ts";
import { testTable } from "../support/heads.ts";
import { Prng } from "../support/prng.ts";
import { attackTable, model } from "../support/sections.ts";

const BUILDS = [new Core("core"), new Core("core-scalar")];
const TABLE = testTable(new Prng(31));

function load(core: Core, weights: ArrayLike<number>, bias: number): void {
  assert.is(core.checkSection("model", model(undefined, undefined, attackTable(weights, bias))), null);
}

function featuresBy(core: Core, text: string): number[] {
  core.put(Buffer.from(text, "latin1"));
  const out = core.constant("OUTPUT");
  const count = core.number("attackFeatures", text.length, out);
  return [...new Uint16Array(core.bytes(out, 2 * count).buffer)];
}

function levelBy(core: Core, text: string): number {
  core.put(Buffer.from(text, "latin1"));
  return Number(core.call("attackLevel", text.length));
}

const ALPHABETS = ["ab", "aB1 ", "select'=-(", "\t\n \x0b\x80\xff\xc3{", "0123456789az"].map((one) => [...one]);

function* texts(seed: number, count: number): Generator<string> {
  const prng = new Prng(seed);
  for (let i = 0; i < count; i++) {
    const alphabet = prng.oneIn(4) ? null : prng.pick(ALPHABETS);
    const one = () => (alphabet ? prng.pick(alphabet) : String.fromCharCode(prng.below(256)));
    yield Array.from({ length: prng.below(prng.oneIn(20) ? 513 : 60) }, one).join("");
  }
}

for (const core of BUILDS) load(core, TABLE.weights, TABLE.bias);

test("3,000 texts have the features and the level of the reference, each feature once", () => {
  for (const text of texts(7, 3000)) {
    for (const core of BUILDS) {
      const found = featuresBy(core, text);
      assert.equal(
        [...found].sort((a, b) => a - b),
        attackFeatures(text),
        JSON.stringify(text),
      );
      if (text !== "") assert.is(levelBy(core, text), levelOf(TABLE, text), JSON.stringify(text));
    }
  }
});

test("a text of all different tokens stays within the room for features", () => {
  const text = Array.from({ length: 512 }, (_, i) => (i % 2 ? String.fromCharCode(33 + (i % 15)) : "a")).join("");
  for (const core of BUILDS) assert.ok(featuresBy(core, text).length <= 1025);
});

test("of a text of more than 512 bytes the first 384 and the last 128 count", () => {
  const long = `${"a".repeat(TEXT_HEAD - 1)}=${"<script>".repeat(100)}${"z".repeat(TEXT_TAIL - 4)}=' 1`;
  const cut = long.slice(0, TEXT_HEAD) + long.slice(-TEXT_TAIL);
  for (const core of BUILDS) {
    assert.equal(featuresBy(core, long), featuresBy(core, cut));
    assert.is(levelBy(core, long), levelOf(TABLE, cut));
  }
});

test("levels are clipped to what a segment holds, and without a text or a table there is none", () => {
  for (const core of BUILDS) {
    load(core, new Int8Array(ATTACK_WEIGHTS).fill(127), 65_536);
    assert.is(levelBy(core, "a"), 32_767);
    load(core, new Int8Array(ATTACK_WEIGHTS).fill(-128), -65_536);
    assert.is(levelBy(core, "a"), -32_767);
    assert.is(levelBy(core, ""), -32_768);
    assert.is(core.checkSection("model", model(undefined)), null);
    assert.is(levelBy(core, "a"), -32_768);
  }
});

test("level bins are half a nat wide and end where the law says", () => {
  for (const core of BUILDS) {
    for (let level = -400; level < 400; level++) assert.is(core.number("levelBin", level), levelBin(level));
  }
});

test.run();
