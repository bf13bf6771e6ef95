// How an attack table is learnt: from which texts and payloads, to which weights; on small made inputs. And the table
// that ships: it is what its description says, and tells attacks from usual texts.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { attackTexts, payloadsOf } from "../../bench/attack/payloads.ts";
import { fit, rowsOf } from "../../bench/attack/regression.ts";
import { featureReader, learnTable, readTable, rounded } from "../../bench/attack/table.ts";
import { textsByHost } from "../../bench/attack/traffic.ts";
import { ATTACK_WEIGHTS } from "../../filter/core/limits.ts";
import { attackFeatures, levelOf } from "../reference/attack.ts";
import { OWN_ATTACKS } from "../support/own-attacks.ts";
import { Prng } from "../support/prng.ts";

const USUAL = ["tea", "green tea", "mug-12", "kettle", "image/png", "en-US,en;q=0.9", "2026-01-05", "cups of tea"];
const PAYLOADS = [
  { k: "sqli", p: "' or 1=1--" },
  { k: "sqli", p: "' union select 1,2--" },
  { k: "xss", p: "<script>alert(1)</script>" },
  { k: "cmdi", p: ";cat /etc/passwd|id" },
];
const lines = (rows: readonly object[]) => rows.map((row) => JSON.stringify(row));
const families = payloadsOf(lines(PAYLOADS));
const levels = (table: Parameters<typeof levelOf>[0], texts: readonly string[]) => {
  const signed = { ...table, weights: new Int8Array(Uint8Array.from(table.weights).buffer) };
  return texts.map((text) => levelOf(signed, text));
};

test("the features that are learnt from are those of the law", () => {
  const prng = new Prng(3);
  const featuresOf = featureReader();
  for (let i = 0; i < 2000; i++) {
    const text = Buffer.from(prng.bytes(prng.below(200)).map((byte) => (i % 2 === 0 ? byte : 32 + (byte % 96))));
    const latin1 = text.toString("latin1");
    assert.equal(
      [...featuresOf(latin1)].sort((a, b) => a - b),
      attackFeatures(latin1),
      latin1,
    );
  }
});

test("usual texts are the segments of requests, each once a host, without what the mesh makes", () => {
  const h = { Host: "Shop.example", "X-Request-Id": "77", "user-agent": "a%20b", accept: "*/*" };
  const hosts = textsByHost(
    lines([
      { u: "/a%41/?q=x+y&flag&e=", h },
      { u: "/b", h },
      { u: "/", h: { host: "b" } },
    ]),
  );
  assert.equal([...hosts.keys()], ["shop.example", "b"]);
  assert.equal([...hosts.get("shop.example")!], ["aA", "x y", "flag", "a b", "*/*", "b"]);
  assert.is(hosts.get("b")!.size, 0, "empty texts are none");
});

test("a payload counts once, decoded once and cut, and words and numbers are none", () => {
  const of = payloadsOf(
    lines(
      [
        ...[{ p: "%27 OR  1=1" }, { p: "' or 23=4" }, { p: "%2527 or 1=1" }, { p: "1, 2: a-b_c." }, { p: "%2561;" }],
        { p: `;${"a".repeat(500)}` },
      ].map((row) => ({ k: "sqli", ...row })),
    ),
  );
  assert.equal([...of], [["sqli", ["' OR  1=1", "%61;", `;${"a".repeat(399)}`]]]);
  assert.throws(() => payloadsOf(lines([{ k: "new", p: "<" }])), /line 1: k: new, must be of cmdi/);
});

test("a family that is left out leaves nothing behind", () => {
  assert.equal([...payloadsOf(lines(PAYLOADS), "sqli").keys()], ["xss", "cmdi"]);
  const texts = attackTexts(payloadsOf(lines(PAYLOADS), "sqli"), USUAL, 500, new Prng(1));
  assert.is(texts.filter((text) => text.includes("1=1") || text.includes("union")).length, 0);
  assert.throws(() => attackTexts(new Map(), USUAL, 1, new Prng(1)), /0 payloads/);
});

