// Symbols (law 1): a text read as UTF-8, so that a language is no anomaly. One symbol a character, whatever its
// bytes; what is no valid UTF-8 is a stray.

/** Values of the symbols that are no byte below 0x80; entries of the table of byte-class.ts. */
export const WIDE: i32 = 0x80;
export const STRAY: i32 = 0x81;

/** Continuation bytes that a lead byte expects, 1 to 3; 0 for every other byte. */
export function expectedAfter(byte: i32): i32 {
  if (byte < 0xc2 || byte > 0xf4) return 0;
  return byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
}

/** Continuation bytes from `ptr` on, as far as a lead byte expects them: 0 to `expected`. */
export function continuationsAt(ptr: usize, end: usize, expected: i32): i32 {
  let found = 0;
  while (found < expected && ptr + found < end && (load<u8>(ptr + found) & 0xc0) == 0x80) found++;
  return found;
}

/** Symbols of the bytes in [ptr, end), read by themselves. */
export function symbolsIn(ptr: usize, end: usize): i32 {
  let symbols = 0;
  for (let at = ptr; at < end; at++) {
    at += continuationsAt(at + 1, end, expectedAfter(load<u8>(at)));
    symbols++;
  }
  return symbols;
}
