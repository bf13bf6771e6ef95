// The target of a request (law 1): absolute form cut, split into path and query, capped to what is scanned. Results
// stay until the next call; they point into the caller's bytes, or into static copies where head and tail had to be
// joined.

import { indexOfByte, sameBytes } from "./bytes";
import { PATH_HEAD, PATH_TAIL, QUERY_HEAD, QUERY_TAIL } from "./limits";

const SLASH: i32 = 0x2f;
const COLON: i32 = 0x3a;
const QUESTION: i32 = 0x3f;

const PATH_COPY = memory.data(PATH_HEAD + PATH_TAIL, 16);
const QUERY_COPY = memory.data(QUERY_HEAD + QUERY_TAIL, 16);
const ROOT = memory.data<u8>([0x2f]);
const SCHEME_END = memory.data<u8>([0x3a, 0x2f, 0x2f]);

/** What is scanned. */
export let path: usize = 0;
export let pathLen: i32 = 0;
export let query: usize = 0;
export let queryLen: i32 = 0;
/** As it came, before the caps. */
export let wholePath: usize = 0;
export let wholePathLen: i32 = 0;
let wholeQueryLen: i32 = 0;

/** Index of `://` in the range, or -1. */
function indexOfSchemeEnd(ptr: usize, len: i32): i32 {
  for (let i = 0; i + 3 <= len; i++) {
    if (<i32>load<u8>(ptr + i) == COLON && sameBytes(ptr + i, SCHEME_END, 3)) return i;
  }
  return -1;
}

/** Splits a target of `len` bytes. */
export function splitTarget(ptr: usize, len: i32): void {
  let from = ptr;
  let size = len;
  if (size > 0 && <i32>load<u8>(from) != SLASH) {
    const scheme = indexOfSchemeEnd(from, size);
    if (scheme >= 0) {
      const start = scheme + 3;
      const slash = indexOfByte(from + start, size - start, SLASH);
      if (slash < 0) {
        from = ROOT;
        size = 1;
      } else {
        from += start + slash;
        size -= start + slash;
      }
    }
  }
  const question = indexOfByte(from, size, QUESTION);
  wholePath = path = from;
  wholePathLen = pathLen = question < 0 ? size : question;
  query = question < 0 ? from + size : from + question + 1;
  wholeQueryLen = queryLen = question < 0 ? 0 : size - question - 1;
  if (pathLen > PATH_HEAD + PATH_TAIL) {
    join(PATH_COPY, path, pathLen, PATH_HEAD, PATH_TAIL);
    path = PATH_COPY;
    pathLen = PATH_HEAD + PATH_TAIL;
  }
  if (queryLen > QUERY_HEAD + QUERY_TAIL) {
    join(QUERY_COPY, query, queryLen, QUERY_HEAD, QUERY_TAIL);
    query = QUERY_COPY;
    queryLen = QUERY_HEAD + QUERY_TAIL;
  }
}

function join(out: usize, ptr: usize, len: i32, head: i32, tail: i32): void {
  memory.copy(out, ptr, head);
  memory.copy(out + head, ptr + (len - tail), tail);
}

/** True if a part of the target is not scanned. */
export function targetCut(): bool {
  return pathLen != wholePathLen || queryLen != wholeQueryLen;
}
