// Logarithms by the core's table: the same bits on every machine, which Math.log does not promise.

import type { Core } from "../core.ts";

const LOG_UNIT = 65_536;
const CORE_END = 2 ** 32;

/** log2 of an integer from 1; exact powers of two are taken out of what is above 32 bits. */
export function logOf(value: number, core: Pick<Core, "log2">): number {
  let whole = 0;
  let rest = value;
  while (rest >= CORE_END) {
    rest = Math.floor(rest / 2);
    whole++;
  }
  return whole + core.log2(rest) / LOG_UNIT;
}
