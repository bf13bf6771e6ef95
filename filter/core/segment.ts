// The segments of a request that the attack and the structure head look at (law 9): path segments, parameters, headers,
// in this order, each a row. Static memory, bounded; results stay until beginSegments.
//
// Row, 16 bytes: 0 u64 context key, 8 i16 level or NO_LEVEL, 10 u16 classes, 12 u8 length bin, 13 u8 kind, 14 u16
// index within the kind.

import { cutText, levelOf, NO_LEVEL } from "./attack";
import { bin } from "./bin";
import { STOPS_NAME, STOPS_PATH, STOPS_VALUE } from "./byte-class";
import * as decoded from "./decode";
import { decodeTo } from "./decode";
import { keyOfPair } from "./hash";
import {
  HEADER_VALUE_MAX,
  headerText,
  headerTextLength,
  holdHeaderName,
  isLookedAt,
  makeHeaderText,
} from "./header-text";
import {
  CONTEXT_NAME_MAX,
  HEADER_SEGMENTS_MAX,
  PARAMETERS_MAX,
  PATH_HEAD,
  PATH_SEGMENTS_MAX,
  PATH_TAIL,
  QUERY_HEAD,
  QUERY_TAIL,
} from "./limits";
import { SEGMENT_HEADER, SEGMENT_PATH, SEGMENT_QUERY } from "./locate";
import { modelEdition } from "./model";
import { cacheClear, cacheHit, cacheRow } from "./segment-cache";
import { path, pathLen, query, queryLen } from "./target";
import { classesOf } from "./text-class";

/** Size of a row. */
export const SEGMENT_BYTES: i32 = 16;

const SLASH: i32 = 0x2f;
const AMPERSAND: i32 = 0x26;
const EQUALS: i32 = 0x3d;
/** Places of a path from here on are one context. */
const PLACE_MAX: i32 = 7;

const ROWS = memory.data((PATH_SEGMENTS_MAX + PARAMETERS_MAX + HEADER_SEGMENTS_MAX) * SEGMENT_BYTES, 16);
/** Name and text of the segment at work. */
const PARTS = memory.data(PATH_HEAD + PATH_TAIL + QUERY_HEAD + QUERY_TAIL, 16);
const PLACE = memory.data(1, 8);
/** `p:`, `q:`, `h:`, by kind from 1. */
const PREFIXES = memory.data<u8>([0x70, 0x3a, 0x71, 0x3a, 0x68, 0x3a]);

let count: i32 = 0;
let headers: i32 = 0;
let beyond: bool = false;
let key0: u64 = 0;
let key1: u64 = 0;
let table: usize = 0;
let edition: u32 = 0;
let route: u64 = 0;

/** Changes whenever a segment is added or taken away. */
export let segmentEdition: u32 = 0;

/**
 * Begins the segments of a request: mesh key, the attack table that levels are of (0: no levels), and the key of the
 * request's route (0: the overflow route, or none is known).
 */
export function beginSegments(k0: u64, k1: u64, attackTable: usize, routeKey: u64): void {
  if (k0 != key0 || k1 != key1 || attackTable != table || modelEdition != edition) cacheClear();
  key0 = k0;
  key1 = k1;
  table = attackTable;
  edition = modelEdition;
  route = routeKey;
  count = headers = 0;
  beyond = false;
  segmentEdition++;
}

/** Key of the route of the request at work; 0 where it has none. */
export function segmentRoute(): u64 {
  return route;
}

/** Segments so far; at most 448. */
export function segmentCount(): i32 {
  return count;
}

/** Row of a segment, 0 to segmentCount() - 1. */
export function segmentAt(i: i32): usize {
  return ROWS + <usize>i * SEGMENT_BYTES;
}

/** Key of the context. */
export function segmentKey(row: usize): u64 {
  return load<u64>(row);
}

/** Attack level, or NO_LEVEL. */
export function segmentLevel(row: usize): i32 {
  return load<i16>(row, 8);
}

/** Set of 11 classes. */
export function segmentClasses(row: usize): u32 {
  return load<u16>(row, 10);
}

/** Length bin. */
export function segmentLength(row: usize): u32 {
  return load<u8>(row, 12);
}

