// Reasons as sentences.

import { readFileSync } from "node:fs";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DenialSchema, ReasonKind, Verdict } from "../../../control-plane/gen/vedette/v1/decision_pb.ts";
import { Mode } from "../../../control-plane/gen/vedette/v1/model_pb.ts";
import { SegmentKind } from "../../../control-plane/gen/vedette/v1/statistics_pb.ts";
import { describe, FEATURES, printable, SIGNS } from "../../../control-plane/server/reason.ts";

type Fields = Exclude<MessageInitShape<typeof DenialSchema>, { $typeName: string }>;
type ReasonFields = Exclude<NonNullable<Fields["reason"]>, { $typeName: string }>;

const featureId = (name: string): number => FEATURES.findIndex((feature) => feature.name === name);

function sentence(reason: ReasonFields, more: Fields = {}): string {
  const record = { score: 41_234, denyThreshold: 9_000 };
  return describe(create(DenialSchema, { verdict: Verdict.DENY, reason, record, ...more }));
}

const QUOTES: ReasonFields = {
  kind: ReasonKind.MODEL,
  feature: featureId("quotes"),
  featureBin: 5,
  featureMean: 6,
  contributionPercent: 61,
  segment: SegmentKind.QUERY,
  segmentIndex: 2,
  segmentName: "q",
  segmentKey: 0xabcn,
};

test("the names of the features are those of the law, in its order", () => {
  const law = readFileSync(new URL("../../../filter/core/README.md", import.meta.url), "utf8");
  const rows = [...law.matchAll(/^\| (\d+) \| (\w+) \|/gm)];
  assert.equal(
    rows.map((row) => [Number(row[1]), row[2]]),
    FEATURES.map(({ name }, id) => [id, name]),
  );
  const signs = [...law.matchAll(/\b(3[2-9]) `(\w+)`/g)];
  assert.equal(
    signs.map((sign) => [sign[1], sign[2]]),
    Object.entries(SIGNS).map(([id, { name }]) => [id, name]),
  );
});

test("a reason of the model names segment, feature, bins, share, score and threshold", () => {
  assert.is(
    sentence(QUOTES),
    "query parameter q: quotes (quotes: bin 5, usual 0.1) made 61 % of the score 161.1 (deny from 35.2)",
  );
});

test("what the other two heads find is told in words, with the header, and with what they added", () => {
  const header = { ...QUOTES, featureMean: 0, segment: SegmentKind.HEADER, segmentName: "x-note" };
  const record = { score: 41_234, denyThreshold: 9_000, attackExcess: 81, structureExcess: 3 };
  assert.is(
    sentence({ ...header, feature: 32, featureBin: 20 }, { record }),
    "header x-note: likeness to attacks (attack_level: bin 20) made 61 % of the score 161.1 (deny from 35.2)" +
      "; likeness to attacks added 40.5; structure added 1.5",
  );
  const parameter = { ...header, segment: SegmentKind.QUERY, featureBin: 4 };
  assert.match(
    sentence({ ...parameter, feature: 33, segmentName: "", featureBin: 0 }),
    /^query parameter #0000000000000abc: a name that was hardly ever seen \(new_name\) made 61 %/,
  );
  assert.match(
    sentence({ ...parameter, feature: 34 }),
    /^query parameter x-note: characters that are new there \(new_characters: length bin 4\) made/,
  );
  assert.match(
    sentence({ ...parameter, feature: 35, segment: SegmentKind.PATH }, { record: { ...record, attackExcess: 0 } }),
    /^path segment 3: a length that is new there \(unusual_length: length bin 4\).*; structure added 1\.5$/,
  );
  const path = { segment: SegmentKind.PATH, segmentIndex: 0, segmentName: "", segmentKey: 0n };
  assert.match(
    sentence({ ...parameter, ...path, feature: 36, featureBin: 0 }, { record: { ...record, attackExcess: 0 } }),
    /^path: a route that was never seen \(new_route\) made 61 % of .*; structure added 1\.5$/,
  );
});

test("a name that is held back is shown by its key", () => {
  assert.match(sentence({ ...QUOTES, segmentName: "" }), /^query parameter #0000000000000abc: quotes/);
});

test("segments are named as an operator counts them", () => {
  const path: ReasonFields = { ...QUOTES, segment: SegmentKind.PATH, segmentIndex: 0, segmentName: "", segmentKey: 0n };
  assert.match(sentence(path), /^path segment 1: quotes/);
  assert.match(sentence({ ...path, feature: featureId("path_length") }), /^path: length of the path \(path_length/);
  assert.match(sentence({ ...path, feature: featureId("path_depth") }), /^path: depth of the path \(path_depth/);
  assert.match(sentence({ ...path, segment: SegmentKind.QUERY }), /^query: quotes/);
  assert.match(sentence({ ...path, segment: SegmentKind.HEADER, segmentName: "x-a" }), /^header x-a: /);
  assert.match(sentence({ ...path, segment: SegmentKind.BODY, segmentName: "a.b" }), /^body field a\.b: /);
  assert.match(sentence({ ...path, segment: SegmentKind.UNSPECIFIED }), /^request: /);
});

test("what is not told is not invented", () => {
  assert.is(sentence({ kind: ReasonKind.UNSPECIFIED }), "no reason was told");
  assert.match(sentence({ ...QUOTES, feature: 77 }), /: feature 77 \(/);
  const bare = describe(create(DenialSchema, { reason: QUOTES }));
  assert.match(bare, /made 61 % of the score$/);
  assert.match(sentence(QUOTES, { record: { score: 1_792 } }), /of the score 7\.0$/);
});

test("rules, oversize and shadow say so", () => {
  assert.is(sentence({ kind: ReasonKind.RULE, ruleId: 17n }), "rule 17 matched");
  assert.match(sentence({ kind: ReasonKind.OVERSIZE }), /^headers beyond the bound/);
  const shadow = { verdict: Verdict.SHADOW_DENY, mode: Mode.SHADOW };
  assert.is(sentence({ kind: ReasonKind.RULE, ruleId: 17n }, shadow), "rule 17 matched; not acted on (mode shadow)");
});

test("a name cannot break a line or a terminal", () => {
  assert.match(sentence({ ...QUOTES, segmentName: "a\n\u001b[31m\u202eb c" }), /^query parameter a\\x0a\\x1b\[31m/);
  assert.is(printable("ü x"), "\\xc3\\xbc\\x20x");
  assert.is(printable("a b", true), "a b");
});

test.run();
