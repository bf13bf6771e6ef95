// A text under construction in memory of the caller's: log lines, error texts, the reply's body, the filter state.
// One at a time. What does not fit is cut off, so a text never passes its bound.

let start: usize = 0;
let cursor: usize = 0;
let limit: usize = 0;

const DIGITS = memory.data(24, 8);

export function beginText(at: usize, capacity: u32): void {
  start = at;
  cursor = at;
  limit = at + capacity;
}

/** Bytes written since `beginText`. */
export function textLength(): u32 {
  return <u32>(cursor - start);
}

export function putByte(byte: u32): void {
  if (cursor < limit) store<u8>(cursor++, <u8>byte);
}

/** An ASCII literal. */
export function put(literal: string): void {
  const from = changetype<usize>(literal);
  const length = literal.length;
  for (let i = 0; i < length; i++) putByte(load<u8>(from + ((<usize>i) << 1)));
}

export function putBytes(from: usize, size: u32): void {
  const n = min<usize>(size, limit - cursor);
  memory.copy(cursor, from, n);
  cursor += n;
}

/**
 * A byte that others chose: anything outside printable ASCII becomes `?`, so that no line can be forged and any
 * text is UTF-8.
 */
function printable(byte: u32): u32 {
  return byte >= 0x20 && byte < 0x7f ? byte : 0x3f;
}

/** Bytes that others chose, made printable. */
export function putForeign(from: usize, size: u32): void {
  for (let i: u32 = 0; i < size; i++) putByte(printable(load<u8>(from + i)));
}

/** Copies bytes that others chose, made printable. */
export function copyForeign(to: usize, from: usize, size: u32): void {
  for (let i: u32 = 0; i < size; i++) store<u8>(to + i, <u8>printable(load<u8>(from + i)));
}

export function putDecimal(value: u64): void {
  let n: u32 = 0;
  do {
    store<u8>(DIGITS + n++, <u8>(0x30 + (value % 10)));
    value /= 10;
  } while (value != 0);
  while (n > 0) putByte(load<u8>(DIGITS + --n));
}

/** 16 lower-case digits. */
export function putHex(value: u64): void {
  for (let shift = 60; shift >= 0; shift -= 4) {
    const digit = <u32>(value >> shift) & 15;
    putByte(digit < 10 ? 0x30 + digit : 0x57 + digit);
  }
}
