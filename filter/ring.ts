// Sealed windows that are not acknowledged, oldest first, in one piece of memory. When a new one finds no room the
// oldest is dropped and counted: a gap in the sequence is legal, a doubled window is not. Also: which of them are
// on their way.

import { RING_BYTES, WINDOWS_IN_FLIGHT_MAX } from "./core/limits";
import { totals } from "./counts";

/** Entry: u32 size of the window, u32 1 if it is on its way, u64 sequence number; then the window, padded to 8. */
const HEAD: u32 = 16;
const RING = memory.data(RING_BYTES, 8);
let used: u32 = 0;
let inFlight: i32 = 0;

function total(entry: usize): u32 {
  return HEAD + ((load<u32>(entry) + 7) & ~7);
}

function remove(entry: usize): void {
  if (load<u32>(entry, 4) != 0) inFlight--;
  const size = total(entry);
  const behind = entry + size;
  memory.copy(entry, behind, RING + used - behind);
  used -= size;
}

/** Keeps a sealed window; drops the oldest ones for it. */
export function keepWindow(sequence: u64, window: usize, size: u32): void {
  const needed = HEAD + ((size + 7) & ~7);
  while (used > 0 && needed > <u32>RING_BYTES - used) {
    remove(RING);
    totals.windowsDropped++;
  }
  if (needed > <u32>RING_BYTES) {
    totals.windowsDropped++;
    return;
  }
  const entry = RING + used;
  store<u32>(entry, size);
  store<u32>(entry, 0, 4);
  store<u64>(entry, sequence, 8);
  memory.copy(entry + HEAD, window, size);
  used += needed;
}

/** Lets an acknowledged window go. */
export function acknowledgeWindow(sequence: u64): void {
  for (let entry = RING; entry < RING + used; entry += total(entry)) {
    if (load<u64>(entry, 8) != sequence) continue;
    remove(entry);
    return;
  }
}

/** After a stream ended: whatever was on its way may be lost. */
export function forgetFlights(): void {
  inFlight = 0;
  for (let entry = RING; entry < RING + used; entry += total(entry)) store<u32>(entry, 0, 4);
}

/** The oldest window that is to be sent now, or 0: none waits, or enough are on their way. */
export function nextWindow(): usize {
  if (inFlight >= WINDOWS_IN_FLIGHT_MAX) return 0;
  for (let entry = RING; entry < RING + used; entry += total(entry)) if (load<u32>(entry, 4) == 0) return entry;
  return 0;
}

/** Where a window's bytes are. */
export function windowBytes(entry: usize): usize {
  return entry + HEAD;
}

export function windowSize(entry: usize): u32 {
  return load<u32>(entry);
}

/** Notes that it is on its way. */
export function markSent(entry: usize): void {
  store<u32>(entry, 1, 4);
  inFlight++;
}
