// What segments look like by context (law 11, Statistics): how many, which classes of bytes, how long, how much like
// attacks, and by callers of which groups. Counted at the headers, as values are not kept until the log. Rows are not
// held back where they are few, and not carried over: a window tells all it has. A full table counts what it left out.
//
// A row takes at most 499 bytes of a window, a table 125 KiB; about 32 KiB with ordinary traffic.

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
import { writeBytes, writeClose, writeFixed64, writeOpen, writePackedU32, writeRaw, writeVarint } from "./core/write";
import { BOUND_CONTEXTS, countBound } from "./counts";
import { countName } from "./names";
import { addRow, bindTable, clearTable, findRow, rowAt } from "./table";

@unmanaged
class Context {
  key: u64 = 0;
  n: u32 = 0;
  /** SegmentKind. */
  kind: u8 = 0;
  // Then three lists of u32, and of each the groups as bytes: bit g says that a caller of group g had a part.

  get classes(): usize {
    return changetype<usize>(this) + 16;
  }
  get lengths(): usize {
    return this.classes + 4 * CLASSES;
  }
  get levels(): usize {
    return this.lengths + 4 * LENGTHS;
  }
  get classGroups(): usize {
    return this.levels + 4 * LEVELS;
  }
  get lengthGroups(): usize {
    return this.classGroups + CLASSES;
  }
  get levelGroups(): usize {
    return this.lengthGroups + LENGTHS;
  }
}

/** Rounded up, so that the next row is aligned. */
const ROW_BYTES: i32 = (16 + 5 * (CLASSES + LENGTHS + LEVELS) + 7) & ~7;
const INDEX_SIZE: i32 = 1024;
const TABLE = bindTable(
  memory.data(24, 8),
  memory.data(CONTEXTS_MAX * ROW_BYTES, 8),
  ROW_BYTES,
  CONTEXTS_MAX,
  memory.data(2 * INDEX_SIZE, 8),
  INDEX_SIZE,
);

/** One more in a list, and a part of these groups in it. */
function increment(list: usize, groups: usize, i: u32, part: u32): void {
  const at = list + ((<usize>i) << 2);
  store<u32>(at, load<u32>(at) + 1);
  store<u8>(groups + i, <u8>(load<u8>(groups + i) | part));
}

/** Counts a segment; `part` is the set with the caller's group. Of what is held back only the level is learnt. */
function countSegment(segment: usize, part: u32, held: bool): void {
  const key = segmentKey(segment);
  let row = findRow(TABLE, key);
  if (row == 0) row = addRow(TABLE, key);
  if (row == 0) {
    countBound(BOUND_CONTEXTS, 1);
    return;
  }
  const context = changetype<Context>(row);
  context.kind = <u8>segmentKind(segment);
  increment(context.levels, context.levelGroups, levelBin(segmentLevel(segment)), part);
  if (held) return;
  context.n++;
  for (let rest: u32 = segmentClasses(segment); rest != 0; rest &= rest - 1) {
    increment(context.classes, context.classGroups, ctz(rest), part);
  }
  increment(context.lengths, context.lengthGroups, segmentLength(segment), part);
}

/**
 * Counts all segments of the request at work, and the names of its headers towards their release. Nothing of a caller
 * that is not known (group -1), and only levels if it is held back.
 */
export function countContexts(group: i32, held: bool): void {
  if (group < 0) return;
  const part: u32 = 1 << group;
  const count = segmentCount();
  for (let i = 0; i < count; i++) {
    const segment = segmentAt(i);
    countSegment(segment, part, held);
    if (!held && segmentKind(segment) == SEGMENT_HEADER) countName(segmentKey(segment), 0);
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

/** Groups of the bins that are written. */
const PACKED = memory.data(LEVELS, 8);

/** Writes the groups of the bins that are not empty. */
function writeGroups(field: u32, list: usize, groups: usize, size: i32): void {
  let written = 0;
  for (let i = 0; i < size; i++) {
    if (load<u32>(list + ((<usize>i) << 2)) == 0) continue;
    store<u8>(PACKED + written, load<u8>(groups + i));
    written++;
  }
  writeBytes(field, PACKED, written);
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
    writeBytes(9, context.classGroups, CLASSES);
    writeGroups(10, context.lengths, context.lengthGroups, LENGTHS);
    writeGroups(11, context.levels, context.levelGroups, LEVELS);
    writeClose(opened);
  }
}

/** After the window was written, and for a new hash key or target. */
export function clearContexts(): void {
  clearTable(TABLE);
}
