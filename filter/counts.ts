// Counts of the window that is open, and totals since the VM's boot. seen = scored + the sum of skipped, at all times.

import { writeClose, writeOpen, writeRaw, writeVarint } from "./core/write";

/** SkipReason of the contract. */
export const SKIP_MODE_OFF: u8 = 1;
export const SKIP_NO_MODEL: u8 = 2;
export const SKIP_GRPC: u8 = 3;
export const SKIP_UPGRADE: u8 = 4;
export const SKIP_OVERSIZE: u8 = 5;
export const SKIP_NO_SLOT: u8 = 6;
export const SKIP_HOSTCALL: u8 = 7;
export const SKIP_CLIENT_SIDE: u8 = 8;
export const SKIP_ANSWERED_BEFORE: u8 = 9;

/** BoundReason of the contract. */
export const BOUND_ROUTES: u32 = 1;
export const BOUND_CALLERS: u32 = 2;
export const BOUND_EDGES: u32 = 3;
export const BOUND_DENIALS: u32 = 4;
export const BOUND_SCANNED: u32 = 5;
export const BOUND_PARAMETERS: u32 = 6;
export const BOUND_UNKEYED: u32 = 7;
export const BOUND_CONTEXTS: u32 = 8;
/** Reasons that there are, and one. */
export const BOUND_REASONS: u32 = 9;

const REASONS: i32 = 16;
const CLASSES: i32 = 5;

@unmanaged
export class Counts {
  seen: u32 = 0;
  scored: u32 = 0;
  learnt: u32 = 0;
  allowed: u32 = 0;
  deniedByRule: u32 = 0;
  deniedByModel: u32 = 0;
  shadowDenied: u32 = 0;
  alerted: u32 = 0;
  retries: u32 = 0;
  answeredBefore: u32 = 0;
  held: u32 = 0;

  get responses(): usize {
    return changetype<usize>(this) + 44;
  }
  get skipped(): usize {
    return changetype<usize>(this) + 64;
  }
  get bounds(): usize {
    return changetype<usize>(this) + 128;
  }
}

const COUNTS_BYTES: i32 = 192;
const COUNTS = memory.data(COUNTS_BYTES, 8);
/** Of the window that is open. */
export const counts: Counts = changetype<Counts>(COUNTS);

/** Since boot. `plain` to `skip` are the tags of the requests metric: each request is in exactly one. */
@unmanaged
export class Totals {
  seen: u64 = 0;
  scored: u64 = 0;
  denied: u64 = 0;
  shadowDenied: u64 = 0;
  allow: u64 = 0;
  denyRule: u64 = 0;
  denyModel: u64 = 0;
  alert: u64 = 0;
  skip: u64 = 0;
  windowsDropped: u64 = 0;
  denialsDropped: u64 = 0;
  updatesRefused: u64 = 0;
  streamsOpened: u64 = 0;
}

export const totals: Totals = changetype<Totals>(memory.data(128, 8));

function add(at: usize, by: u32): void {
  store<u32>(at, load<u32>(at) + by);
}

/** Counts a request as seen, and as scored (`reason` 0) or skipped. */
export function countSeen(reason: u8): void {
  counts.seen++;
  totals.seen++;
  if (reason == 0) {
    counts.scored++;
    totals.scored++;
  } else add(counts.skipped + ((<usize>reason & 15) << 2), 1);
}

/** Counts what met a bound. */
export function countBound(reason: u32, by: u32): void {
  add(counts.bounds + ((<usize>reason & 15) << 2), by);
}

/** Counts a response by the class of its code, 100 to 599; others are in none. */
export function countResponse(code: i64): void {
  if (code >= 100 && code < 600) add(counts.responses + ((<usize>(code / 100) - 1) << 2), 1);
}

export function clearCounts(): void {
  memory.fill(COUNTS, 0, COUNTS_BYTES);
}

/** Writes a list of {reason, count}. */
function writeReasons(field: u32, at: usize): void {
  for (let i = 1; i < REASONS; i++) {
    const n = load<u32>(at + ((<usize>i) << 2));
    if (n == 0) continue;
    const opened = writeOpen(field);
    writeVarint(1, i);
    writeVarint(2, n);
    writeClose(opened);
  }
}

/** Writes the open window's counts as a field of the message at work. */
export function writeCounts(field: u32): void {
  const opened = writeOpen(field);
  writeVarint(1, counts.seen);
  writeVarint(2, counts.scored);
  writeVarint(3, counts.learnt);
  writeReasons(4, counts.skipped);
  writeVarint(5, counts.allowed);
  writeVarint(6, counts.deniedByRule);
  writeVarint(7, counts.deniedByModel);
  writeVarint(8, counts.shadowDenied);
  writeVarint(9, counts.alerted);
  writeVarint(10, counts.retries);
  const responses = writeOpen(11);
  for (let i = 0; i < CLASSES; i++) writeRaw(load<u32>(counts.responses + ((<usize>i) << 2)));
  writeClose(responses);
  writeVarint(12, counts.answeredBefore);
  writeReasons(13, counts.bounds);
  writeVarint(14, counts.held);
  writeClose(opened);
}
