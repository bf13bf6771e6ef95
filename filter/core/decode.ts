// Percent decoding of segments (law 1), and the escapes counted on the way. Decoded bytes are never more than the raw
// ones.

import { byteClass, hexValue, IS_HEX, IS_UNRESERVED, STOPS_VALUE } from "./byte-class";

const PERCENT: i32 = 0x25;
const PLUS: i32 = 0x2b;
const EQUALS: i32 = 0x3d;
const SPACE: i32 = 0x20;
const LOWER_U: i32 = 0x75;

/** Where the last decoding stopped: at a delimiter, or at the end. */
export let stoppedAt: usize = 0;
/** Counts since countsReset: features 5 and 26, double escapes, and `=` in values. */
export let escapes: i32 = 0;
export let doubleEscapes: i32 = 0;
export let needlessEscapes: i32 = 0;
export let valueEquals: i32 = 0;

/** Properties of byte-class.ts that all bytes decoded last have, and those that any has. */
export let allAre: i32 = 0;
export let anyIs: i32 = 0;

let escaped: i32 = 0;

export function countsReset(): void {
  escapes = doubleEscapes = needlessEscapes = valueEquals = 0;
}

function isHexAt(ptr: usize): bool {
  return (byteClass(load<u8>(ptr)) & IS_HEX) != 0;
}

function hexPair(ptr: usize): i32 {
  return (hexValue(load<u8>(ptr)) << 4) | hexValue(load<u8>(ptr + 1));
}

/** Length of the escape that begins with the `%` at ptr, its byte in `escaped`; 0 if none does. */
function escapeAt(ptr: usize, end: usize): i32 {
  const left = <i32>(end - ptr);
  if (left < 3) return 0;
  if (isHexAt(ptr + 1)) {
    if (!isHexAt(ptr + 2)) return 0;
    escaped = hexPair(ptr + 1);
    return 3;
  }
  if (left < 6 || (<i32>load<u8>(ptr + 1) | 0x20) != LOWER_U) return 0;
  if (load<u16>(ptr + 2) != 0x3030 || !isHexAt(ptr + 4) || !isHexAt(ptr + 5)) return 0;
  escaped = hexPair(ptr + 4);
  return 6;
}

/** True if what follows a `%25` makes it a double escape: two hexadecimal digits, or `u` and four. */
function escapesAgain(ptr: usize, end: usize): bool {
  const left = <i32>(end - ptr);
  if (left < 2) return false;
  if (isHexAt(ptr)) return isHexAt(ptr + 1);
  if (left < 5 || (<i32>load<u8>(ptr) | 0x20) != LOWER_U) return false;
  return isHexAt(ptr + 1) && isHexAt(ptr + 2) && isHexAt(ptr + 3) && isHexAt(ptr + 4);
}

function countEscape(size: i32, after: usize, end: usize): void {
  if (escaped < 0x80 && escaped != SPACE) escapes++;
  if ((byteClass(escaped) & IS_UNRESERVED) != 0) needlessEscapes++;
  if (size == 3 && escaped == PERCENT && escapesAgain(after, end)) doubleEscapes++;
}

/**
 * Decodes from `ptr` to a delimiter or `end` into `out`; returns the end of what was written, see also stoppedAt.
 * `stops` says what it reads: STOPS_PATH (to `/`), STOPS_NAME (to `&` or `=`) or STOPS_VALUE (to `&`).
 */
export function decode(ptr: usize, end: usize, out: usize, stops: i32): usize {
  let from = ptr;
  let to = out;
  let all = -1;
  let any = 0;
  while (from < end) {
    let byte: i32 = load<u8>(from);
    let size = 1;
    let properties = byteClass(byte);
    if ((properties & stops) != 0) {
      if (byte == PERCENT) {
        const found = escapeAt(from, end);
        if (found != 0) {
          size = found;
          byte = escaped;
          properties = byteClass(byte);
          countEscape(size, from + size, end);
        }
      } else if (byte == PLUS) {
        byte = SPACE;
        properties = byteClass(byte);
      } else if (byte == EQUALS && (stops & STOPS_VALUE) != 0) {
        valueEquals++;
      } else {
        break;
      }
    }
    store<u8>(to, <u8>byte);
    all &= properties;
    any |= properties;
    to++;
    from += size;
  }
  stoppedAt = from;
  allAre = all;
  anyIs = any;
  return to;
}

/** Decodes decoded bytes once more, in place and without `+`; returns the new end. Counts nothing. */
export function decodeAgain(ptr: usize, end: usize): usize {
  let from = ptr;
  let to = ptr;
  let all = -1;
  let any = 0;
  while (from < end) {
    let byte: i32 = load<u8>(from);
    let size = 1;
    if (byte == PERCENT) {
      const found = escapeAt(from, end);
      if (found != 0) {
        size = found;
        byte = escaped;
      }
    }
    const properties = byteClass(byte);
    store<u8>(to, <u8>byte);
    all &= properties;
    any |= properties;
    to++;
    from += size;
  }
  allAre = all;
  anyIs = any;
  return to;
}

/** As decode, and where `twice` once more. */
export function decodeTo(ptr: usize, end: usize, out: usize, stops: i32, twice: bool): usize {
  const to = decode(ptr, end, out, stops);
  return twice ? decodeAgain(out, to) : to;
}
