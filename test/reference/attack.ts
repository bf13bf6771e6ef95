// Section 10 of the law: the attack level of a text, which is how much more it looks like attacks than like usual
// values. Tokens and features are made as lists and sets, one step of the law after the other.

import { LEVELS } from "../../filter/core/limits.ts";

/** What a table file or the section's attack table says. */
export interface AttackTable {
  /** 32,768, -128..127, in 1/32 nat. */
  weights: ArrayLike<number>;
  /** In 1/32 nat. */
  bias: number;
}

interface Token {
  /** A byte that stands for the kind of token. */
  class: number;
  /** Lower-case bytes of the token. */
  text: string;
}

const LEVEL_MAX = 32767;
const WORD_MAX = 20;
const [LETTERS, DIGITS, WHITE_SPACE, HIGH, BEFORE, BEHIND] = [0x61, 0x30, 0x20, 0xff, 0xfe, 0xfd];
const FNV_PRIME = 0x01000193;

function classOf(token: string): number {
  const byte = token.charCodeAt(0);
  if (/[a-z]/.test(token)) return LETTERS;
  if (/[0-9]/.test(token)) return DIGITS;
  if (byte >= 0x80) return HIGH;
  return /[\t-\r ]/.test(token) ? WHITE_SPACE : byte;
}

/** Runs of letters, digits, bytes from 0x80 and white space; every other byte by itself. */
export function tokensOf(text: string): Token[] {
  const lower = text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  const found = lower.match(/[a-z]+|[0-9]+|[\x80-\xff]+|[\t-\r ]+|./gs) ?? [];
  return found.map((token) => ({ class: classOf(token), text: token }));
}

function index(x: number): number {
  return Math.imul(x, 0x9e3779b1) >>> 17;
}

/** FNV-1a of a text's bytes; 32 bits, signed. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), FNV_PRIME);
  return hash;
}

/** Indices of the features of a text, each once; ascending. */
export function attackFeatures(text: string): number[] {
  const tokens = tokensOf(text);
  const classes = [BEFORE, BEFORE, ...tokens.map((token) => token.class), BEHIND];
  const found = new Set<number>();
  for (let i = 2; i < classes.length; i++) {
    found.add(index((classes[i - 2]! << 16) | (classes[i - 1]! << 8) | classes[i]!));
  }
  tokens.forEach((token, i) => {
    if (token.class !== LETTERS) return;
    const hash = fnv1a(token.text.length > WORD_MAX ? "W" : token.text);
    const [before, behind] = [classes[i + 1]!, classes[i + 3]!];
    found.add(index(Math.imul(hash ^ before, FNV_PRIME) ^ 0x4c));
    found.add(index(Math.imul(hash ^ behind, FNV_PRIME) ^ 0x52));
  });
  return [...found].sort((a, b) => a - b);
}

/** In 1/32 nat, -32,767..32,767. Of a text that is not empty; an empty one has no level. */
export function levelOf(table: AttackTable, text: string): number {
  const sum = attackFeatures(text).reduce((total, at) => total + table.weights[at]!, table.bias);
  return Math.max(-LEVEL_MAX, Math.min(LEVEL_MAX, sum));
}

/** 0 to 31, half a nat each. */
export function levelBin(level: number): number {
  return Math.max(0, Math.min(LEVELS - 1, (level + 256 + 15) >> 4));
}

/** The highest level of a bin; what the last bin holds above it is not told apart. */
export function levelUpperEdge(bin: number): number {
  return 16 * bin - 256;
}
