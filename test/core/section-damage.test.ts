// Damaged sections: cut anywhere, with any bit flipped, with fields of any number and wire type in any place. None
// makes a build fail, and none is read otherwise than the reference reads it.

import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readFields } from "../reference/protobuf.ts";
import { SAMPLES } from "../support/section-cases.ts";
import { agreed } from "../support/section-outcome.ts";
import { delimited, type SectionName, tagged, varint } from "../support/sections.ts";

for (const [kind, sample] of Object.entries(SAMPLES) as [SectionName, Uint8Array][]) {
  test(`${kind} cut off at any byte is read as the reference reads it`, () => {
    for (let length = 0; length < sample.length; length++) agreed(kind, sample.subarray(0, length), `cut at ${length}`);
  });

  test(`${kind} with any bit flipped is read as the reference reads it`, () => {
    let refused = 0;
    for (let bit = 0; bit < 8 * sample.length; bit++) {
      const flipped = Uint8Array.from(sample);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      if (agreed(kind, flipped, `bit ${bit}`).refused !== undefined) refused++;
    }
    assert.ok(refused > 0);
  });
}

const small = fc.oneof(
  fc.bigInt({ min: 0n, max: 10n }),
  fc.bigInt({ min: 400n, max: 1100n }),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
);
const blob = fc
  .oneof(fc.constantFrom(0, 8, 16, 64, 128), fc.nat(40))
  .chain((length) => fc.array(fc.nat(255), { minLength: length, maxLength: length }));

/** A field of any number and any wire type, well formed or (end of group, types 6 and 7) not. */
const field = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.nat(12), small).map(([number, value]) => tagged(number, 0, varint(value))) },
  {
    weight: 6,
    arbitrary: fc.tuple(fc.nat(12), blob).map(([number, bytes]) => delimited(number, bytes)),
  },
  { weight: 1, arbitrary: fc.nat(12).map((number) => tagged(number, 1, [1, 2, 3, 4, 5, 6, 7, 8])) },
  { weight: 1, arbitrary: fc.nat(12).map((number) => tagged(number, 5, [1, 2, 3, 4])) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.nat(12), fc.constantFrom(3, 4, 6, 7)).map(([number, wire]) => tagged(number, wire, [])),
  },
);
const message = fc.array(field, { maxLength: 6 }).map((fields) => fields.flat());
/**
 * Damaged by what is put before, behind or in the middle of a good section, at the top or in its first nested message.
 */
const damaged = (sample: Uint8Array) =>
  fc.tuple(message, fc.nat(sample.length), message).map(([before, at, behind]) => {
    const whole = [...sample];
    return Uint8Array.from([...before, ...whole.slice(0, at), ...behind, ...whole.slice(at)]);
  });
const nested = (number: number) =>
  fc.array(message, { maxLength: 3 }).map((list) => Uint8Array.from(list.flatMap((one) => delimited(number, one))));

/**
 * Fields behind those of a good message: of a settings section itself, of the first body of a model or rules section.
 */
const behindGood = (kind: SectionName) =>
  message.map((fields) => {
    if (kind === "settings") return Uint8Array.from([...SAMPLES.settings, ...fields]);
    const body = readFields({ bytes: SAMPLES[kind], offset: 0 })[0]!.content.bytes;
    return Uint8Array.from(delimited(1, [...body, ...fields]));
  });

for (const kind of ["settings", "model", "rules"] as const) {
  const raw = fc.uint8Array({ maxLength: 60 });
  const flat = message.map((one) => Uint8Array.from(one));
  const any = fc.oneof(raw, flat, nested(1), nested(2), damaged(SAMPLES[kind]), behindGood(kind));
  test(`${kind}: fields in any number and order are read as the reference reads them`, () => {
    const met = new Map<string, number>();
    const reads = fc.property(any, (section) => {
      const outcome = agreed(kind, section, "drawn").refused ?? "accepted";
      met.set(outcome, (met.get(outcome) ?? 0) + 1);
    });
    fc.assert(reads, { seed: 8, numRuns: 4000 });
    for (const outcome of ["accepted", "section"]) assert.ok(met.get(outcome)! > 50, `${outcome}: ${met.get(outcome)}`);
    assert.ok(met.size >= 4, [...met.keys()].join());
  });
}

test.run();
