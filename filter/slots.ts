// What is remembered of a request between its headers and its log: a fixed number of records, found by context id.
// Context ids only grow, so they are hashed, never indexed by. When all records are taken the oldest request gives
// way: its end is not seen, and its later log is told apart from that of a request that never came by a count of
// such debts.

import { FEATURES, REQUESTS_MAX } from "./core/limits";

/** Names of parameters of one request that are counted towards their release. */
export const SLOT_NAMES: i32 = 8;

@unmanaged
export class Slot {
  id: u32 = 0;
  /** Neighbours by age, as record number plus one. */
  older: u16 = 0;
  younger: u16 = 0;
  routeKey: u64 = 0;
  /** Of the caller string; 0 for unknown. */
  callerKey: u64 = 0;
  score: u32 = 0;
  candidateScore: u32 = 0;
  /** The state of models and hash keys under which the request was measured; see adoption.ts. */
  generation: u32 = 0;
  /** What the core judged; see core/verdict.ts. */
  judgement: u32 = 0;
  /** SkipReason; 0 for a scored request. */
  skip: u8 = 0;
  names: u8 = 0;
  grpc: bool = false;
  retry: bool = false;
  /** Bins were taken. */
  measured: bool = false;
  /** Held back from learning (law 11). */
  held: bool = false;
  /** Everything is counted already: only the log is awaited. */
  settled: bool = false;
  /** BoundReasons met, as bits. */
  bounds: u32 = 0;
  // Then the bins, and the keys of the names.

  get bins(): usize {
    return changetype<usize>(this) + 64;
  }
  get nameKeys(): usize {
    return changetype<usize>(this) + 64 + FEATURES;
  }
}

const SLOT_BYTES: i32 = 64 + FEATURES + 8 * SLOT_NAMES;
const SLOTS = memory.data(REQUESTS_MAX * SLOT_BYTES, 16);
/** Twice the records, so that probes stay short; a power of 2. */
const INDEX_BITS: u32 = 12;
const INDEX_SIZE: i32 = 2 * REQUESTS_MAX;
const INDEX_MASK: u32 = INDEX_SIZE - 1;
const INDEX = memory.data(2 * INDEX_SIZE, 8);

let fresh: u32 = 0;
let free: u32 = 0;
let oldest: u32 = 0;
let youngest: u32 = 0;
/** Requests that gave way and whose log has not come. */
let debts: u32 = 0;

function slotAt(number: u32): Slot {
  return changetype<Slot>(SLOTS + <usize>((number - 1) * SLOT_BYTES));
}

function numberOf(slot: Slot): u32 {
  return <u32>(changetype<usize>(slot) - SLOTS) / SLOT_BYTES + 1;
}

function home(id: u32): u32 {
  return (id * 0x9e3779b1) >> (32 - INDEX_BITS);
}

function indexed(position: u32): u32 {
  return load<u16>(INDEX + ((<usize>position) << 1));
}

function setIndexed(position: u32, number: u32): void {
  store<u16>(INDEX + ((<usize>position) << 1), <u16>number);
}

/** Position of the id in the index, or of the gap where it belongs: the index is never more than half full. */
function position(id: u32): u32 {
  let at = home(id) & INDEX_MASK;
  while (indexed(at) != 0 && slotAt(indexed(at)).id != id) at = (at + 1) & INDEX_MASK;
  return at;
}

/** The record of a request, or null. */
export function findSlot(id: u32): Slot | null {
  const number = indexed(position(id));
  return number == 0 ? null : slotAt(number);
}

/** The record that must give way before `takeSlot`, or null while there is room. */
export function slotInTheWay(): Slot | null {
  return free == 0 && fresh == <u32>REQUESTS_MAX ? slotAt(oldest) : null;
}

/** A zeroed record for a context id that has none. `slotInTheWay` must be null. */
export function takeSlot(id: u32): Slot {
  let number = free;
  if (number != 0) free = slotAt(number).younger;
  else number = ++fresh;
  const slot = slotAt(number);
  memory.fill(changetype<usize>(slot), 0, SLOT_BYTES);
  slot.id = id;
  slot.older = <u16>youngest;
  if (youngest != 0) slotAt(youngest).younger = <u16>number;
  else oldest = number;
  youngest = number;
  setIndexed(position(id), number);
  return slot;
}

/** Gives a record back. */
export function releaseSlot(slot: Slot): void {
  const number = numberOf(slot);
  unindex(slot.id);
  if (slot.older != 0) slotAt(slot.older).younger = slot.younger;
  else oldest = slot.younger;
  if (slot.younger != 0) slotAt(slot.younger).older = slot.older;
  else youngest = slot.older;
  slot.younger = <u16>free;
  free = number;
}

/** Takes an id out of the index and moves back what had been pushed beyond it. */
function unindex(id: u32): void {
  let gap = position(id);
  if (indexed(gap) == 0) return;
  setIndexed(gap, 0);
  for (let at = (gap + 1) & INDEX_MASK; indexed(at) != 0; at = (at + 1) & INDEX_MASK) {
    const wanted = home(slotAt(indexed(at)).id) & INDEX_MASK;
    // It may move into the gap if its home is not between the gap and where it is.
    if (((at - wanted) & INDEX_MASK) < ((at - gap) & INDEX_MASK)) continue;
    setIndexed(gap, indexed(at));
    setIndexed(at, 0);
    gap = at;
  }
}

/** Remembers that the log of a request without a record is still to come. */
export function oweLog(): void {
  debts++;
}

/** Whether a log without a record settles such a debt. */
export function settleDebt(): bool {
  if (debts == 0) return false;
  debts--;
  return true;
}
