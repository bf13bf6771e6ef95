// One pass over decoded text (law 3): symbols by class, runs, places, entropy. Results stay until the next call.

import {
  ANGLE,
  BEFORE_CALL,
  BRACE,
  byteClass,
  CONTROL,
  DIGIT,
  ENDS_PLACE,
  HASH,
  OPERATOR,
  OTHER_PUNCTUATION,
  PARENTHESIS,
  QUOTE,
  SEPARATOR,
  STRAY as STRAY_CLASS,
  UPPER,
  WORD_BIT,
} from "./byte-class";
import * as feature from "./feature";
import { log2 } from "./log2";
import { continuationsAt, expectedAfter, STRAY, WIDE } from "./symbol";

const DASH: i32 = 0x2d;
const OPENING: i32 = 0x28;
const DOT: i32 = 0x2e;
const SLASH: i32 = 0x2f;
const STAR: i32 = 0x2a;
const BACKSLASH: i32 = 0x5c;

/** Count of each symbol value, u32; all zero between calls. */
const COUNTS = memory.data(4 * 256, 16);
/** The symbol values met, in order of appearance. */
const SEEN = memory.data(256, 16);
/** Symbols of each class, u32. */
const TOTALS_BYTES: i32 = 64;
const TOTALS = memory.data(TOTALS_BYTES, 16);

/** Number of symbols of the text. */
export let symbols: u32 = 0;
/** Bytes that are no valid UTF-8, and characters broken off. */
export let strays: u32 = 0;
export let distinctSymbols: u32 = 0;
export let symbolRun: u32 = 0;
export let parentSteps: u32 = 0;
export let commentPlaces: u32 = 0;
export let callPlaces: u32 = 0;
/** Sum of c log2(c) over the counts c of symbol values, in 1/65,536. */
export let entropySum: u64 = 0;

/** Measures `len` bytes of text; at most 65,535. */
export function measure(ptr: usize, len: i32): void {
  let distinct: u32 = 0;
  let continued = 0;
  let broken: u32 = 0;
  let others: u32 = 0;
  let othersLongest: u32 = 0;
  parentSteps = 0;
  commentPlaces = 0;
  callPlaces = 0;
  let before = 0;
  const end = ptr + len;
  for (let at = ptr; at < end; at++) {
    let symbol: i32 = load<u8>(at);
    if (symbol >= WIDE) {
      const expected = expectedAfter(symbol);
      const found = continuationsAt(at + 1, end, expected);
      symbol = expected == 0 ? STRAY : WIDE;
      if (found < expected) broken++;
      continued += found;
      at += found;
    }
    const slot = (<usize>symbol) << 2;
    const count = load<u32>(slot, COUNTS);
    store<u32>(slot, count + 1, COUNTS);
    store<u8>(distinct, <u8>symbol, SEEN);
    distinct += count == 0 ? 1 : 0;
    const properties = byteClass(symbol);
    // All ones for a word symbol, so that a run needs no branch, which would be mispredicted at every end of a word.
    const word: u32 = 0 - ((properties >> WORD_BIT) & 1);
    others = (others + 1) & ~word;
    othersLongest = max<u32>(othersLongest, others);
    if ((properties & ENDS_PLACE) != 0) countPlace(ptr, at, before);
    before = properties;
  }
  symbols = <u32>(len - continued);
  distinctSymbols = distinct;
  symbolRun = othersLongest;
  sumUp(distinct);
  strays = totalOf(STRAY_CLASS) + broken;
}

/**
 * Features 14, 16 and 24, at a byte that may end a place; `symbolBefore` are the properties of the symbol before it.
 */
function countPlace(begin: usize, at: usize, symbolBefore: i32): void {
  if (at == begin) return;
  const last: i32 = load<u8>(at);
  if (last == OPENING) {
    if ((symbolBefore & BEFORE_CALL) != 0) callPlaces++;
    return;
  }
  const before: i32 = load<u8>(at - 1);
  if ((last == DASH && before == DASH) || (last == STAR && before == SLASH)) commentPlaces++;
  if (before != DOT || (last != SLASH && last != BACKSLASH) || at - begin < 2) return;
  if (load<u8>(at - 2) == DOT) parentSteps++;
}

/** Everything that follows from the counts of symbols; empties them. */
function sumUp(distinct: u32): void {
  for (let at: usize = 0; at < <usize>TOTALS_BYTES; at += 8) store<u64>(TOTALS + at, 0);
  let sum: u64 = 0;
  for (let i: u32 = 0; i < distinct; i++) {
    const symbol: usize = load<u8>(SEEN + i);
    const count = load<u32>(symbol << 2, COUNTS);
    store<u32>(symbol << 2, 0, COUNTS);
    sum += <u64>count * <u64>log2(count);
    const total = TOTALS + ((byteClass(<i32>symbol) & 15) << 2);
    store<u32>(total, load<u32>(total) + count);
  }
  entropySum = sum;
}

function totalOf(symbolClass: i32): u32 {
  return load<u32>(TOTALS + (symbolClass << 2));
}

/** What a feature counts in the text measured last: features 6 to 16, 23, 24 and 27; 0 for others. */
export function countOf(id: i32): u32 {
  switch (id) {
    case feature.STRAY_BYTES:
      return strays;
    case feature.CONTROL_BYTES:
      return totalOf(CONTROL);
    case feature.DIGIT_RATIO:
      return totalOf(DIGIT);
    case feature.UPPER_RATIO:
      return totalOf(UPPER);
    case feature.PUNCTUATION_RATIO: {
      const enclosing = totalOf(QUOTE) + totalOf(ANGLE) + totalOf(PARENTHESIS) + totalOf(BRACE);
      return enclosing + totalOf(SEPARATOR) + totalOf(OPERATOR) + totalOf(HASH) + totalOf(OTHER_PUNCTUATION);
    }
    case feature.QUOTES:
      return totalOf(QUOTE);
    case feature.ANGLES:
      return totalOf(ANGLE);
    case feature.PARENTHESES:
      return totalOf(PARENTHESIS);
    case feature.CALLS:
      return callPlaces;
    case feature.SEPARATORS:
      return totalOf(SEPARATOR);
    case feature.PARENT_STEPS:
      return parentSteps;
    case feature.BRACES:
      return totalOf(BRACE);
    case feature.COMMENTS:
      return commentPlaces + totalOf(HASH);
    case feature.OPERATORS:
      return totalOf(OPERATOR);
    default:
      return 0;
  }
}
