// Section 4 of the law: a cell of count, sums and sums of products, as big integers. Merging adds, taking out
// subtracts.

import { FEATURES, PRODUCTS } from "../../filter/core/limits.ts";

export interface Cell {
  n: bigint;
  /** 32, in feature order. */
  sums: bigint[];
  /** 528; that of i and j <= i stands at i (i + 1) / 2 + j. */
  products: bigint[];
}

export function emptyCell(): Cell {
  return { n: 0n, sums: new Array<bigint>(FEATURES).fill(0n), products: new Array<bigint>(PRODUCTS).fill(0n) };
}

/** The cell with one more vector of 32 bins. */
export function addBins(cell: Cell, bins: readonly number[]): Cell {
  const products = [...cell.products];
  for (let i = 0; i < FEATURES; i++) {
    for (let j = 0; j <= i; j++) products[(i * (i + 1)) / 2 + j]! += BigInt(bins[i]! * bins[j]!);
  }
  return { n: cell.n + 1n, sums: cell.sums.map((sum, i) => sum + BigInt(bins[i]!)), products };
}

function combine(a: Cell, b: Cell, operation: (x: bigint, y: bigint) => bigint): Cell {
  return {
    n: operation(a.n, b.n),
    sums: a.sums.map((sum, i) => operation(sum, b.sums[i]!)),
    products: a.products.map((product, i) => operation(product, b.products[i]!)),
  };
}

export function mergeCells(a: Cell, b: Cell): Cell {
  return combine(a, b, (x, y) => x + y);
}

/** Takes `b` out of `a`. */
export function subtractCells(a: Cell, b: Cell): Cell {
  return combine(a, b, (x, y) => x - y);
}
