// How much more a text looks like attacks than like usual values (law 10): features of its tokens, each of which
// counts once, weighed by a table. One pass over the bytes, no allocation. A text has at most 512 bytes here: longer
// ones are cut by the caller as law 9 says, and what a caller leaves is not looked at.

import { ATTACK_WEIGHTS, LEVELS, TEXT_HEAD, TEXT_TAIL } from "./limits";

/** Longest text that is looked at, in bytes. */
export const TEXT_MAX: i32 = TEXT_HEAD + TEXT_TAIL;
/** Size of a table: 32,768 weights (i8), then the bias (i32). */
export const ATTACK_TABLE_BYTES: i32 = ATTACK_WEIGHTS + 4;
/** Level of a segment that has none. */
export const NO_LEVEL: i32 = -32768;
const LEVEL_MAX: i32 = 32767;

const LETTERS: u32 = 0x61;
const DIGITS: u32 = 0x30;
const WIDE: u32 = 0xff;
const BLANKS: u32 = 0x20;
const BEFORE: u32 = 0xfe;
const BEHIND: u32 = 0xfd;

const WORD_MAX: i32 = 20;
const FNV_OFFSET: u32 = 0x811c9dc5;
const FNV_PRIME: u32 = 0x01000193;
/** FNV-1a of the byte `W`, which stands for every longer run of letters. */
const LONG_WORD: u32 = (FNV_OFFSET ^ 0x57) * FNV_PRIME;

/** One for each token and one more; two for each run of letters, which at most every other token is. */
const FEATURES_MAX: i32 = 2 * TEXT_MAX + 1;
/** Class of the token that a byte belongs to. */
const TOKEN_CLASS = memory.data(256, 16);
/** A bit for each index met; all 0 between calls. */
const SEEN = memory.data(ATTACK_WEIGHTS / 8, 16);
/** The indices met, u16, in order. */
const MET = memory.data(2 * FEATURES_MAX + 2, 16);
let met: i32 = 0;

function tokenClass(byte: u32): u32 {
  const lower = byte | 0x20;
  if (lower >= 0x61 && lower <= 0x7a) return LETTERS;
  if (byte >= 0x30 && byte <= 0x39) return DIGITS;
  if (byte >= 0x80) return WIDE;
  return byte == 0x20 || (byte >= 0x09 && byte <= 0x0d) ? BLANKS : byte;
}

for (let byte: u32 = 0; byte < 256; byte++) store<u8>(TOKEN_CLASS + byte, <u8>tokenClass(byte));

/** Adds the feature that `x` stands for, if it is new. */
function add(x: u32): void {
  const index = (x * 0x9e3779b1) >> 17;
  const at = SEEN + (index >> 3);
  const bit = (<u32>1) << (index & 7);
  const seen: u32 = load<u8>(at);
  if ((seen & bit) != 0) return;
  store<u8>(at, <u8>(seen | bit));
  store<u16>(MET + ((<usize>met) << 1), <u16>index);
  met++;
}

/** Collects the distinct features of a text in MET; whoever calls it walks MET and clears SEEN. */
function collect(ptr: usize, len: i32): void {
  met = 0;
  const end = ptr + min<i32>(len, TEXT_MAX);
  let from = ptr;
  let a = BEFORE;
  let b = BEFORE;
  let word: u32 = 0;
  while (from < end) {
    const byte: u32 = load<u8>(from++);
    const c: u32 = load<u8>(TOKEN_CLASS + byte);
    add((a << 16) | (b << 8) | c);
    if (b == LETTERS) add(((word ^ c) * FNV_PRIME) ^ 0x52);
    if (c == LETTERS) {
      const start = from - 1;
      word = (FNV_OFFSET ^ (byte | 0x20)) * FNV_PRIME;
      while (from < end && load<u8>(TOKEN_CLASS + load<u8>(from)) == <u8>LETTERS) {
        word = (word ^ (<u32>load<u8>(from) | 0x20)) * FNV_PRIME;
        from++;
      }
      if (<i32>(from - start) > WORD_MAX) word = LONG_WORD;
      add(((word ^ b) * FNV_PRIME) ^ 0x4c);
    } else if (c == DIGITS || c == WIDE || c == BLANKS) {
      while (from < end && load<u8>(TOKEN_CLASS + load<u8>(from)) == <u8>c) from++;
    }
    a = b;
    b = c;
  }
  add((a << 16) | (b << 8) | BEHIND);
  if (b == LETTERS) add(((word ^ BEHIND) * FNV_PRIME) ^ 0x52);
}

/** Level of a text by a table; -32,767 to 32,767, in 1/32 nat. */
export function levelOf(ptr: usize, len: i32, table: usize): i32 {
  collect(ptr, len);
  let level = load<i32>(table, ATTACK_WEIGHTS);
  for (let i = 0; i < met; i++) {
    const index: usize = load<u16>(MET + ((<usize>i) << 1));
    store<u8>(SEEN + (index >> 3), 0);
    level += load<i8>(table + index);
  }
  return min<i32>(LEVEL_MAX, max<i32>(-LEVEL_MAX, level));
}

/** Writes the distinct indices of a text's features, u16, as they were met; at most 1,025. Returns how many. */
export function putAttackFeatures(ptr: usize, len: i32, out: usize): i32 {
  collect(ptr, len);
  for (let i = 0; i < met; i++) {
    const index: usize = load<u16>(MET + ((<usize>i) << 1));
    store<u8>(SEEN + (index >> 3), 0);
    store<u16>(out + ((<usize>i) << 1), <u16>index);
  }
  return met;
}

/** Bin of a level (law 10), 0 to 31: half a nat each. NO_LEVEL is in bin 0. */
export function levelBin(level: i32): i32 {
  return min<i32>(LEVELS - 1, max<i32>(0, (level + 256 + 15) >> 4));
}

/** Cuts a text of `len` bytes in place to what is looked at (law 9): its head and its tail; returns the new length. */
export function cutText(ptr: usize, len: i32): i32 {
  if (len <= TEXT_MAX) return len;
  memory.copy(ptr + TEXT_HEAD, ptr + (len - TEXT_TAIL), TEXT_TAIL);
  return TEXT_MAX;
}
