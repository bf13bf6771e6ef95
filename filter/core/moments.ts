// Cells of moments (law 4): count, sums and sums of products of the bins of many requests. They merge by addition and
// a share comes out again by subtraction, exactly. 32 bits hold WINDOW_REQUESTS_MAX requests; the caller seals before
// that.
//
// Cell, little-endian u32: n; 32 sums at 4; 528 products at 132, product of i and j <= i at index i (i + 1) / 2 + j.

import { FEATURES, PRODUCTS } from "./limits";

/** Offsets and size in bytes. */
export const CELL_SUMS: i32 = 4;
export const CELL_PRODUCTS: i32 = CELL_SUMS + 4 * FEATURES;
export const CELL_BYTES: i32 = CELL_PRODUCTS + 4 * PRODUCTS;

/** Bins widened to i32. Behind the feature at work they are zero, so that a register may reach into the next row. */
const WIDE = memory.data(4 * FEATURES, 16);

/** Empties a cell. */
export function momentsReset(cell: usize): void {
  memory.fill(cell, 0, CELL_BYTES);
}

/** Requests in a cell. */
export function momentsCount(cell: usize): u32 {
  return load<u32>(cell);
}

/** Adds the 32 bins of one request. */
export function momentsAdd(cell: usize, bins: usize): void {
  store<u32>(cell, load<u32>(cell) + 1);
  memory.fill(WIDE, 0, 4 * FEATURES);
  let row = cell + CELL_PRODUCTS;
  for (let i = 0; i < FEATURES; i++) {
    const at = (<usize>i) << 2;
    const x: u32 = load<u8>(bins + i);
    if (x != 0) {
      store<u32>(WIDE + at, x);
      store<u32>(cell + at, load<u32>(cell + at, CELL_SUMS) + x, CELL_SUMS);
      addRow(row, i, x);
    }
    row += at + 4;
  }
}

/** row[j] += x WIDE[j] for j <= i. */
function addRow(row: usize, i: i32, x: u32): void {
  if (ASC_FEATURE_SIMD) {
    const factor = i32x4.splat(x);
    for (let at: usize = 0; at <= (<usize>i) << 2; at += 16) {
      v128.store(row + at, i32x4.add(v128.load(row + at), i32x4.mul(v128.load(WIDE + at), factor)));
    }
  } else {
    for (let at: usize = 0; at <= (<usize>i) << 2; at += 4) {
      store<u32>(row + at, load<u32>(row + at) + load<u32>(WIDE + at) * x);
    }
  }
}

/** Adds cell `from` to cell `into`. */
export function momentsMerge(into: usize, from: usize): void {
  for (let at: usize = 0; at < <usize>CELL_BYTES; at += 4)
    store<u32>(into + at, load<u32>(into + at) + load<u32>(from + at));
}

/** Takes cell `share`, that was merged before, out of cell `from`. */
export function momentsSubtract(from: usize, share: usize): void {
  for (let at: usize = 0; at < <usize>CELL_BYTES; at += 4)
    store<u32>(from + at, load<u32>(from + at) - load<u32>(share + at));
}
