// Strings of bytes: the reference speaks of requests as JavaScript strings whose characters are bytes 0 to 255
// ("latin1"), because then splitting, joining and matching read as the law is worded. Here are the two crossings and
// the classes of section 3.

/** Bytes as a string of characters 0 to 255. */
export function fromBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** The other way; every character must be at most 0xFF. */
export function toBytes(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "latin1"));
}

/** A test of one byte. */
export type ByteClass = (byte: number) => boolean;

export const isDigit: ByteClass = (byte) => byte >= 0x30 && byte <= 0x39;
export const isUpper: ByteClass = (byte) => byte >= 0x41 && byte <= 0x5a;
const isLower: ByteClass = (byte) => byte >= 0x61 && byte <= 0x7a;
export const isAlnum: ByteClass = (byte) => isDigit(byte) || isUpper(byte) || isLower(byte);

export const isControl: ByteClass = (byte) => byte < 0x20 || byte === 0x7f;
export const isPunctuation: ByteClass = (byte) => byte >= 0x21 && byte <= 0x7e && !isAlnum(byte);

/** One of the bytes listed. */
export function among(list: string): ByteClass {
  const codes = new Set([...list].map((character) => character.charCodeAt(0)));
  return (byte) => codes.has(byte);
}

/** How many bytes of the text are of the class. */
export function count(text: string, inClass: ByteClass): number {
  let found = 0;
  for (let i = 0; i < text.length; i++) if (inClass(text.charCodeAt(i))) found++;
  return found;
}

/**
 * How many positions the pattern matches at; the pattern is global and leaves shared bytes to lookahead, so that
 * overlaps count.
 */
export function places(text: string, pattern: RegExp): number {
  return [...text.matchAll(pattern)].length;
}
