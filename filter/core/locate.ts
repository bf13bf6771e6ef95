// Where in a request a feature is strongest (law 5, Location): walks the segments again, only for requests that
// something is told of. Results stay until the next call.

import { byteClass, IS_DOT, IS_NAME_BYTE, IS_SLASH, STOPS_NAME, STOPS_PATH, STOPS_VALUE } from "./byte-class";
import * as counts from "./decode";
import { decode, decodeTo } from "./decode";
import { countWith, hasOddEnd, hasOddStart, isHidden } from "./extract";
import * as feature from "./feature";
import { headerName, headerNameLength } from "./header-text";
import {
  CONTEXT_NAME_MAX,
  PARAMETERS_MAX,
  PATH_HEAD,
  PATH_SEGMENTS_MAX,
  PATH_TAIL,
  QUERY_HEAD,
  QUERY_TAIL,
} from "./limits";
import { countOf, measure } from "./measure";
import { symbolsIn } from "./symbol";
import { path, pathLen, query, queryLen, splitTarget } from "./target";

/** Kinds of segments, numbered as in the contract. */
export const SEGMENT_PATH: i32 = 1;
export const SEGMENT_QUERY: i32 = 2;
export const SEGMENT_HEADER: i32 = 3;

const SLASH: i32 = 0x2f;
const AMPERSAND: i32 = 0x26;
const EQUALS: i32 = 0x3d;

/** Name and value of the segment at work. */
const PARTS = memory.data(PATH_HEAD + PATH_TAIL + QUERY_HEAD + QUERY_TAIL, 16);
const NAME = memory.data(QUERY_HEAD + QUERY_TAIL, 16);

let kind: i32 = 0;
let index: i32 = 0;
let nameLen: i32 = 0;

/** SEGMENT_PATH, SEGMENT_QUERY or, after locateSegment, SEGMENT_HEADER. */
export function locatedKind(): i32 {
  return kind;
}

/** 0-based position of the path segment, parameter or header; 0 for the path or query as a whole. */
export function locatedIndex(): i32 {
  return index;
}

/** Address of the name of the parameter, decoded once, or of the header; static. */
export function locatedName(): usize {
  return NAME;
}

/** Its length in bytes; 0 for a path segment and for path or query as a whole. */
export function locatedNameLength(): i32 {
  return nameLen;
}

function isPathFeature(id: i32): bool {
  return id == feature.PATH_SEGMENT_LENGTH_MAX || id == feature.HIDDEN_SEGMENTS;
}

function isQueryFeature(id: i32): bool {
  switch (id) {
    case feature.VALUE_LENGTH_MAX:
    case feature.VALUE_LENGTH_MEAN:
    case feature.NAME_LENGTH_MAX:
    case feature.ODD_NAMES:
    case feature.EXTRA_EQUALS:
    case feature.VALUE_SLASHES:
    case feature.ODD_VALUE_STARTS:
    case feature.ODD_VALUE_ENDS:
    case feature.VALUE_DOTS:
      return true;
    default:
      return false;
  }
}

/** True if a decoded name has a byte that usual names do not have. */
function isOddName(ptr: usize, end: usize): bool {
  let all = IS_NAME_BYTE;
  for (let p = ptr; p < end; p++) all &= byteClass(load<u8>(p));
  return all == 0;
}

function countIn(id: i32, ptr: usize, end: usize): u32 {
  measure(ptr, <i32>(end - ptr));
  return countOf(id);
}

/**
 * Measure of a segment that lies decoded at PARTS: [PARTS, middle) path segment or name, [middle, end) value; raw
 * counts are made.
 */
