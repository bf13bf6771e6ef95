// Section 1 of the law, Symbols: bytes read as UTF-8, character by character, with what is no UTF-8 set apart.

import { isAlnum } from "./bytes.ts";

/** Values of symbols: a byte below 0x80 is its own value. */
export const WIDE_LETTER = 0x80;
export const STRAY = 0x81;

export interface Symbols {
  /** One value a symbol, in order. */
  values: number[];
  /** Stray symbols and interrupted characters. */
  strays: number;
}

/** Continuation bytes that a byte asks for; 0 if it is no lead byte. */
function expects(byte: number): number {
  if (byte >= 0xc2 && byte <= 0xdf) return 1;
  if (byte >= 0xe0 && byte <= 0xef) return 2;
  return byte >= 0xf0 && byte <= 0xf4 ? 3 : 0;
}

const isContinuation = (byte: number) => byte >= 0x80 && byte <= 0xbf;

/** Reads a string of bytes by itself, from its first byte to its end. */
export function symbolsOf(text: string): Symbols {
  const values: number[] = [];
  let strays = 0;
  let expected = 0;
  for (let i = 0; i < text.length; i++) {
    const byte = text.charCodeAt(i);
    if (expected > 0 && isContinuation(byte)) {
      expected--;
      continue;
    }
    if (expected > 0) strays++;
    expected = expects(byte);
    if (byte < 0x80) {
      values.push(byte);
    } else if (expected > 0) {
      values.push(WIDE_LETTER);
    } else {
      values.push(STRAY);
      strays++;
    }
  }
  return { values, strays: expected > 0 ? strays + 1 : strays };
}

/** Length of a segment in symbols. */
export function lengthOf(text: string): number {
  return symbolsOf(text).values.length;
}

/** A letter, a digit, or a letter of another script. */
export const isWordSymbol = (value: number) => value === WIDE_LETTER || (value < 0x80 && isAlnum(value));

/** Length of the longest run of symbols that pass. */
export function longestRun(values: readonly number[], passes: (value: number) => boolean): number {
  let longest = 0;
  let run = 0;
  for (const value of values) {
    run = passes(value) ? run + 1 : 0;
    longest = Math.max(longest, run);
  }
  return longest;
}
