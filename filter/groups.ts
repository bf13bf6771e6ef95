// Moments by caller group: what the model is trained from. A cell of fewer than CELL_MIN requests is held back and
// carried over.

import { CALLER_GROUPS, CELL_MIN, FEATURES, PRODUCTS } from "./core/limits";
import { CELL_BYTES, CELL_PRODUCTS, CELL_SUMS, momentsAdd, momentsCount, momentsReset } from "./core/moments";
import { writeClose, writeOpen, writePackedU32, writeVarint } from "./core/write";

const CELLS = memory.data(CALLER_GROUPS * CELL_BYTES, 16);

function cell(group: i32): usize {
  return CELLS + <usize>(group & 7) * CELL_BYTES;
}

/** Adds a request's bins to the cell of its caller's group. */
export function countMoments(group: i32, bins: usize): void {
  momentsAdd(cell(group), bins);
}

/** Writes the cells that are large enough. */
export function writeGroups(field: u32): void {
  for (let group = 0; group < CALLER_GROUPS; group++) {
    const at = cell(group);
    if (momentsCount(at) < <u32>CELL_MIN) continue;
    const opened = writeOpen(field);
    writeVarint(1, group);
    writeVarint(2, momentsCount(at));
    writePackedU32(3, at + CELL_SUMS, FEATURES);
    writePackedU32(4, at + CELL_PRODUCTS, PRODUCTS);
    writeClose(opened);
  }
}

/** After the window was written: empties what was told. */
export function sweepGroups(): void {
  for (let group = 0; group < CALLER_GROUPS; group++) {
    if (momentsCount(cell(group)) >= <u32>CELL_MIN) momentsReset(cell(group));
  }
}

/** For a new target. */
export function clearGroups(): void {
  for (let group = 0; group < CALLER_GROUPS; group++) momentsReset(cell(group));
}
