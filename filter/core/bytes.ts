// Bytes at raw addresses: comparing, searching, writing text and numbers. No allocation. String literals are constant
// data of the module (UTF-16, ASCII only here); they are read where they lie and never built at run time.

/** True if the two ranges hold the same `len` bytes. */
export function sameBytes(a: usize, b: usize, len: i32): bool {
  return memory.compare(a, b, len) == 0;
}

/** True if the range is exactly this ASCII text. */
export function isText(ptr: usize, len: i32, text: string): bool {
  return len == text.length && startsWith(ptr, len, text);
}

/** True if the range begins with this ASCII text. */
export function startsWith(ptr: usize, len: i32, text: string): bool {
  const size = text.length;
  if (len < size) return false;
  const from = changetype<usize>(text);
  for (let i = 0; i < size; i++) {
    if (load<u8>(ptr + i) != load<u8>(from + ((<usize>i) << 1))) return false;
  }
  return true;
}

/** Index of the first such byte in the range, or -1. */
export function indexOfByte(ptr: usize, len: i32, byte: i32): i32 {
  // Eight bytes at a time: the lowest byte that is zero after the exclusive or gets its highest bit set.
  const pattern: u64 = 0x0101010101010101 * <u64>byte;
  let i = 0;
  for (; i + 8 <= len; i += 8) {
    const x = load<u64>(ptr + i) ^ pattern;
    const zeros = (x - 0x0101010101010101) & ~x & 0x8080808080808080;
    if (zeros != 0) return i + (<i32>ctz<u64>(zeros) >> 3);
  }
  for (; i < len; i++) {
    if (<i32>load<u8>(ptr + i) == byte) return i;
  }
  return -1;
}

/** Writes an ASCII text; returns its length. */
export function putText(out: usize, text: string): i32 {
  const size = text.length;
  const from = changetype<usize>(text);
  for (let i = 0; i < size; i++) store<u8>(out + i, load<u8>(from + ((<usize>i) << 1)));
  return size;
}

/** Writes a number in decimal, 1 to 20 bytes; returns its length. */
export function putDecimal(out: usize, value: u64): i32 {
  let size = 1;
  for (let rest = value; rest >= 10; rest /= 10) size++;
  let left = value;
  for (let i = size - 1; i >= 0; i--) {
    store<u8>(out + i, <u8>(0x30 + (left % 10)));
    left /= 10;
  }
  return size;
}
