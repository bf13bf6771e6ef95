// What is known of headers met before: a request's headers mostly are those of the one before, so that one hash takes
// the place of decoding and weighing. Direct-mapped and bounded; a header is known by its whole hash and both lengths.
// Whoever changes the key of the hash, or the table that levels are of, empties it.

import { sipHashPair } from "./hash";

const ENTRIES: u64 = 512;
/** 0 u64 hash, 8 u32 length of the name + 1, 12 u32 length of the value, 16 row of a segment. */
const ENTRY_BYTES: i32 = 32;
const CACHE = memory.data(512 * ENTRY_BYTES, 16);

/** Forgets all. */
export function cacheClear(): void {
  memory.fill(CACHE, 0, 512 * ENTRY_BYTES);
}

/** True if the entry whose row cacheRow gave last is of that header; else its row must be filled. */
export let cacheHit: bool = false;

/** Row for a header of this name and value: filled, or (cacheHit false) to be filled. Valid until the next call. */
export function cacheRow(name: usize, nameLen: i32, value: usize, valueLen: i32, k0: u64, k1: u64): usize {
  const hash = sipHashPair(name, nameLen, value, valueLen, k0, k1);
  const entry = CACHE + <usize>(hash % ENTRIES) * ENTRY_BYTES;
  cacheHit = load<u64>(entry) == hash && load<i32>(entry, 8) == nameLen + 1 && load<i32>(entry, 12) == valueLen;
  if (!cacheHit) {
    store<u64>(entry, hash);
    store<i32>(entry, nameLen + 1, 8);
    store<i32>(entry, valueLen, 12);
  }
  return entry + 16;
}
