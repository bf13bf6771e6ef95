// Reads one flat JSON object, member after member: total on every input, no recursion. Values that are objects or
// arrays are skipped whole. Strings are decoded (\uXXXX too) into one buffer, cut at its size.
//     jsonBegin(ptr, len);
//     while (jsonMember()) ... jsonKey..., jsonKind, jsonText..., jsonNumber
//     if (!jsonOk()) ... jsonOffset()

import { isText } from "./core/bytes";

export const STRING: i32 = 1;
/** An integer of 0 to 2^53; any other number is OTHER. */
export const INTEGER: i32 = 2;
export const TRUE: i32 = 3;
export const FALSE: i32 = 4;
export const OTHER: i32 = 5;

const KEY_MAX: u32 = 64;
const TEXT_MAX: u32 = 1024;
const KEY = memory.data(64, 8);
const TEXT = memory.data(1024, 8);
const INTEGER_MAX: u64 = 9007199254740992;

let from: usize = 0;
let at: usize = 0;
let end: usize = 0;
let ok: bool = false;
/** The object has ended. */
let done: bool = false;
let members: u32 = 0;

let keyLength: u32 = 0;
let textLength: u32 = 0;
let kind: i32 = 0;
let integer: u64 = 0;

/** Begins to read; a text that is empty or blank is an object without members. */
export function jsonBegin(ptr: usize, len: i32): void {
  from = ptr;
  at = ptr;
  end = ptr + len;
  members = 0;
  ok = true;
  space();
  done = at == end;
  if (!done) ok = take(0x7b);
}

export function jsonOk(): bool {
  return ok;
}

/** Offset of what could not be read. */
export function jsonOffset(): u32 {
  return <u32>(at - from);
}

export function jsonKind(): i32 {
  return kind;
}

export function jsonInteger(): u64 {
  return integer;
}

export function jsonText(): usize {
  return TEXT;
}

export function jsonTextLength(): u32 {
  return textLength;
}

export function jsonKey(): usize {
  return KEY;
}

export function jsonKeyLength(): u32 {
  return keyLength;
}

export function isKey(name: string): bool {
  return isText(KEY, keyLength, name);
}

/** Steps to the next member; false at the end or where the text is not JSON. */
export function jsonMember(): bool {
  if (!ok || done) return false;
  space();
  if (take(0x7d)) {
    space();
    done = true;
    ok = at == end;
    return false;
  }
  if (members++ > 0 && !take(0x2c)) return fail();
  space();
  if (!text(KEY, KEY_MAX)) return fail();
  keyLength = textLength;
  space();
  if (!take(0x3a)) return fail();
  space();
  if (!value()) return fail();
  space();
  // A comma and the closing brace are looked at by the next call; anything else, also the end, is an error now.
  const byte = peek();
  return byte == 0x2c || byte == 0x7d ? true : fail();
}

function fail(): bool {
  ok = false;
  return false;
}

function peek(): i32 {
  return at < end ? <i32>load<u8>(at) : -1;
}

function take(byte: i32): bool {
  if (peek() != byte) return false;
  at++;
  return true;
}

function space(): void {
  for (let byte = peek(); byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d; byte = peek()) at++;
}

function isDigit(byte: i32): bool {
  return byte >= 0x30 && byte <= 0x39;
}

function value(): bool {
  textLength = 0;
  const byte = peek();
  if (byte == 0x22) {
    kind = STRING;
    return text(TEXT, TEXT_MAX);
  }
  if (isDigit(byte) || byte == 0x2d) return number();
  if (byte == 0x7b || byte == 0x5b) return nested();
  const start = at;
  while (peek() >= 0x61 && peek() <= 0x7a) at++;
  const size = <i32>(at - start);
  kind = isText(start, size, "true") ? TRUE : isText(start, size, "false") ? FALSE : OTHER;
  return kind != OTHER || isText(start, size, "null");
}

