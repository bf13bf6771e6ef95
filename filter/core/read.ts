// Reads protobuf, field after field, within bounds: total on every input, never reads outside the range, always
// advances. Law 8. One reader at a time; nested messages by readEnter and readLeave:
//
//     readBegin(ptr, len);
//     while (readField()) {
//       if (isField(3, LENGTH)) { const outer = readEnter(); while (readField()) ...; readLeave(outer); }
//     }
//     if (!readOk()) ... readErrorOffset()

export const VARINT: i32 = 0;
export const FIXED64: i32 = 1;
export const LENGTH: i32 = 2;
export const FIXED32: i32 = 5;

let base: usize = 0;
let start: usize = 0;
let at: usize = 0;
let end: usize = 0;
let ok: bool = true;
let errorOffset: i32 = 0;

let field: u32 = 0;
let kind: i32 = 0;
let value: u64 = 0;
let content: usize = 0;
let contentLen: i32 = 0;

/** Begins to read `len` bytes at `ptr`. */
export function readBegin(ptr: usize, len: i32): void {
  base = ptr;
  at = ptr;
  end = ptr + len;
  ok = true;
  errorOffset = 0;
}

function fail(): bool {
  if (ok) errorOffset = <i32>(start - base);
  ok = false;
  at = end;
  return false;
}

/** Reads a varint of at most 10 bytes into `value`; bits above 64 are dropped. */
function varint(): bool {
  let result: u64 = 0;
  for (let shift: u64 = 0; shift < 70; shift += 7) {
    if (at >= end) return false;
    const byte: u64 = load<u8>(at);
    at++;
    result |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      value = result;
      return true;
    }
  }
  return false;
}

/**
 * Steps to the next field; false at the end of the message or at an error. Unknown fields need nothing more to be
 * skipped.
 */
export function readField(): bool {
  if (!ok || at >= end) return false;
  start = at;
  if (!varint()) return fail();
  // Field numbers are 1 to 2^29 - 1.
  if (value > 0xffffffff || value < 8) return fail();
  field = <u32>value >> 3;
  kind = <i32>(value & 7);
  if (kind == VARINT) {
    if (!varint()) return fail();
  } else if (kind == LENGTH) {
    if (!varint() || value > <u64>(end - at)) return fail();
    content = at;
    contentLen = <i32>value;
    at += contentLen;
  } else if (kind == FIXED64) {
    if (end - at < 8) return fail();
    value = load<u64>(at);
    at += 8;
  } else if (kind == FIXED32) {
    if (end - at < 4) return fail();
    value = load<u32>(at);
    at += 4;
  } else {
    return fail();
  }
  return true;
}

/** Number of the field just read. */
export function readNumber(): u32 {
  return field;
}

/** True if the field just read has this number. A known number with another wire type is an error. */
export function isField(number: u32, wireType: i32): bool {
  if (field != number) return false;
  if (kind == wireType) return true;
  return fail();
}

/** Value of a varint or fixed field. */
export function readValue(): u64 {
  return value;
}

/** Value of a uint32 or enum: the low 32 bits, as protobuf reads it. */
export function readValue32(): u32 {
  return <u32>value;
}

/** Address of the content of a length-delimited field. */
export function readContent(): usize {
  return content;
}

/** Length of that content in bytes. */
export function readLength(): i32 {
  return contentLen;
}

/** Enters the content of the field just read as a message; give the result to readLeave. */
export function readEnter(): usize {
  const outer = end;
  at = content;
  end = content + contentLen;
  return outer;
}

/** Goes on behind the message entered. */
export function readLeave(outer: usize): void {
  at = ok ? end : outer;
  end = outer;
}

/** True while every field was readable. */
export function readOk(): bool {
  return ok;
}

/** Offset, from the start given to readBegin, of the field that was not readable. */
export function readErrorOffset(): i32 {
  return errorOffset;
}