/** SEGMENT_PATH, SEGMENT_QUERY or SEGMENT_HEADER. */
export function segmentKind(row: usize): i32 {
  return load<u8>(row, 13);
}

/** Place within the kind. */
export function segmentIndex(row: usize): i32 {
  return load<u16>(row, 14);
}

/** True if there was more than has a segment. */
export function segmentsBeyond(): bool {
  return beyond;
}

/** Fills a row but for its index; a text of more than 512 bytes is cut where it lies. */
function fillRow(row: usize, kind: i32, name: usize, nameLen: i32, text: usize, len: i32): void {
  const prefix = PREFIXES + ((<usize>(kind - 1)) << 1);
  store<u64>(row, keyOfPair(prefix, 2, name, min<i32>(nameLen, CONTEXT_NAME_MAX), key0, key1));
  const size = cutText(text, len);
  store<i16>(row, <i16>(table == 0 || len == 0 ? NO_LEVEL : levelOf(text, size, table)), 8);
  store<u16>(row, <u16>classesOf(text, size), 10);
  store<u8>(row, <u8>bin(len), 12);
  store<u8>(row, <u8>kind, 13);
}

/** The row for the next segment, its index set. */
function nextRow(index: i32): usize {
  const row = segmentAt(count);
  store<u16>(row, <u16>index, 14);
  count++;
  segmentEdition++;
  return row;
}

function addPath(twice: bool): void {
  const end = path + pathLen;
  let from = path;
  if (from < end && load<u8>(from) == SLASH) from++;
  for (let i = 0; i < PATH_SEGMENTS_MAX; i++) {
    const to = decodeTo(from, end, PARTS, STOPS_PATH, twice);
    from = decoded.stoppedAt;
    store<u8>(PLACE, <u8>(0x30 + min<i32>(i, PLACE_MAX)));
    fillRow(nextRow(i), SEGMENT_PATH, PLACE, 1, PARTS, <i32>(to - PARTS));
    if (from >= end) return;
    from++;
  }
  beyond = true;
}

function addQuery(twice: bool): void {
  const end = query + queryLen;
  let from = query;
  for (let i = 0; ; i++) {
    while (from < end && load<u8>(from) == AMPERSAND) from++;
    if (from >= end) return;
    if (i == PARAMETERS_MAX) break;
    const middle = decodeTo(from, end, PARTS, STOPS_NAME, twice);
    from = decoded.stoppedAt;
    if (from < end && load<u8>(from) == EQUALS) {
      const last = decodeTo(from + 1, end, middle, STOPS_VALUE, twice);
      from = decoded.stoppedAt;
      fillRow(nextRow(i), SEGMENT_QUERY, PARTS, <i32>(middle - PARTS), middle, <i32>(last - middle));
    } else {
      fillRow(nextRow(i), SEGMENT_QUERY, PARTS, 0, PARTS, <i32>(middle - PARTS));
    }
  }
  beyond = true;
}

/** Adds path segments and parameters of the target that splitTarget split last; `twice`: it holds a double escape. */
export function addTargetSegments(twice: bool): void {
  addPath(twice);
  addQuery(twice);
}

/** Adds a header, if it is looked at; after the target. The name must stay where it is as long as it is asked for. */
export function addHeaderSegment(name: usize, nameLen: i32, value: usize, valueLen: i32): void {
  if (!isLookedAt(name, nameLen)) return;
  if (headers == HEADER_SEGMENTS_MAX) {
    beyond = true;
    return;
  }
  holdHeaderName(headers, name, nameLen);
  const row = nextRow(headers);
  headers++;
  if (valueLen > HEADER_VALUE_MAX) {
    fillHeader(row, name, nameLen, value, valueLen);
    return;
  }
  const known = cacheRow(name, nameLen, value, valueLen, key0, key1);
  if (!cacheHit) fillHeader(known, name, nameLen, value, valueLen);
  // All of the row but the index.
  store<u64>(row, load<u64>(known));
  store<u32>(row, load<u32>(known, 8), 8);
  store<u16>(row, load<u16>(known, 12), 12);
}

function fillHeader(row: usize, name: usize, nameLen: i32, value: usize, valueLen: i32): void {
  makeHeaderText(value, valueLen);
  fillRow(row, SEGMENT_HEADER, name, nameLen, headerText(), headerTextLength());
}
