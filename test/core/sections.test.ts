// Sections as the filter reads them: what protobuf-es writes is taken with its meaning, every row of the law's table of
// refusals is refused under its name, and what protobuf leaves to a reader (repeated, unknown and too wide fields) is
// read as the law says.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { ACCEPTED, REFUSED, SAMPLES } from "../support/section-cases.ts";
import { agreed, BUILDS, outcomeByReference, shown } from "../support/section-outcome.ts";
import {
  delimited,
  model,
  modelBody,
  rule,
  rules,
  type SectionName,
  settings,
  tagged,
  varint,
} from "../support/sections.ts";

for (const { name, kind, bytes } of ACCEPTED) {
  test(`${kind}: ${name} is accepted`, () => assert.is(agreed(kind, bytes, name).refused, undefined));
}

for (const { name, kind, bytes, field, value } of REFUSED) {
  test(`${kind}: ${name} is refused as ${field}`, () => {
    assert.is(agreed(kind, bytes, name).refused, field);
    for (const core of BUILDS) {
      const refusal = core.checkSection(kind, bytes)!;
      assert.ok(refusal.bound.length > 0);
      if (value !== undefined) assert.is(refusal.value, value);
    }
  });
}

test("the last of a field that is there twice wins, also of a nested message", () => {
  const twice = Uint8Array.from([...model(modelBody({}, 8)), ...model(modelBody({ alertThreshold: 9 }, 9))]);
  assert.is(
    shown(agreed("model", twice, "two models")),
    shown(outcomeByReference("model", model(modelBody({ alertThreshold: 9 }, 9)))),
  );
  const modes = Uint8Array.from([...settings({ mode: 2 }), ...tagged(1, 0, [3])]);
  assert.is(
    shown(agreed("settings", modes, "two modes")),
    shown(outcomeByReference("settings", settings({ mode: 3 }))),
  );
});

/** A varint of ten bytes whose last one holds more bits than fit 64. */
function overlong(value: bigint): number[] {
  return [...Array.from({ length: 9 }, (_, i) => Number((value >> BigInt(7 * i)) & 127n) | 128), 0x7e];
}

test("numbers wider than their field and tags wider than 32 bits are read as the reference reads them", () => {
  const tails = [
    tagged(3, 0, varint(2n ** 32n + 60_000n)),
    tagged(3, 0, varint(2n ** 63n + 60_000n)),
    tagged(3, 0, overlong(60_000n)),
    tagged(1, 0, varint(2n ** 32n + 2n)),
    tagged(1, 0, varint(-1n)),
    tagged(1, 0, overlong(3n)),
    ...[2n ** 35n + 8n, 2n ** 32n + 8n, 2n ** 32n - 8n, 2n ** 64n - 8n].map((tag) => [...varint(tag), 1]),
    [0x88, 0x80, 0x00, 2],
    [0x82, 0x80, 0x00, 0],
  ];
  for (const tail of tails) agreed("settings", Uint8Array.from([...SAMPLES.settings, ...tail]), String(tail));
  const numbers = [
    [1, 2n ** 64n - 1n],
    [2, 2n ** 32n + 1n],
    [4, 2n ** 32n + 3n],
    [7, 2n ** 40n],
    [8, 2n ** 63n],
  ] as const;
  for (const [number, value] of numbers) {
    const body = [...rules(rule({ scoreMin: 9 })).subarray(2), ...tagged(number, 0, varint(value))];
    agreed("rules", Uint8Array.from(delimited(1, body)), `field ${number} of ${value}`);
  }
});

test("unknown fields are skipped", () => {
  const unknown = [
    tagged(900, 0, [1]),
    tagged(901, 1, new Array(8).fill(7)),
    tagged(902, 2, [1, 0]),
    tagged(903, 5, [0, 0, 0, 0]),
  ];
  for (const [kind, sample] of Object.entries(SAMPLES) as [SectionName, Uint8Array][]) {
    const more = Uint8Array.from([...unknown.flat(), ...sample, ...unknown.flat()]);
    assert.is(shown(agreed(kind, more, kind)), shown(outcomeByReference(kind, sample)));
  }
});

test.run();
