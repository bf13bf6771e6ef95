// Section 8 of the law: the bounded reader of protobuf messages. It reads one message into a list of fields; what the
// fields mean is said in sections.ts. Anything that is not a well-formed message is refused as `section` with the
// offset of what could not be read.

/** Why a section is refused: the same names as the filter tells in a Nack. */
export class Refusal extends Error {
  constructor(
    readonly field: string,
    readonly value: bigint,
    readonly bound: string,
  ) {
    super(`${field}: ${value}, ${bound}`);
  }
}

export const VARINT = 0;
export const FIXED64 = 1;
export const BYTES = 2;
export const FIXED32 = 5;

export interface Field {
  number: number;
  wire: number;
  /** Of the field's tag, in the whole section. */
  offset: number;
  /** Of varint and fixed fields; varints modulo 2^64. */
  scalar: bigint;
  /** Of length-delimited fields, with its own offset in the whole section. */
  content: Content;
}

export interface Content {
  bytes: Uint8Array;
  offset: number;
}

const NOTHING: Content = { bytes: new Uint8Array(0), offset: 0 };

function unreadable(offset: number, bound: string): Refusal {
  return new Refusal("section", BigInt(offset), bound);
}

/** Reads a varint of at most 10 bytes; the bits above 64 are dropped. */
function readVarint({ bytes, offset }: Content, at: number): [value: bigint, next: number] {
  let value = 0n;
  for (let i = 0; i < 10; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) throw unreadable(offset + at, "truncated");
    value |= BigInt(byte & 0x7f) << BigInt(7 * i);
    if (byte < 0x80) return [BigInt.asUintN(64, value), at + i + 1];
  }
  throw unreadable(offset + at, "a varint has at most 10 bytes");
}

function readFixed({ bytes, offset }: Content, at: number, size: number): [value: bigint, next: number] {
  if (at + size > bytes.length) throw unreadable(offset + at, "truncated");
  const value = bytes.subarray(at, at + size).reduceRight((word, byte) => (word << 8n) | BigInt(byte), 0n);
  return [value, at + size];
}

/** All fields of a message in their order, unknown ones too. Throws Refusal. */
export function readFields(message: Content): Field[] {
  const fields: Field[] = [];
  let at = 0;
  while (at < message.bytes.length) {
    const offset = message.offset + at;
    const [tag, afterTag] = readVarint(message, at);
    if (tag > 0xffffffffn || tag < 8n) throw unreadable(offset, "a field number is 1 to 2^29 - 1");
    const number = Number(tag >> 3n);
    const wire = Number(tag & 7n);
    if (wire === VARINT || wire === FIXED64 || wire === FIXED32) {
      const size = wire === FIXED64 ? 8 : 4;
      const [scalar, next] = wire === VARINT ? readVarint(message, afterTag) : readFixed(message, afterTag, size);
      fields.push({ number, wire, offset, scalar, content: NOTHING });
      at = next;
    } else if (wire === BYTES) {
      const [length, start] = readVarint(message, afterTag);
      if (length > BigInt(message.bytes.length - start)) throw unreadable(offset, "length beyond the end");
      at = start + Number(length);
      const content = { bytes: message.bytes.subarray(start, at), offset: message.offset + start };
      fields.push({ number, wire, offset, scalar: 0n, content });
    } else {
      throw unreadable(offset, "bad wire type");
    }
  }
  return fields;
}

/** Every field of that number, in order. Throws Refusal if one has another wire type. */
export function all(fields: readonly Field[], number: number, wire: number): Field[] {
  const found = fields.filter((field) => field.number === number);
  const bad = found.find((field) => field.wire !== wire);
  if (bad !== undefined) throw unreadable(bad.offset, "bad wire type");
  return found;
}

/** The last scalar of that number; 0 without. */
export function scalar(fields: readonly Field[], number: number, wire: number): bigint {
  return all(fields, number, wire).at(-1)?.scalar ?? 0n;
}

/** A uint32 or enum: the low 32 bits, as protobuf reads it. */
export function scalar32(fields: readonly Field[], number: number): number {
  return Number(BigInt.asUintN(32, scalar(fields, number, VARINT)));
}

/** The last bytes or string of that number; empty without. */
export function bytes(fields: readonly Field[], number: number): Uint8Array {
  return all(fields, number, BYTES).at(-1)?.content.bytes ?? NOTHING.bytes;
}
