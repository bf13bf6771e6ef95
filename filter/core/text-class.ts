// The classes of bytes that a segment is told by (law 9): a set of 11 bits for a text.

const LOWER: u32 = 1 << 0;
const UPPER: u32 = 1 << 1;
const DIGITS: u32 = 1 << 2;
const SPACE: u32 = 1 << 3;
const CONTROL: u32 = 1 << 4;
const HIGH: u32 = 1 << 5;
const QUOTING: u32 = 1 << 6;
const PATHLIKE: u32 = 1 << 7;
const BRACKETS: u32 = 1 << 8;
const JOINING: u32 = 1 << 9;
const OTHER: u32 = 1 << 10;

/** The bit of each byte, u16. */
const BITS = memory.data(2 * 256, 16);

function bitOf(byte: u32): u32 {
  if (byte >= 0x61 && byte <= 0x7a) return LOWER;
  if (byte >= 0x41 && byte <= 0x5a) return UPPER;
  if (byte >= 0x30 && byte <= 0x39) return DIGITS;
  if (byte >= 0x80) return HIGH;
  if (byte < 0x20 || byte == 0x7f) return CONTROL;
  switch (byte) {
    case 0x20:
      return SPACE;
    case 0x27: // '
    case 0x22: // "
    case 0x60: // `
    case 0x3c: // <
    case 0x3e: // >
    case 0x3b: // ;
    case 0x7c: // |
    case 0x5c: // \
      return QUOTING;
    case 0x2f: // /
    case 0x2e: // .
      return PATHLIKE;
    case 0x28: // (
    case 0x29: // )
    case 0x7b: // {
    case 0x7d: // }
    case 0x5b: // [
    case 0x5d: // ]
    case 0x24: // $
    case 0x2a: // *
      return BRACKETS;
    case 0x2d: // -
    case 0x5f: // _
    case 0x7e: // ~
    case 0x2c: // ,
    case 0x3a: // :
    case 0x40: // @
      return JOINING;
    default:
      return OTHER;
  }
}

for (let byte: u32 = 0; byte < 256; byte++) store<u16>(BITS + (byte << 1), <u16>bitOf(byte));

/** Classes that occur in a text; 0 for an empty one. */
export function classesOf(ptr: usize, len: i32): u32 {
  let classes: u32 = 0;
  const end = ptr + len;
  for (let p = ptr; p < end; p++) classes |= load<u16>(BITS + ((<usize>load<u8>(p)) << 1));
  return classes;
}
