// Denials and shadow denials until they are told, at the next tick: a ring; when it is full the oldest is lost and
// counted.

import { callerClass, callerGroupOf, callerKey, callerLength, callerName } from "./caller";
import { config } from "./config";
import { CALLER_MAX, DENIALS_MAX, FEATURES } from "./core/limits";
import { writeBytes, writeClose, writeFixed64, writeOpen, writeVarint } from "./core/write";
import { BOUND_DENIALS, countBound, totals } from "./counts";
import { wallMs } from "./host/clock";
import { copyForeign } from "./host/text";
import { mayNameLeave } from "./names";
import { vmBootId } from "./node";
import { writeRouteName } from "./routes";

const NAME_MAX: i32 = 64;
const REQUEST_ID_MAX: i32 = 64;

@unmanaged
export class Denial {
  sequence: u64 = 0;
  verdict: u8 = 0;
  mode: u8 = 0;
  callerClass: u8 = 0;
  timeMs: i64 = 0;
  callerKey: u64 = 0;
  routeKey: u64 = 0;
  ruleId: u64 = 0;
  segmentKey: u64 = 0;
  modelId: u64 = 0;
  score: u32 = 0;
  denyThreshold: u32 = 0;
  mean: i32 = 0;
  reason: u8 = 0;
  feature: u8 = 0;
  featureBin: u8 = 0;
  percent: u8 = 0;
  segment: u8 = 0;
  callerLength: u16 = 0;
  segmentIndex: u16 = 0;
  nameLength: u8 = 0;
  requestIdLength: u8 = 0;
  attackExcess: u16 = 0;
  structureExcess: u16 = 0;

  get bins(): usize {
    return changetype<usize>(this) + 104;
  }
  get name(): usize {
    return this.bins + FEATURES;
  }
  get requestId(): usize {
    return this.name + NAME_MAX;
  }
  get caller(): usize {
    return this.requestId + REQUEST_ID_MAX;
  }
}

const DENIAL_BYTES: i32 = 104 + FEATURES + NAME_MAX + REQUEST_ID_MAX + CALLER_MAX;
const RING = memory.data(DENIALS_MAX * DENIAL_BYTES, 8);
let sequence: u64 = 0;
/** Denials in the ring: the last `held` sequence numbers. */
let held: u64 = 0;

function at(number: u64): Denial {
  return changetype<Denial>(RING + <usize>(<u32>(number % DENIALS_MAX) * DENIAL_BYTES));
}

/** A new denial: zeroed, but for its number and time and the caller read just now. */
export function addDenial(): Denial {
  if (held == DENIALS_MAX) {
    countBound(BOUND_DENIALS, 1);
    totals.denialsDropped++;
    held--;
  }
  held++;
  sequence++;
  const denial = at(sequence);
  memory.fill(changetype<usize>(denial), 0, DENIAL_BYTES);
  denial.sequence = sequence;
  denial.timeMs = wallMs();
  setCaller(denial);
  return denial;
}

function setCaller(denial: Denial): void {
  denial.callerKey = callerKey;
  denial.callerClass = callerClass;
  denial.callerLength = <u16>min<u32>(callerLength, CALLER_MAX);
  copyForeign(denial.caller, callerName, denial.callerLength);
}

function writeCaller(denial: Denial): void {
  const opened = writeOpen(7);
  writeFixed64(1, denial.callerKey);
  writeVarint(2, denial.callerClass);
  writeBytes(3, denial.caller, denial.callerLength);
  writeVarint(4, max<i32>(0, callerGroupOf(denial.callerKey)));
  writeVarint(5, 1);
  writeClose(opened);
}

function writeReason(denial: Denial): void {
  const opened = writeOpen(10);
  writeVarint(1, denial.reason);
  writeVarint(2, denial.ruleId);
  writeVarint(3, denial.feature);
  writeVarint(4, denial.featureBin);
  writeVarint(5, <u64>(<i64>denial.mean));
  writeVarint(6, denial.percent);
  writeVarint(7, denial.segment);
  writeVarint(8, denial.segmentIndex);
  if (denial.segmentKey != 0 && mayNameLeave(denial.segmentKey)) writeBytes(9, denial.name, denial.nameLength);
  writeFixed64(10, denial.segmentKey);
  writeClose(opened);
}

function writeDenial(denial: Denial): void {
  const opened = writeOpen(1);
  writeFixed64(1, vmBootId);
  writeVarint(2, denial.sequence);
  writeVarint(3, denial.timeMs);
  writeBytes(4, config.target, config.targetLength);
  writeVarint(5, denial.verdict);
  writeVarint(6, denial.mode);
  writeCaller(denial);
  writeFixed64(8, denial.routeKey);
  writeRouteName(9, denial.routeKey);
  writeReason(denial);
  if (denial.modelId != 0) {
    const record = writeOpen(11);
    writeFixed64(1, denial.modelId);
    writeBytes(2, denial.bins, FEATURES);
    writeVarint(3, denial.score);
    writeVarint(4, denial.denyThreshold);
    writeVarint(5, denial.attackExcess);
    writeVarint(6, denial.structureExcess);
    writeClose(record);
  }
  writeBytes(12, denial.requestId, denial.requestIdLength);
  writeClose(opened);
}

/** Whether there is anything to tell. */
export function hasDenials(): bool {
  return held > 0;
}

/** Writes a DenialBatch of all, oldest first, and lets them go; answers their number. */
export function writeDenials(): u64 {
  const count = held;
  for (; held > 0; held--) writeDenial(at(sequence - held + 1));
  writeVarint(2, totals.denialsDropped);
  return count;
}
