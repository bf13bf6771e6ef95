// Which VM of the process owns the stream: a lease in shared data, taken and renewed by compare-and-swap. Its
// counter grows with each new owner and rides in every frame, so that the server can tell an old owner's stream
// from a new one's.

import { config } from "./config";
import { totals } from "./counts";
import { OK } from "./host/abi";
import { ascii } from "./host/bytes";
import { resultData, resultNumber, resultSize } from "./host/memory";
import { getShared, putShared } from "./host/shared";
import { vmBootId } from "./node";

/** u64 owner, u64 until (monotonic ns), u64 counter. */
const LEASE = ascii("vedette/1/lease");
const LEASE_BYTES: u32 = 24;
const VALUE = memory.data(24, 8);
/** Longer only where ticks are so far apart that an owner could not keep it. */
const TTL_NS: u64 = 3000000000;

/** This VM owns the stream. */
export let owning: bool = false;
/** Some VM does. */
export let owned: bool = false;
export let leaseCounter: u64 = 0;
/** The lease was seen free at the last tick. */
let waited: bool = false;

function write(owner: u64, until: u64, counter: u64, cas: u32): bool {
  store<u64>(VALUE, owner);
  store<u64>(VALUE, until, 8);
  store<u64>(VALUE, counter, 16);
  return putShared(LEASE, VALUE, LEASE_BYTES, cas);
}

function ttl(): u64 {
  return max<u64>(TTL_NS, <u64>config.tickMs * 3000000);
}

/** A VM that serves requests leaves the lease to others for one tick. */
function standsBack(): bool {
  if (waited || totals.seen == 0) return false;
  waited = true;
  return true;
}

/** At each tick: renews, bids or looks. Afterwards `owning` is true only if a compare-and-swap just said so. */
export function keepLease(nowNs: u64): void {
  owning = false;
  owned = false;
  const known = getShared(LEASE) == OK && resultSize() == LEASE_BYTES;
  const cas = resultNumber();
  const owner: u64 = known ? load<u64>(resultData()) : 0;
  const until: u64 = known ? load<u64>(resultData(), 8) : 0;
  const counter: u64 = known ? load<u64>(resultData(), 16) : 0;
  if (owner == vmBootId) {
    owning = write(vmBootId, nowNs + ttl(), counter, cas);
    if (owning) leaseCounter = counter;
    owned = owning;
    waited = false;
    return;
  }
  // A lease that runs longer than one could be written was made by nobody who knows this clock.
  if (owner != 0 && until > nowNs && until - nowNs <= 60000000000) {
    owned = true;
    waited = false;
    return;
  }
  if (standsBack()) return;
  const taken = write(vmBootId, nowNs + ttl(), counter + 1, cas);
  // Where there was nothing to compare with, another may write too: the next tick reads who was last.
  owning = taken && cas != 0;
  owned = owning;
  if (owning) leaseCounter = counter + 1;
}

/** Gives the lease back, so that another VM can bid at its next tick. */
export function giveLeaseBack(): void {
  owning = false;
  owned = false;
  if (getShared(LEASE) != OK || resultSize() != LEASE_BYTES || load<u64>(resultData()) != vmBootId) return;
  write(0, 0, load<u64>(resultData(), 16), resultNumber());
}
