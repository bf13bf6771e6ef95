// From the target of a request to its 32 bins (law 3): decodes segment by segment into one text, counting what
// belongs to segments, then measures the text. A segment enters by addPathSegment or addParameter, so that other
// kinds can be added beside them. Time and memory are bounded by the caps of law 1; every input has a result.

import { bin, entropyBin, linear, ratio } from "./bin";
import {
  byteClass,
  ENDS_VALUE,
  HIDES,
  IS_ASCII,
  IS_DOT,
  IS_NAME_BYTE,
  IS_SLASH,
  STARTS_VALUE,
  STOPS_NAME,
  STOPS_PATH,
  STOPS_VALUE,
} from "./byte-class";
import * as counts from "./decode";
import { decode, decodeAgain } from "./decode";
import * as feature from "./feature";
import { FEATURES, PARAMETERS_MAX, PATH_HEAD, PATH_SEGMENTS_MAX, PATH_TAIL, QUERY_HEAD, QUERY_TAIL } from "./limits";
import { countOf, distinctSymbols, entropySum, measure, symbolRun, symbols } from "./measure";
import { symbolsIn } from "./symbol";
import { path, pathLen, query, queryLen, splitTarget, targetCut, wholePathLen } from "./target";

/** Bins of the first measurement: what statistics take. */
export const BINS = memory.data(FEATURES, 16);
/** Bins of the second, if there was one. */
export const SECOND_BINS = memory.data(FEATURES, 16);

/** Flags of a result. */
export const HAS_SECOND: i32 = 1;
/** A part of the target was not scanned. */
export const WAS_CUT: i32 = 2;
/** More path segments or parameters than a reason can point at. */
export const BEYOND_TABLE: i32 = 4;

/** Path, `?`, query: decoding never lengthens. */
const TEXT = memory.data(PATH_HEAD + PATH_TAIL + 1 + QUERY_HEAD + QUERY_TAIL, 16);

// Of the measurement at work.
let at: usize = 0;
let twice: bool = false;
let segments: u32 = 0;
let segmentLongest: i32 = 0;
let parameters: u32 = 0;
let nameLongest: i32 = 0;
let valueLongest: i32 = 0;
let valueTotal: u32 = 0;
let oddNames: u32 = 0;
let valueSlashes: u32 = 0;
let valueDots: u32 = 0;
let hiddenSegments: u32 = 0;
let oddStarts: u32 = 0;
let oddEnds: u32 = 0;

function beginMeasurement(decodesTwice: bool): void {
  at = TEXT;
  twice = decodesTwice;
  segments = parameters = valueTotal = oddNames = valueSlashes = valueDots = hiddenSegments = oddStarts = oddEnds = 0;
  segmentLongest = nameLongest = valueLongest = 0;
  counts.countsReset();
}

function putByte(byte: u8): void {
  store<u8>(at, byte);
  at++;
}

/** Length of what was decoded last, from `start`, in symbols. */
function lengthFrom(start: usize): i32 {
  return (counts.allAre & IS_ASCII) != 0 ? <i32>(at - start) : symbolsIn(start, at);
}

/** Adds the path segment at `ptr`, which ends at a `/` or at `end`; returns where it ended. */
function addPathSegment(ptr: usize, end: usize): usize {
  const start = at;
  at = decode(ptr, end, start, STOPS_PATH);
  const stopped = counts.stoppedAt;
  if (twice) at = decodeAgain(start, at);
  segments++;
  segmentLongest = max<i32>(segmentLongest, lengthFrom(start));
  if (isHidden(start, at)) hiddenSegments++;
  return stopped;
}

/** Adds the parameter at `ptr`, which ends at a `&` or at `end`; returns where it ended. */
function addParameter(ptr: usize, end: usize): usize {
  parameters++;
  const start = at;
  at = decode(ptr, end, start, STOPS_NAME);
  const stopped = counts.stoppedAt;
  if (twice) at = decodeAgain(start, at);
  nameLongest = max<i32>(nameLongest, lengthFrom(start));
  if ((counts.allAre & IS_NAME_BYTE) == 0) oddNames++;
  if (stopped == end || load<u8>(stopped) != 0x3d) return stopped;
  putByte(0x3d);
  return addValue(stopped + 1, end);
}

/** Adds the value at `ptr`, which ends at a `&` or at `end`; returns where it ended. */
function addValue(ptr: usize, end: usize): usize {
  const start = at;
  at = decode(ptr, end, start, STOPS_VALUE);
  const stopped = counts.stoppedAt;
  if (twice) at = decodeAgain(start, at);
  const length = lengthFrom(start);
  valueLongest = max<i32>(valueLongest, length);
  valueTotal += length;
  if ((counts.anyIs & IS_SLASH) != 0) valueSlashes += countWith(IS_SLASH, start, at);
  if ((counts.anyIs & IS_DOT) != 0) valueDots += countWith(IS_DOT, start, at);
  if (hasOddStart(start, at)) oddStarts++;
  if (hasOddEnd(start, at)) oddEnds++;
  return stopped;
}

/** Bytes of [ptr, end) with a property of byte-class.ts. */
export function countWith(property: i32, ptr: usize, end: usize): u32 {
  let count: u32 = 0;
  for (let p = ptr; p < end; p++) count += (byteClass(load<u8>(p)) & property) != 0 ? 1 : 0;
  return count;
}

