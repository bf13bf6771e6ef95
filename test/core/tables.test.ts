// A wrong byte in a table is noticed: every byte of the core's tables (logarithm, byte classes, constants of SHA-256)
// is inverted in a copy of core.wasm, one at a time, and the golden cases must then differ. Bytes that are 0 in all
// entries of a table carry nothing.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readCases } from "../golden/files.ts";
import { wasm } from "../host/webassembly.ts";
import { LOG2_TABLE } from "../reference/bins.ts";
import { toBytes } from "../reference/bytes.ts";

const BINARY = new Uint8Array(readFileSync(new URL("../../filter/build/core.wasm", import.meta.url)));
const DATA_SECTION = 11;
/** Texts and single constants are shorter. */
const TABLE_MIN = 200;
/** Width of an entry of any of the tables, in bytes, at most. */
const LANES = 4;

/** A data segment: its address in memory, and where its bytes lie in the file. */
interface Segment {
  address: number;
  offset: number;
  length: number;
}

function segmentsOf(binary: Uint8Array): Segment[] {
  let at = 8;
  const byte = () => binary[at++]!;
  const number = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const next = byte();
      value |= (next & 0x7f) << shift;
      if (next < 0x80) return value >>> 0;
    }
  };
  while (at < binary.length) {
    const id = byte();
    const end = number() + at;
    if (id !== DATA_SECTION) {
      at = end;
      continue;
    }
    return Array.from({ length: number() }, () => {
      assert.is(number(), 0, "an active segment of memory 0");
      assert.is(byte(), 0x41, "i32.const");
      const address = number();
      assert.is(byte(), 0x0b, "end");
      const length = number();
      at += length;
      return { address, offset: at - length, length };
    });
  }
  return [];
}

type Calls = Record<string, (...args: number[]) => number> & Record<string, { value: number }>;

const EXTRACTIONS = readCases("extraction").map(({ target, first }) => ({ target: toBytes(target), first }));
const LOGARITHMS = readCases("numbers").filter(({ of }) => of === "log2");
const MESSAGE = toBytes("any message shows every constant of the compression");
const DIGEST = createHash("sha256").update(MESSAGE).digest();

/** Whether a binary computes the golden cases; one that fails to start does not. */
function computesGolden(binary: Uint8Array): boolean {
  const { exports } = new wasm.Instance(new wasm.Module(binary), {});
  const calls = exports as Calls;
  const memory = new Uint8Array((exports.memory as { buffer: ArrayBuffer }).buffer);
  calls._initialize!();
  const [input, output, bins] = [calls.INPUT!.value, calls.OUTPUT!.value, calls.BINS!.value];
  memory.set(MESSAGE, input);
  calls.sha256!(input, MESSAGE.length, output);
  if (Buffer.compare(memory.subarray(output, output + 32), DIGEST) !== 0) return false;
  if (LOGARITHMS.some(({ argument, result }) => calls.log2!(argument) !== result)) return false;
  return EXTRACTIONS.every(({ target, first }) => {
    memory.set(target, input);
    calls.extract!(input, target.length);
    return first.every((bin, i) => memory[bins + i] === bin);
  });
}

const tables = segmentsOf(BINARY).filter((segment) => segment.length >= TABLE_MIN);

test("the binary as it is computes the golden cases", () => {
  assert.ok(computesGolden(BINARY));
});

test("the logarithm's table is among the tables", () => {
  const expected = Buffer.from(Uint16Array.from(LOG2_TABLE).buffer);
  const held = tables.map(({ offset, length }) => Buffer.from(BINARY.subarray(offset, offset + length)));
  // Leading and trailing zeros of a table are not in the file.
  assert.is(held.filter((table) => expected.includes(table) && table.length >= expected.length - LANES).length, 1);
});

test("every inverted byte of a table is noticed", () => {
  assert.is(tables.length, 3);
  const unnoticed: string[] = [];
  let inverted = 0;
  for (const { address, offset, length } of tables) {
    const table = BINARY.subarray(offset, offset + length);
    const isEmptyLane = Array.from({ length: LANES }, (_, lane) =>
      table.every((byte, i) => (address + i) % LANES !== lane || byte === 0),
    );
    for (let i = 0; i < length; i++) {
      if (isEmptyLane[(address + i) % LANES]) continue;
      const copy = Uint8Array.from(BINARY);
      copy[offset + i]! ^= 0xff;
      if (computesGolden(copy)) unnoticed.push(`byte ${i} of the table at ${address}`);
      inverted++;
    }
  }
  assert.equal(unnoticed, []);
  assert.ok(inverted > 1400, `${inverted} bytes`);
});

test.run();
