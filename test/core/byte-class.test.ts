// The table of filter/core/byte-class.ts, built again from the words of the law: a flipped bit in it is noticed.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Core } from "../support/core.ts";

const core = new Core("core");

/**
 * In the order of the numbers of the classes; what is below 0x80 and in none of them is BLANK or punctuation of no
 * feature.
 */
const CLASSES: [name: string, member: RegExp][] = [
  ["lower", /[a-z]/],
  ["digit", /[0-9]/],
  ["upper", /[A-Z]/],
  ["quote", /['"`]/],
  ["angle", /[<>]/],
  ["parenthesis", /[()]/],
  ["separator", /[;|\\]/],
  ["brace", /[{}[\]$]/],
  ["operator", /[*!^%~]/],
  ["hash", /#/],
  ["other punctuation", /[&+,\-./:=?@_]/],
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are the class.
  ["control", /[\x00-\x1f\x7f]/],
  ["wide letter", /\x80/],
  ["stray", /[\x81-\xff]/],
  ["blank", / /],
];

/** By bit, from bit 4 on. */
const PROPERTIES: [name: string, member: RegExp][] = [
  ["word", /[A-Za-z0-9\x80]/],
  ["hexadecimal", /[0-9A-Fa-f]/],
  ["unreserved", /[A-Za-z0-9\-._~]/],
  ["name byte", /[A-Za-z0-9_.\-[\]]/],
  ["slash", /[/\\:]/],
  ["ends a place", /[-*/\\(]/],
  ["stops a path segment", /[/%]/],
  ["stops a name", /[&=%+]/],
  ["stops a value", /[&=%+]/],
  ["before a call", /[A-Za-z0-9\x80_)\]}]/],
  ["dot", /\./],
  ["hides", /[.~@]/],
  ["starts a value", /[A-Za-z0-9\x80-\xff\-/_+]/],
  ["ends a value", /[A-Za-z0-9\x80-\xff\-/_=. ]/],
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all below 0x80.
  ["ascii", /[\x00-\x7f]/],
];

const bytes = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte));

test("every byte is in exactly one class", () => {
  for (const [byte, character] of bytes.entries()) {
    const classes = CLASSES.flatMap(([, member], number) => (member.test(character) ? [number] : []));
    assert.equal([core.number("byteClass", byte) & 15], classes, `byte ${byte}`);
  }
});

for (const [i, [name, member]] of PROPERTIES.entries()) {
  test(`the property "${name}" is that of the law for every byte`, () => {
    const expected = bytes.map((character) => member.test(character));
    assert.equal(
      bytes.map((_, byte) => ((core.number("byteClass", byte) >> (4 + i)) & 1) === 1),
      expected,
    );
  });
}

test("no byte has a property that nobody asked for", () => {
  for (const byte of bytes.keys()) assert.is(core.number("byteClass", byte) >> (4 + PROPERTIES.length), 0);
});

test.run();
