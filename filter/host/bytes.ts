// Constant texts as the host wants them: ASCII bytes with their length in the 4 bytes before. Made once, at module
// start, from string literals (static data), because a string made at run time would be an allocation.

import { putText } from "../core/bytes";

const POOL_BYTES: i32 = 4096;
const POOL = memory.data(POOL_BYTES, 8);
let used: usize = 0;

/** Address of the bytes of an ASCII literal; `lengthOf` has their number. For module start only. */
export function ascii(literal: string): usize {
  const length = <usize>literal.length;
  if (used + 8 + length > <usize>POOL_BYTES) unreachable();
  const at = POOL + used + 4;
  store<u32>(at - 4, <u32>length);
  putText(at, literal);
  used = (used + 4 + length + 3) & ~3;
  return at;
}

export function lengthOf(text: usize): u32 {
  return load<u32>(text - 4);
}
