// Which headers are looked at, and the text of one (law 9): those that the mesh or the connection makes say nothing of
// the caller's doing.

import { indexOfByte, isText, startsWith } from "./bytes";
import { decodeAgain } from "./decode";
import { HEADER_SEGMENTS_MAX, HEADER_VALUE_HEAD, HEADER_VALUE_TAIL, TEXT_HEAD, TEXT_TAIL } from "./limits";

const PERCENT: i32 = 0x25;
const COLON: u8 = 0x3a;

/** Longest value of which all is decoded. */
export const HEADER_VALUE_MAX: i32 = HEADER_VALUE_HEAD + HEADER_VALUE_TAIL;
/** A copy of the value, where it is not read where it lies. */
const VALUE = memory.data(HEADER_VALUE_MAX, 16);

/** Address and length of the names of the headers looked at, as they came. */
const NAMES = memory.data(HEADER_SEGMENTS_MAX * 8, 16);

let text: usize = 0;
let textLen: i32 = 0;

/** Address of the text made last; it may be changed where it is longer than what is looked at. */
export function headerText(): usize {
  return text;
}

/** Its length in bytes. */
export function headerTextLength(): i32 {
  return textLen;
}

/** Remembers where the name of a header lies, by its place among those looked at. */
export function holdHeaderName(index: i32, name: usize, len: i32): void {
  store<u32>(NAMES + ((<usize>index) << 3), <u32>name);
  store<i32>(NAMES + ((<usize>index) << 3), len, 4);
}

/** Address of the name of a header of this request, where it came. */
export function headerName(index: i32): usize {
  return load<u32>(NAMES + ((<usize>index) << 3));
}

/** Its length in bytes. */
export function headerNameLength(index: i32): i32 {
  return load<i32>(NAMES + ((<usize>index) << 3), 4);
}

/** True if a header of this name is looked at. */
export function isLookedAt(name: usize, len: i32): bool {
  if (len == 0) return true;
  switch (load<u8>(name)) {
    case COLON:
      return false;
    case 0x62: // b
      return !isText(name, len, "b3");
    case 0x63: // c
      return !isText(name, len, "content-length");
    case 0x64: // d
      return !isText(name, len, "date");
    case 0x68: // h
      return !isText(name, len, "host");
    case 0x69: // i
      return !isCondition(name, len);
    case 0x74: // t
      return !isText(name, len, "traceparent") && !isText(name, len, "tracestate");
    case 0x78: // x
      return !isOfMesh(name, len);
    default:
      return true;
  }
}

function isCondition(name: usize, len: i32): bool {
  return (
    isText(name, len, "if-match") ||
    isText(name, len, "if-none-match") ||
    isText(name, len, "if-modified-since") ||
    isText(name, len, "if-unmodified-since") ||
    isText(name, len, "if-range")
  );
}

function isOfMesh(name: usize, len: i32): bool {
  return (
    startsWith(name, len, "x-envoy-") ||
    startsWith(name, len, "x-b3-") ||
    isText(name, len, "x-request-id") ||
    isText(name, len, "x-forwarded-proto") ||
    isText(name, len, "x-forwarded-client-cert")
  );
}

/** Makes the text of a value of `len` bytes; see headerText and headerTextLength. */
export function makeHeaderText(value: usize, len: i32): void {
  text = value;
  textLen = len;
  const asItIs = len <= HEADER_VALUE_MAX && indexOfByte(value, len, PERCENT) < 0;
  if (asItIs && len <= TEXT_HEAD + TEXT_TAIL) return;
  text = VALUE;
  if (len > HEADER_VALUE_MAX) {
    memory.copy(VALUE, value, HEADER_VALUE_HEAD);
    memory.copy(VALUE + HEADER_VALUE_HEAD, value + (len - HEADER_VALUE_TAIL), HEADER_VALUE_TAIL);
    textLen = HEADER_VALUE_MAX;
  } else {
    memory.copy(VALUE, value, len);
  }
  if (!asItIs) textLen = <i32>(decodeAgain(VALUE, VALUE + textLen) - VALUE);
}
