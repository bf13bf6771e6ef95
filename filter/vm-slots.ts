// The VMs of the process find each other: each holds a numbered slot in shared data with its boot id, heartbeat and
// the queue that wakes it (its doorbell). Slots are taken lowest first and keys never go, so the first absent one
// ends a search.

import { SLOTS_MAX } from "./core/limits";
import { NOT_FOUND, OK } from "./host/abi";
import { ascii } from "./host/bytes";
import { resultData, resultNumber, resultSize } from "./host/memory";
import { enqueue, registerQueue } from "./host/queue";
import { getShared, putShared } from "./host/shared";
import { vmBootId } from "./node";

/** Doorbells: one byte; an acknowledgement is followed by u64 window sequence. */
export const BELL_CONTENT: u8 = 1;
export const BELL_RESEND: u8 = 2;
export const BELL_ACKNOWLEDGED: u8 = 3;

/** u64 boot id, u64 heartbeat (monotonic ns), u32 queue token. */
const SLOT_BYTES: u32 = 20;
const STALE_NS: u64 = 10000000000;
const BEAT_NS: u64 = 1000000000;

/** Key of a slot; its two digits are written where needed. Also the name of the slot's queue. */
const KEY = ascii("vedette/1/slot/00");
const VALUE = memory.data(24, 8);
const BELL = memory.data(16, 8);

const NONE: i32 = -1;
let number: i32 = NONE;
let nextTry: i32 = 0;
/** The slot was read back: it is ours. */
let confirmed: bool = false;
let queueRoot: u32 = 0;
let beatNs: u64 = 0;

/** Token of this VM's doorbell; 0 while it has none: then ticks look for what it would have told. */
export let bell: u32 = 0;

function keyOfSlot(i: i32): usize {
  store<u8>(KEY + 15, <u8>(0x30 + i / 10));
  store<u8>(KEY + 16, <u8>(0x30 + (i % 10)));
  return KEY;
}

function writeSlot(i: i32, nowNs: u64, cas: u32): bool {
  store<u64>(VALUE, vmBootId);
  store<u64>(VALUE, nowNs, 8);
  store<u32>(VALUE, bell, 16);
  return putShared(keyOfSlot(i), VALUE, SLOT_BYTES, cas);
}

/** Whether the slot just read is held by a living VM. */
function isLive(nowNs: u64): bool {
  if (resultSize() != SLOT_BYTES) return false;
  const beat = load<u64>(resultData(), 8);
  return beat + STALE_NS > nowNs && beat <= nowNs + STALE_NS;
}

/** Bids for the first free slot; the next tick reads back whether it was won. */
function claim(nowNs: u64): void {
  bell = 0;
  for (let i = nextTry; i < SLOTS_MAX; i++) {
    const status = getShared(keyOfSlot(i));
    if (status != OK && status != NOT_FOUND) return;
    if (status == OK && isLive(nowNs)) continue;
    if (writeSlot(i, nowNs, resultNumber())) number = i;
    return;
  }
  nextTry = 0;
}

function lose(): void {
  nextTry = number + 1 < SLOTS_MAX ? number + 1 : 0;
  number = NONE;
  confirmed = false;
  bell = 0;
}

/**
 * At each tick: claims, confirms, beats. The doorbell is registered anew for each root context, since it wakes that
 * one only.
 */
export function keepVmSlot(nowNs: u64, root: u32): void {
  if (number == NONE) {
    claim(nowNs);
    return;
  }
  const rings = queueRoot == root && bell != 0;
  if (confirmed && rings && nowNs - beatNs < BEAT_NS) return;
  if (getShared(keyOfSlot(number)) != OK || resultSize() != SLOT_BYTES || load<u64>(resultData()) != vmBootId) {
    lose();
    return;
  }
  const cas = resultNumber();
  confirmed = true;
  if (!rings) {
    bell = registerQueue(keyOfSlot(number));
    queueRoot = root;
  }
  if (writeSlot(number, nowNs, cas)) beatNs = nowNs;
}

/** The doorbell of another VM's slot: 0 if there is none, with `ends` set where no further slot was ever taken. */
let ends: bool = false;

function bellOf(i: i32, nowNs: u64): u32 {
  ends = getShared(keyOfSlot(i)) != OK;
  if (ends || !isLive(nowNs) || load<u64>(resultData()) == vmBootId) return 0;
  return load<u32>(resultData(), 16);
}

/** Rings every other VM. */
export function ringAll(what: u8, nowNs: u64): void {
  store<u8>(BELL, what);
  for (let i = 0; i < SLOTS_MAX; i++) {
    const token = bellOf(i, nowNs);
    if (ends) return;
    if (token != 0) enqueue(token, BELL, 1);
  }
}

/** Tells another VM that its window was acknowledged. */
export function ringAcknowledged(bootId: u64, sequence: u64, nowNs: u64): void {
  for (let i = 0; i < SLOTS_MAX; i++) {
    const token = bellOf(i, nowNs);
    if (ends) return;
    if (token == 0 || load<u64>(resultData()) != bootId) continue;
    store<u8>(BELL, BELL_ACKNOWLEDGED);
    store<u64>(BELL, sequence, 1);
    enqueue(token, BELL, 9);
    return;
  }
}