function measureOf(id: i32, middle: usize, end: usize): u32 {
  switch (id) {
    case feature.ESCAPES:
      return counts.escapes;
    case feature.NEEDLESS_ESCAPES:
      return counts.needlessEscapes;
    case feature.EXTRA_EQUALS:
      return counts.valueEquals;
    case feature.VALUE_LENGTH_MAX:
    case feature.VALUE_LENGTH_MEAN:
      return symbolsIn(middle, end);
    case feature.PATH_SEGMENT_LENGTH_MAX:
    case feature.NAME_LENGTH_MAX:
      return symbolsIn(PARTS, middle);
    case feature.ODD_NAMES:
      return isOddName(PARTS, middle) ? 1 : 0;
    case feature.VALUE_SLASHES:
      return countWith(IS_SLASH, middle, end);
    case feature.VALUE_DOTS:
      return countWith(IS_DOT, middle, end);
    case feature.HIDDEN_SEGMENTS:
      return isHidden(PARTS, middle) ? 1 : 0;
    case feature.ODD_VALUE_STARTS:
      return hasOddStart(middle, end) ? 1 : 0;
    case feature.ODD_VALUE_ENDS:
      return hasOddEnd(middle, end) ? 1 : 0;
    case feature.ENTROPY:
    case feature.SYMBOL_RUN:
    case feature.DISTINCT_SYMBOLS:
      return symbolsIn(PARTS, middle) + symbolsIn(middle, end);
    default:
      return countIn(id, PARTS, middle) + countIn(id, middle, end);
  }
}

let best: u32 = 0;

function searchPath(id: i32, twice: bool): void {
  const end = path + pathLen;
  let from = path;
  if (from < end && load<u8>(from) == SLASH) from++;
  for (let i = 0; i < PATH_SEGMENTS_MAX; i++) {
    counts.countsReset();
    const middle = decodeTo(from, end, PARTS, STOPS_PATH, twice);
    from = counts.stoppedAt;
    const found = measureOf(id, middle, middle);
    if (found > best) {
      best = found;
      kind = SEGMENT_PATH;
      index = i;
    }
    if (from >= end) return;
    from++;
  }
}

function searchQuery(id: i32, twice: bool): void {
  const end = query + queryLen;
  let from = query;
  for (let i = 0; i < PARAMETERS_MAX; i++) {
    while (from < end && load<u8>(from) == AMPERSAND) from++;
    if (from >= end) return;
    const start = from;
    counts.countsReset();
    const middle = decodeTo(from, end, PARTS, STOPS_NAME, twice);
    from = counts.stoppedAt;
    let last = middle;
    if (from < end && load<u8>(from) == EQUALS) {
      last = decodeTo(from + 1, end, middle, STOPS_VALUE, twice);
      from = counts.stoppedAt;
    }
    const found = measureOf(id, middle, last);
    if (found > best) {
      best = found;
      kind = SEGMENT_QUERY;
      index = i;
      nameLen = <i32>(decode(start, end, NAME, STOPS_NAME) - NAME);
    }
  }
}

/**
 * Finds the segment of a target of `len` bytes that stands out most by a feature; `twice` if the second measurement
 * counted.
 */
export function locate(ptr: usize, len: i32, id: i32, twice: bool): void {
  splitTarget(ptr, len);
  best = 0;
  locatePath();
  if (id == feature.PATH_LENGTH || id == feature.PATH_DEPTH) return;
  kind = 0;
  if (!isQueryFeature(id)) searchPath(id, twice);
  if (!isPathFeature(id)) searchQuery(id, twice);
  if (kind == 0) kind = queryLen > 0 ? SEGMENT_QUERY : SEGMENT_PATH;
}

/** Decodes the name of a parameter of the target split last, by its 0-based position. */
function nameParameter(position: i32): void {
  const end = query + queryLen;
  let from = query;
  for (let i = 0; i <= position; i++) {
    while (from < end && load<u8>(from) == AMPERSAND) from++;
    if (from >= end) return;
    if (i == position) nameLen = <i32>(decode(from, end, NAME, STOPS_NAME) - NAME);
    while (from < end && load<u8>(from) != AMPERSAND) from++;
  }
}

/** Takes the path as a whole as the place. */
export function locatePath(): void {
  kind = SEGMENT_PATH;
  index = 0;
  nameLen = 0;
}

/**
 * Takes a segment of segment.ts as the place, by its kind and index. The target split last and the names of headers
 * must be those of the request; of a header's name the first 64 bytes are told.
 */
export function locateSegment(segmentKind: i32, segmentIndex: i32): void {
  kind = segmentKind;
  index = segmentIndex;
  nameLen = 0;
  if (kind == SEGMENT_QUERY) nameParameter(index);
  if (kind != SEGMENT_HEADER) return;
  nameLen = min<i32>(headerNameLength(index), CONTEXT_NAME_MAX);
  memory.copy(NAME, headerName(index), nameLen);
}
