// The names of a request's parameters, as far as they may ever leave the sidecar: plain ones, counted by their
// keyed hash.

import { byteClass, IS_UNRESERVED } from "./core/byte-class";
import { keyOfPair } from "./core/hash";
import { query, queryLen } from "./core/target";
import { ascii, lengthOf } from "./host/bytes";
import { SLOT_NAMES } from "./slots";

const PREFIX = ascii("name:");
const NAME_MAX: i32 = 64;

/** `[A-Za-z0-9._~-]{1,64}` (invariant 7). */
export function isPlainName(name: usize, length: i32): bool {
  if (length < 1 || length > NAME_MAX) return false;
  for (let i = 0; i < length; i++) if ((byteClass(load<u8>(name + i)) & IS_UNRESERVED) == 0) return false;
  return true;
}

/**
 * Writes the keys of the first plain names, at most SLOT_NAMES, of the target that core/target.ts split last; answers
 * their number. A name with escapes is none of them: what needs decoding is not plain.
 */
export function plainNameKeys(to: usize, key0: u64, key1: u64): u8 {
  let count = 0;
  let start = 0;
  let equals = -1;
  for (let i = 0; i <= queryLen && count < SLOT_NAMES; i++) {
    const byte: i32 = i < queryLen ? load<u8>(query + i) : 0x26;
    if (byte == 0x3d && equals < 0) equals = i;
    if (byte != 0x26) continue;
    const length = (equals < 0 ? i : equals) - start;
    if (isPlainName(query + start, length)) {
      store<u64>(to + ((<usize>count) << 3), keyOfPair(PREFIX, lengthOf(PREFIX), query + start, length, key0, key1));
      count++;
    }
    start = i + 1;
    equals = -1;
  }
  return <u8>count;
}