test("families are drawn by weight and half of the payloads stand alone", () => {
  const count = 20_000;
  const texts = attackTexts(
    new Map([...families].filter(([k]) => k !== "sqli").concat([["ldap", ["(*)"]]])),
    ["usual text"],
    count,
    new Prng(2),
  );
  const share = (matches: (text: string) => boolean) => texts.filter(matches).length / count;
  const near = (found: number, expected: number) =>
    assert.ok(Math.abs(found - expected) < 0.02, `${found}, ${expected}`);
  near(
    share((text) => text.includes("(*)")),
    0.3 / 6.3,
  );
  near(
    share((text) => text.includes("<script>")),
    3 / 6.3,
  );
  near(
    share((text) => !/usual|text/.test(text)),
    0.5,
  );
  near(
    share((text) => /^usual text./.test(text) && text[10] !== " "),
    0.15,
  );
  near(
    share((text) => /.usual text$/.test(text)),
    0.1,
  );
  near(
    share((text) => text.startsWith("usual text ")),
    0.1,
  );
  near(
    share((text) => /^usual.+ text$/.test(text) && !text.startsWith("usual text")),
    0.15,
  );
});

test("the regression ends where the loss is least", () => {
  const prng = new Prng(5);
  const lists = Array.from({ length: 200 }, () => Uint16Array.from([0, 1, 2, 3, 4].filter(() => prng.oneIn(2))));
  const labels = Uint8Array.from(lists, (list) => Number(list.includes(0) !== prng.oneIn(5)));
  const { weights, bias } = fit(rowsOf(lists), labels, 5, 0.3);
  const lossAt = (all: readonly number[]) =>
    all.reduce((sum, w) => sum + w * w, 0) / 2 +
    0.3 *
      lists.reduce((sum, list, i) => {
        const score = list.reduce((s, at) => s + all[at]!, all[5]!);
        return sum + Math.log(1 + Math.exp(labels[i] === 1 ? -score : score));
      }, 0);
  const found = [...weights, bias];
  for (const [i] of found.entries()) {
    for (const step of [-0.01, 0.01]) {
      assert.ok(lossAt(found.map((w, j) => (i === j ? w + step : w))) > lossAt(found), `weight ${i}`);
    }
  }
  assert.ok(weights[0]! > 1, "what tells them apart");
  for (const weight of weights.subarray(1)) assert.ok(Math.abs(weight) < 0.7, "what does not");
});

test("without one of the two there is nothing to learn", () => {
  const rows = rowsOf([Uint16Array.of(0), Uint16Array.of(1)]);
  assert.throws(() => fit(rows, Uint8Array.of(1, 1), 2, 1), /attack: 2 of 2 rows/);
  assert.throws(() => fit(rows, Uint8Array.of(0, 0), 2, 1), /attack: 0 of 2 rows/);
  assert.throws(() => learnTable([], families, 10), /usual texts: 0/);
});

test("weights are rounded to 1/32 nat and clipped to what a byte holds", () => {
  const { weights, bias } = rounded({ weights: Float64Array.of(0.5, -0.5, 0.02, 0.01, 9, -9), bias: -1.25 });
  assert.equal([...new Int8Array(weights.buffer)], [16, -16, 1, 0, 127, -127]);
  assert.is(bias, -40);
  const far = rounded({ weights: Float64Array.of(1 / 32, 0), bias: -1e9 });
  assert.is(far.bias, -65_536);
  // First 8 bytes of `printf '\1\0\0\0\377\377' | sha256sum`, the last one first.
  assert.is(far.tableId, "32480834d7d0b534");
});

test("attacks and usual texts that can be told apart are, and the order of texts changes nothing", () => {
  const { table, usual, attacks } = learnTable(USUAL, families, 400);
  assert.equal([usual, attacks, table.weights.length], [USUAL.length, 400, ATTACK_WEIGHTS]);
  assert.equal(learnTable([...USUAL].reverse(), families, 400).table, table);
  assert.is.not(learnTable(USUAL, payloadsOf(lines(PAYLOADS), "xss"), 400).table.tableId, table.tableId);
  const lowest = Math.min(...levels(table, [...families.values()].flat()));
  const highest = Math.max(...levels(table, USUAL));
  assert.ok(lowest > highest, `attacks from ${lowest}, usual texts up to ${highest}`);
});

test("the shipped table is the one of its description and knows attacks it has not seen", () => {
  const table = readTable();
  assert.is(table.weights.length, ATTACK_WEIGHTS);
  for (const level of levels(table, USUAL)) assert.ok(level < 0, `${level}`);
  const payloads = OWN_ATTACKS.filter((target) => target.startsWith("/search?q=")).map((target) =>
    decodeURIComponent(
      target
        .slice("/search?q=".length)
        .replaceAll("+", " ")
        .replace(/%(?![0-9a-f]{2})/gi, "%25"),
    ),
  );
  const found = levels(table, payloads).filter((level) => level > 0).length;
  assert.ok(found >= 0.9 * payloads.length, `${found} of ${payloads.length}`);
});

test.run();
