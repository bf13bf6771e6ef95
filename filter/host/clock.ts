// Two clocks and chance. Deadlines, leases and heartbeats run on the monotonic clock, which every VM of the process
// shares and nobody can step; wall time only labels what is told.

import { clock_time_get, OK, proxy_get_current_time_nanoseconds, random_get } from "./abi";

const MONOTONIC: u32 = 1;
const OUT = memory.data(8, 8);

/** Nanoseconds of the process-wide monotonic clock; of the wall clock where the operator does not allow that one. */
export function monotonicNs(): u64 {
  store<u64>(OUT, 0);
  if (clock_time_get(MONOTONIC, 0, OUT) != OK) proxy_get_current_time_nanoseconds(OUT);
  return load<u64>(OUT);
}

/** Monotonic time of the last tick or adoption: what requests compare deadlines with, so that they ask no clock. */
export let tickNs: u64 = 0;

/** Reads the monotonic clock for this callback. */
export function readTickClock(): u64 {
  tickNs = monotonicNs();
  return tickNs;
}

/** Unix time in milliseconds. */
export function wallMs(): i64 {
  store<u64>(OUT, 0);
  proxy_get_current_time_nanoseconds(OUT);
  return <i64>(load<u64>(OUT) / 1000000);
}

let drawn: u64 = 0;

/**
 * 64 random bits; where the operator allows no chance, bits that the time in nanoseconds makes unlike those of
 * others.
 */
export function random64(): u64 {
  if (random_get(OUT, 8) == OK) return load<u64>(OUT);
  drawn = (drawn ^ monotonicNs()) * 0x9e3779b97f4a7c15 + 1;
  return drawn ^ (drawn >> 29);
}
