// Whether the name of a parameter may leave the sidecar (invariant 7): names are counted by their keyed hash, the
// names themselves are not kept. Four ways a set; in a full set the name seen least gives way, so that made-up
// names push out each other.

import { NAME_CALLERS_MIN, NAME_REQUESTS_MIN, NAMES_MAX } from "./core/limits";

@unmanaged
class Name {
  key: u64 = 0;
  caller0: u64 = 0;
  caller1: u64 = 0;
  requests: u32 = 0;
  /** Distinct callers, up to NAME_CALLERS_MIN. */
  callers: u32 = 0;
}

const ROW_BYTES: usize = 32;
const WAYS: u32 = 4;
const NAMES = memory.data(NAMES_MAX * 32, 8);

function nameAt(key: u64, way: u32): Name {
  const set = <u32>(key >> 3) % (NAMES_MAX / WAYS);
  return changetype<Name>(NAMES + <usize>(set * WAYS + way) * ROW_BYTES);
}

function find(key: u64): Name | null {
  for (let way: u32 = 0; way < WAYS; way++) if (nameAt(key, way).key == key) return nameAt(key, way);
  return null;
}

/** Counts a request with this name from this caller (0: unknown). */
export function countName(key: u64, caller: u64): void {
  let name = find(key);
  if (name == null) {
    let least = nameAt(key, 0);
    for (let way: u32 = 1; way < WAYS; way++) if (nameAt(key, way).requests < least.requests) least = nameAt(key, way);
    memory.fill(changetype<usize>(least), 0, ROW_BYTES);
    least.key = key;
    name = least;
  }
  if (name.requests < u32.MAX_VALUE) name.requests++;
  if (caller == 0 || name.callers >= <u32>NAME_CALLERS_MIN || caller == name.caller0 || caller == name.caller1) return;
  if (name.callers == 0) name.caller0 = caller;
  else if (name.callers == 1) name.caller1 = caller;
  name.callers++;
}

/** Whether a name with this key was seen often enough, or from enough callers. */
export function mayNameLeave(key: u64): bool {
  const name = find(key);
  return name != null && (name.requests >= <u32>NAME_REQUESTS_MIN || name.callers >= <u32>NAME_CALLERS_MIN);
}

/** For a new hash key or target. */
export function forgetNames(): void {
  memory.fill(NAMES, 0, <usize>NAMES_MAX * ROW_BYTES);
}