function number(): bool {
  const start = at;
  integer = 0;
  kind = INTEGER;
  while (isDigit(peek())) {
    integer = integer > INTEGER_MAX ? integer : integer * 10 + <u64>(peek() - 0x30);
    at++;
  }
  if (integer > INTEGER_MAX) kind = OTHER;
  // Sign, fraction and exponent: a number, but none that any key takes.
  for (let byte = peek(); isDigit(byte) || isNumberMark(byte); byte = peek()) {
    kind = OTHER;
    at++;
  }
  return at > start;
}

/** Plus, minus, point, E and e. */
function isNumberMark(byte: i32): bool {
  return byte == 0x2b || byte == 0x2d || byte == 0x2e || (byte | 0x20) == 0x65;
}

/** Skips an object or array: brackets are counted, strings are stepped over. */
function nested(): bool {
  kind = OTHER;
  let depth = 0;
  while (at < end) {
    const byte = peek();
    if (byte == 0x22) {
      if (!text(TEXT, TEXT_MAX)) return false;
      continue;
    }
    at++;
    if (byte == 0x7b || byte == 0x5b) depth++;
    if (byte == 0x7d || byte == 0x5d) depth--;
    if (depth == 0) {
      textLength = 0;
      return true;
    }
  }
  return false;
}

function hexDigit(byte: i32): i32 {
  if (isDigit(byte)) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** The four digits of \uXXXX, or -1. */
function codeUnit(): i32 {
  let unit = 0;
  for (let i = 0; i < 4; i++) {
    const digit = hexDigit(peek());
    if (digit < 0) return -1;
    unit = (unit << 4) | digit;
    at++;
  }
  return unit;
}

/** What stands behind `\u`: a code point, from two units where they are a surrogate pair; -1 if it is none. */
function codePoint(): i32 {
  const high = codeUnit();
  if (high < 0xd800 || high > 0xdfff) return high;
  if (high > 0xdbff || !take(0x5c) || !take(0x75)) return -1;
  const low = codeUnit();
  return low < 0xdc00 || low > 0xdfff ? -1 : 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

let sink: usize = 0;
let sinkEnd: usize = 0;

function add(byte: i32): void {
  if (sink < sinkEnd) store<u8>(sink, <u8>byte);
  sink++;
}

function addUtf8(point: i32): void {
  if (point < 0x80) {
    add(point);
    return;
  }
  if (point < 0x800) {
    add(0xc0 | (point >> 6));
  } else {
    if (point < 0x10000) {
      add(0xe0 | (point >> 12));
    } else {
      add(0xf0 | (point >> 18));
      add(0x80 | ((point >> 12) & 0x3f));
    }
    add(0x80 | ((point >> 6) & 0x3f));
  }
  add(0x80 | (point & 0x3f));
}

function escape(): bool {
  const byte = peek();
  if (byte < 0) return false;
  at++;
  if (byte == 0x75) {
    const point = codePoint();
    if (point < 0) return false;
    addUtf8(point);
    return true;
  }
  if (byte == 0x22 || byte == 0x5c || byte == 0x2f) add(byte);
  else if (byte == 0x62) add(0x08);
  else if (byte == 0x66) add(0x0c);
  else if (byte == 0x6e) add(0x0a);
  else if (byte == 0x72) add(0x0d);
  else if (byte == 0x74) add(0x09);
  else return false;
  return true;
}

/**
 * A string into `to`. `textLength` is its true length, capped at one more than `size`: longer than the buffer is
 * seen as too long.
 */
function text(to: usize, size: u32): bool {
  if (!take(0x22)) return false;
  sink = to;
  sinkEnd = to + size;
  while (at < end) {
    const byte = <i32>load<u8>(at++);
    if (byte == 0x22) {
      textLength = min<u32>(<u32>(sink - to), size + 1);
      return true;
    }
    if (byte < 0x20) return false;
    if (byte != 0x5c) add(byte);
    else if (!escape()) return false;
  }
  return false;
}
