// The memory that the host writes into: a bump arena that is empty at the start of each callback, so nothing is
// ever freed and nothing the host gave outlives its callback. At its end the host gets 0, which it takes as a
// failed hostcall, and it is counted. An allocation can also be directed to an address of our own, which saves a
// copy of what is large.

import { MODEL_MAX, RULES_MAX_BYTES, SETTINGS_MAX } from "../core/limits";

/** A snapshot's sections, with 16 KiB for manifest, signature and framing. */
export const CONTENT_MAX: i32 = SETTINGS_MAX + MODEL_MAX + RULES_MAX_BYTES + 16384;
/** A snapshot, the largest of what one callback is given, and 64 KiB for what is asked and answered beside it. */
const ARENA_BYTES: i32 = CONTENT_MAX + 65536;

const ARENA = memory.data(ARENA_BYTES, 16);
const RESULT = memory.data(16, 8);

/** Where hostcalls put pointer and length of what they give, and a number (cas, token, id) beside it. */
export const RESULT_DATA: usize = RESULT;
export const RESULT_SIZE: usize = RESULT + 4;
export const RESULT_NUMBER: usize = RESULT + 8;

let used: u32 = 0;
let directed: usize = 0;
let directedSize: u32 = 0;

/** Allocations refused since boot. */
export let overflows: u32 = 0;

/** To be called first in every callback. */
export function enter(): void {
  used = 0;
  directed = 0;
}

/** Room for `size` bytes until the end of the callback, or 0. */
export function allocate(size: u32): usize {
  if (directed != 0) {
    const at = directed;
    directed = 0;
    if (size <= directedSize) return at;
    overflows++;
    return 0;
  }
  const rounded = (size + 15) & ~15;
  if (size > <u32>ARENA_BYTES || rounded > <u32>ARENA_BYTES - used) {
    overflows++;
    return 0;
  }
  const at = ARENA + used;
  used += rounded;
  return at;
}

/** The next allocation goes to `at`, if it has at most `size` bytes. */
export function direct(at: usize, size: u32): void {
  directed = at;
  directedSize = size;
}

/** What is left of the arena, as one piece. */
export function remaining(): u32 {
  return <u32>ARENA_BYTES - used;
}

/** Gives back what lies at `at`, and everything allocated after it. */
export function release(at: usize): void {
  if (at >= ARENA && at < ARENA + used) used = <u32>(at - ARENA);
}

/** To be called before a hostcall that gives bytes: an answer without bytes then reads as empty. */
export function expectResult(): void {
  directed = 0;
  store<u32>(RESULT_DATA, 0);
  store<u32>(RESULT_SIZE, 0);
  store<u32>(RESULT_NUMBER, 0);
}

export function resultData(): usize {
  return load<u32>(RESULT_DATA);
}

export function resultSize(): u32 {
  return load<u32>(RESULT_SIZE);
}

export function resultNumber(): u32 {
  return load<u32>(RESULT_NUMBER);
}
