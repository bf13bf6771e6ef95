// Section 2 of the law: how a count becomes a bin, and the integer logarithm. The table is computed bit by bit with big
// integers, so that it does not rest on the platform's floating-point logarithm.

/** floor(log2 k) for an integer 1 <= k < 2^53. */
export function floorLog2(k: number): number {
  return k.toString(2).length - 1;
}

/** 1.5 bins an octave; 0 for 0, 24 from 65,535 on. */
export function bin(n: number): number {
  const bounded = Math.min(n, 65535);
  return bounded === 0 ? 0 : 1 + (floorLog2(bounded ** 3) >> 1);
}

/** 16ths of a in n, at most 15; 0 for n = 0. */
export function ratio(a: number, n: number): number {
  return n === 0 ? 0 : Math.min(15, Math.floor((16 * a) / n));
}

export function linear(n: number): number {
  return Math.min(15, n);
}

/** round(65536 log2(1 + i / 256)): 40 binary digits by repeated squaring, then rounded. */
function tableEntry(i: number): number {
  const one = 1n << 160n;
  let x = (BigInt(256 + i) << 160n) / 256n;
  let digits = 0n;
  for (let digit = 0; digit < 40; digit++) {
    x = (x * x) >> 160n;
    digits <<= 1n;
    if (x >= 2n * one) {
      digits |= 1n;
      x >>= 1n;
    }
  }
  return Number((digits + (1n << 23n)) >> 24n);
}

export const LOG2_TABLE: readonly number[] = Array.from({ length: 256 }, (_, i) => tableEntry(i));

/** log2 in 1/65536, for an integer 1 <= k < 2^32. */
export function log2(k: number): number {
  const e = floorLog2(k);
  const afterLeading = k.toString(2).slice(1).padEnd(8, "0").slice(0, 8);
  return 65536 * e + LOG2_TABLE[Number.parseInt(afterLeading, 2)]!;
}

/** Bin of the entropy of symbols (their values, in any numbering), 2.5 bins a bit. */
export function entropyBin(symbols: readonly number[]): number {
  const n = symbols.length;
  if (n === 0) return 0;
  const counts = new Map<number, number>();
  for (const value of symbols) counts.set(value, (counts.get(value) ?? 0) + 1);
  let sum = 0;
  for (const c of counts.values()) sum += c * log2(c);
  const h = Math.max(0, log2(n) - Math.floor(sum / n));
  return Math.min(15, (5 * h) >> 17);
}
