// Requests by caller and route. A cell of fewer than CELL_MIN requests is held back and carried over. There is no
// overflow edge: what finds no room is in no edge, and counted.

import { CELL_MIN, EDGES_MAX } from "./core/limits";
import { writeClose, writeFixed64, writeOpen, writeVarint } from "./core/write";
import { addRow, bindTable, clearTable, endSweep, findRow, isCrowded, moveRow, rowAt } from "./table";

@unmanaged
class Edge {
  /** Of both keys; never sent. */
  key: u64 = 0;
  callerKey: u64 = 0;
  routeKey: u64 = 0;
  /** Since it was last told. */
  n: u32 = 0;
  denied: u32 = 0;
  failures: u32 = 0;
  /** Requests came since the last sweep. */
  fresh: bool = false;
}

const ROW_BYTES: i32 = 40;
const INDEX_SIZE: i32 = 4096;
const TABLE = bindTable(
  memory.data(24, 8),
  memory.data(EDGES_MAX * ROW_BYTES, 8),
  ROW_BYTES,
  EDGES_MAX,
  memory.data(2 * INDEX_SIZE, 8),
  INDEX_SIZE,
);

/** Both are keyed hashes, so a plain mixture of them is one too. */
function mixed(caller: u64, route: u64): u64 {
  return (caller ^ rotl<u64>(route * 0x9e3779b97f4a7c15, 29)) | 1;
}

/** Counts a request; false if it found no room. */
export function countEdge(caller: u64, route: u64, denied: bool, failed: bool): bool {
  const key = mixed(caller, route);
  let row = findRow(TABLE, key);
  if (row == 0) {
    row = addRow(TABLE, key);
    if (row == 0) return false;
    store<u64>(row, caller, offsetof<Edge>("callerKey"));
    store<u64>(row, route, offsetof<Edge>("routeKey"));
  }
  const edge = changetype<Edge>(row);
  edge.fresh = true;
  edge.n++;
  if (denied) edge.denied++;
  if (failed) edge.failures++;
  return true;
}

/** Writes the cells that are large enough. */
export function writeEdges(field: u32): void {
  for (let i: u32 = 0; i < TABLE.used; i++) {
    const edge = changetype<Edge>(rowAt(TABLE, i));
    if (edge.n < <u32>CELL_MIN) continue;
    const opened = writeOpen(field);
    writeFixed64(1, edge.callerKey);
    writeFixed64(2, edge.routeKey);
    writeVarint(3, edge.n);
    writeVarint(4, edge.denied);
    writeVarint(5, edge.failures);
    writeClose(opened);
  }
}

/**
 * After the window was written: empties what was told; in a crowded table, drops quiet rows. Answers the requests
 * so lost.
 */
export function sweepEdges(): u32 {
  const crowded = isCrowded(TABLE);
  let kept: u32 = 0;
  let lost: u32 = 0;
  for (let i: u32 = 0; i < TABLE.used; i++) {
    const edge = changetype<Edge>(rowAt(TABLE, i));
    if (edge.n >= <u32>CELL_MIN) {
      edge.n = 0;
      edge.denied = 0;
      edge.failures = 0;
    }
    const stays = !crowded || edge.fresh;
    edge.fresh = false;
    if (stays) moveRow(TABLE, kept++, i);
    else lost += edge.n;
  }
  endSweep(TABLE, kept);
  return lost;
}

/** For a new hash key or target. Answers the requests so lost. */
export function forgetEdges(): u32 {
  let lost: u32 = 0;
  for (let i: u32 = 0; i < TABLE.used; i++) lost += changetype<Edge>(rowAt(TABLE, i)).n;
  clearTable(TABLE);
  return lost;
}
