// The gRPC message that the host has just received, read piece by piece from its buffer: a snapshot may be larger
// than what is free, and its sections are wanted at places of our own. Total on every input; every step advances.

import { BUFFER_GRPC, OK, proxy_get_buffer_bytes } from "./abi";
import { direct, expectResult, RESULT_DATA, RESULT_SIZE, resultSize } from "./memory";

export const VARINT: i32 = 0;
export const LENGTH: i32 = 2;

/** A tag and a varint have at most 10 bytes each. */
const PEEK_BYTES: u32 = 20;
const PEEK = memory.data(24, 8);

// The field just read.
export let fieldNumber: u32 = 0;
export let fieldKind: i32 = 0;
export let fieldValue: u64 = 0;
/** Offset in the message of the content of a length-delimited field, and its length. */
export let fieldAt: u32 = 0;
export let fieldLength: u32 = 0;
/** Offset of the next field. */
export let fieldEnd: u32 = 0;

let peeked: u32 = 0;
let peekAt: u32 = 0;
let number: u64 = 0;

/** Copies `size` bytes of the message from `start` to `to`; false if they are not there. */
export function fetch(start: u32, size: u32, to: usize): bool {
  if (size == 0) return true;
  expectResult();
  direct(to, size);
  const status = proxy_get_buffer_bytes(BUFFER_GRPC, start, size, RESULT_DATA, RESULT_SIZE);
  return status == OK && resultSize() == size;
}

/** Reads a varint of the peeked bytes. */
function varint(): bool {
  number = 0;
  for (let shift: u64 = 0; shift < 70; shift += 7) {
    if (peekAt >= peeked) return false;
    const byte: u64 = load<u8>(PEEK + peekAt++);
    number |= (byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

/** Reads the field at offset `start` of a message that ends at `end`; false if it is not readable. */
export function readFieldAt(start: u32, end: u32): bool {
  if (start >= end) return false;
  peeked = min<u32>(PEEK_BYTES, end - start);
  peekAt = 0;
  if (!fetch(start, peeked, PEEK) || !varint()) return false;
  fieldNumber = number >> 3 > 0x1fffffff ? 0 : <u32>(number >> 3);
  fieldKind = <i32>(number & 7);
  let size: u64 = 0;
  if (fieldKind == VARINT) {
    if (!varint()) return false;
    fieldValue = number;
  } else if (fieldKind == LENGTH) {
    if (!varint()) return false;
    size = number;
  } else if (fieldKind == 1) size = 8;
  else if (fieldKind == 5) size = 4;
  else return false;
  fieldAt = start + peekAt;
  if (size > <u64>(end - fieldAt)) return false;
  fieldLength = <u32>size;
  fieldEnd = fieldAt + fieldLength;
  return true;
}
