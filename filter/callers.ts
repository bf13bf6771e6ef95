// Requests by caller. A cell of fewer than CELL_MIN requests is held back and carried over. A full table counts
// under the overflow caller, key 0.

import { callerGroup } from "./core/hash";
import { CALLER_MAX, CALLERS_MAX, CELL_MIN } from "./core/limits";
import { writeBytes, writeClose, writeFixed64, writeOpen, writeVarint } from "./core/write";
import { copyForeign } from "./host/text";
import { addRow, bindTable, clearTable, endSweep, findRow, isCrowded, moveRow, rowAt } from "./table";

@unmanaged
class Caller {
  key: u64 = 0;
  /** Since it was last told. */
  n: u32 = 0;
  nameLength: u16 = 0;
  /** CallerClass. */
  kind: u8 = 0;
  /** Requests came since the last sweep. */
  fresh: bool = false;

  get name(): usize {
    return changetype<usize>(this) + 16;
  }
}

const ROW_BYTES: i32 = 16 + CALLER_MAX;
/** The overflow row stands beside the others. */
const CAPACITY: i32 = CALLERS_MAX + 1;
const INDEX_SIZE: i32 = 512;
const TABLE = bindTable(
  memory.data(24, 8),
  memory.data(CAPACITY * ROW_BYTES, 8),
  ROW_BYTES,
  CAPACITY,
  memory.data(2 * INDEX_SIZE, 8),
  INDEX_SIZE,
);

function callerOf(row: usize): Caller {
  return changetype<Caller>(row);
}

function overflow(): Caller {
  return callerOf(rowAt(TABLE, 0));
}

/** Makes a caller known; false if the table is full: it then counts under key 0. */
export function noteCaller(key: u64, kind: u8, name: usize, length: u32): bool {
  const known = findRow(TABLE, key);
  if (known != 0) {
    callerOf(known).fresh = true;
    return true;
  }
  const row = addRow(TABLE, key);
  if (row == 0) return false;
  const caller = callerOf(row);
  caller.kind = kind;
  caller.fresh = true;
  caller.nameLength = <u16>min<u32>(length, CALLER_MAX);
  copyForeign(caller.name, name, caller.nameLength);
  return true;
}

export function countCaller(key: u64): void {
  const row = findRow(TABLE, key);
  const caller = row != 0 ? callerOf(row) : overflow();
  caller.n++;
  caller.fresh = true;
}

/** The key under which a request of this caller is counted. */
export function callerKeyHeld(key: u64): u64 {
  return findRow(TABLE, key) != 0 ? key : 0;
}

/** Writes the cells that are large enough. */
export function writeCallers(field: u32): void {
  for (let i: u32 = 0; i < TABLE.used; i++) {
    const caller = callerOf(rowAt(TABLE, i));
    if (caller.n < <u32>CELL_MIN) continue;
    const opened = writeOpen(field);
    writeFixed64(1, caller.key);
    writeVarint(2, caller.kind);
    writeBytes(3, caller.name, caller.nameLength);
    writeVarint(4, caller.key == 0 ? 0 : callerGroup(caller.key));
    writeVarint(5, caller.n);
    writeClose(opened);
  }
}

/** After the window was written: empties what was told; in a crowded table, folds quiet rows into the overflow row. */
export function sweepCallers(): void {
  const crowded = isCrowded(TABLE);
  let kept: u32 = 0;
  for (let i: u32 = 0; i < TABLE.used; i++) {
    const caller = callerOf(rowAt(TABLE, i));
    if (caller.n >= <u32>CELL_MIN) caller.n = 0;
    const stays = !crowded || caller.fresh || i == 0;
    caller.fresh = false;
    if (stays) moveRow(TABLE, kept++, i);
    else overflow().n += caller.n;
  }
  endSweep(TABLE, kept);
}

/** For a new hash key: what was held back goes on under the overflow caller. */
export function forgetCallers(): void {
  for (let i: u32 = 1; i < TABLE.used; i++) overflow().n += callerOf(rowAt(TABLE, i)).n;
  endSweep(TABLE, 1);
}

/** For a new target. */
export function clearCallers(): void {
  clearTable(TABLE);
  addRow(TABLE, 0);
}

clearCallers();
