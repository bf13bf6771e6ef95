// What segments look like by context (law 11, Statistics): how many, which classes of bytes, how long, how much like
// attacks. Counted at the headers, as values are not kept until the log. Rows are not held back where they are few,
// and not carried over: a window tells all it has. A full table counts what it left out.
//
// A row takes at most 425 bytes of a window, a table 107 KiB; about 25 KiB with ordinary traffic.

import { levelBin } from "./core/attack";
import { CLASSES, CONTEXTS_MAX, LENGTHS, LEVELS } from "./core/limits";
import { SEGMENT_HEADER } from "./core/locate";
import {
  segmentAt,
  segmentClasses,
  segmentCount,
  segmentKey,
  segmentKind,
  segmentLength,
  segmentLevel,
} from "./core/segment";
import { writeClose, writeFixed64, writeOpen, writePackedU32, writeRaw, writeVarint } from "./core/write";
import { BOUND_CONTEXTS, countBound } from "./counts";
import { countName } from "./names";
import { addRow, bindTable, clearTable, findRow, rowAt } from "./table";

@unmanaged
class Context {
  key: u64 = 0;
  n: u32 = 0;
  /** SegmentKind. */
  kind: u8 = 0;
  // Then three lists of u32.

  get classes(): usize {
    return changetype<usize>(this) + 16;
  }
  get lengths(): usize {
    return this.classes + 4 * CLASSES;
  }
  get levels(): usize {
    return this.lengths + 4 * LENGTHS;
  }
}

const ROW_BYTES: i32 = 16 + 4 * (CLASSES + LENGTHS + LEVELS);
const INDEX_SIZE: i32 = 1024;
const TABLE = bindTable(
  memory.data(24, 8),
  memory.data(CONTEXTS_MAX * ROW_BYTES, 8),
  ROW_BYTES,
  CONTEXTS_MAX,
  memory.data(2 * INDEX_SIZE, 8),
  INDEX_SIZE,
);

function increment(list: usize, i: u32): void {
  const at = list + ((<usize>i) << 2);
  store<u32>(at, load<u32>(at) + 1);
}

function countSegment(segment: usize): void {
  const key = segmentKey(segment);
  let row = findRow(TABLE, key);
  if (row == 0) row = addRow(TABLE, key);
  if (row == 0) {
    countBound(BOUND_CONTEXTS, 1);
    return;
  }
  const context = changetype<Context>(row);
  context.kind = <u8>segmentKind(segment);
  context.n++;
  for (let rest: u32 = segmentClasses(segment); rest != 0; rest &= rest - 1) increment(context.classes, ctz(rest));
  increment(context.lengths, segmentLength(segment));
  increment(context.levels, levelBin(segmentLevel(segment)));
}

/** Counts all segments of the request at work, and the names of its headers towards their release. */
export function countContexts(): void {
  const count = segmentCount();
  for (let i = 0; i < count; i++) {
    const segment = segmentAt(i);
    countSegment(segment);
    if (segmentKind(segment) == SEGMENT_HEADER) countName(segmentKey(segment), 0);
  }
}

/** Whether the open window has any. */
export function hasContexts(): bool {
  return TABLE.used > 0;
}

/** Writes the bins that are not empty, and their counts. */
function writeBins(field: u32, list: usize, size: i32): void {
  const bins = writeOpen(field);
  for (let i = 0; i < size; i++) if (load<u32>(list + ((<usize>i) << 2)) != 0) writeRaw(i);
  writeClose(bins);
  const numbers = writeOpen(field + 1);
  for (let i = 0; i < size; i++) {
    const n = load<u32>(list + ((<usize>i) << 2));
    if (n != 0) writeRaw(n);
  }
  writeClose(numbers);
}

/** Writes all rows. */
export function writeContexts(field: u32): void {
  for (let i: u32 = 0; i < TABLE.used; i++) {
    const context = changetype<Context>(rowAt(TABLE, i));
    const opened = writeOpen(field);
    writeFixed64(1, context.key);
    writeVarint(2, context.kind);
    writeVarint(3, context.n);
    writePackedU32(4, context.classes, CLASSES);
    writeBins(5, context.lengths, LENGTHS);
    writeBins(7, context.levels, LEVELS);
    writeClose(opened);
  }
}

/** After the window was written, and for a new hash key or target. */
export function clearContexts(): void {
  clearTable(TABLE);
}