/** True for a decoded path segment that begins with `.`, `~` or `@`. */
export function isHidden(ptr: usize, end: usize): bool {
  return ptr < end && (byteClass(load<u8>(ptr)) & HIDES) != 0;
}

/** True for a decoded value, not empty, that begins as values seldom do. */
export function hasOddStart(ptr: usize, end: usize): bool {
  return ptr < end && (byteClass(load<u8>(ptr)) & STARTS_VALUE) == 0;
}

/** True for a decoded value, not empty, that ends as values seldom do. */
export function hasOddEnd(ptr: usize, end: usize): bool {
  return ptr < end && (byteClass(load<u8>(end - 1)) & ENDS_VALUE) == 0;
}

function addPath(): void {
  const end = path + pathLen;
  let from = path;
  if (from < end && load<u8>(from) == 0x2f) {
    putByte(0x2f);
    from++;
  }
  from = addPathSegment(from, end);
  while (from < end) {
    putByte(0x2f);
    from = addPathSegment(from + 1, end);
  }
}

function addQuery(): void {
  if (queryLen == 0) return;
  putByte(0x3f);
  const end = query + queryLen;
  let from = query;
  while (from < end) {
    if (load<u8>(from) == 0x26) {
      from++;
      continue;
    }
    if (parameters != 0) putByte(0x26);
    from = addParameter(from, end);
  }
}

function putBin(bins: usize, id: i32, value: i32): void {
  store<u8>(bins + id, <u8>value);
}

function putCount(bins: usize, id: i32): void {
  putBin(bins, id, bin(countOf(id)));
}

/** Measures the text and writes all bins but those of the raw path and of escapes. */
function finishMeasurement(bins: usize): void {
  measure(TEXT, <i32>(at - TEXT));
  const n = symbols;
  putBin(bins, feature.VALUE_LENGTH_MAX, bin(valueLongest));
  putBin(bins, feature.VALUE_LENGTH_MEAN, parameters == 0 ? 0 : bin(valueTotal / parameters));
  putBin(bins, feature.PATH_SEGMENT_LENGTH_MAX, bin(segmentLongest));
  putBin(bins, feature.PATH_DEPTH, linear(segments));
  putCount(bins, feature.STRAY_BYTES);
  putCount(bins, feature.CONTROL_BYTES);
  putBin(bins, feature.DIGIT_RATIO, ratio(countOf(feature.DIGIT_RATIO), n));
  putBin(bins, feature.UPPER_RATIO, ratio(countOf(feature.UPPER_RATIO), n));
  putBin(bins, feature.PUNCTUATION_RATIO, ratio(countOf(feature.PUNCTUATION_RATIO), n));
  putCount(bins, feature.QUOTES);
  putCount(bins, feature.ANGLES);
  putCount(bins, feature.PARENTHESES);
  putCount(bins, feature.CALLS);
  putCount(bins, feature.SEPARATORS);
  putCount(bins, feature.PARENT_STEPS);
  putBin(bins, feature.ENTROPY, entropyBin(n, entropySum));
  putBin(bins, feature.SYMBOL_RUN, linear(symbolRun));
  putBin(bins, feature.DISTINCT_SYMBOLS, bin(distinctSymbols));
  putBin(bins, feature.NAME_LENGTH_MAX, bin(nameLongest));
  putBin(bins, feature.ODD_NAMES, bin(oddNames));
  putBin(bins, feature.EXTRA_EQUALS, bin(counts.valueEquals));
  putCount(bins, feature.BRACES);
  putCount(bins, feature.COMMENTS);
  putBin(bins, feature.VALUE_SLASHES, bin(valueSlashes));
  putCount(bins, feature.OPERATORS);
  putBin(bins, feature.HIDDEN_SEGMENTS, bin(hiddenSegments));
  putBin(bins, feature.ODD_VALUE_STARTS, bin(oddStarts));
  putBin(bins, feature.ODD_VALUE_ENDS, bin(oddEnds));
  putBin(bins, feature.VALUE_DOTS, bin(valueDots));
}

/**
 * Measures a target of `len` bytes into BINS and, where double escapes ask for it, SECOND_BINS. Returns the flags
 * above.
 */
export function extract(ptr: usize, len: i32): i32 {
  splitTarget(ptr, len);
  beginMeasurement(false);
  addPath();
  addQuery();
  putBin(BINS, feature.PATH_LENGTH, bin(wholePathLen));
  putBin(BINS, feature.ESCAPES, bin(counts.escapes));
  putBin(BINS, feature.NEEDLESS_ESCAPES, bin(counts.needlessEscapes));
  finishMeasurement(BINS);
  let flags = targetCut() ? WAS_CUT : 0;
  if (segments > <u32>PATH_SEGMENTS_MAX || parameters > <u32>PARAMETERS_MAX) flags |= BEYOND_TABLE;
  if (counts.doubleEscapes == 0) return flags;
  beginMeasurement(true);
  addPath();
  addQuery();
  memory.copy(SECOND_BINS, BINS, FEATURES);
  finishMeasurement(SECOND_BINS);
  return flags | HAS_SECOND;
}
