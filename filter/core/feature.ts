// The 32 features (law 3): ids, names, and the hash by which a model says which list it was trained for.

import { putDecimal, putText } from "./bytes";
import { sipHash13 } from "./hash";
import { FEATURES } from "./limits";

export const PATH_LENGTH: i32 = 0;
export const VALUE_LENGTH_MAX: i32 = 1;
export const VALUE_LENGTH_MEAN: i32 = 2;
export const PATH_SEGMENT_LENGTH_MAX: i32 = 3;
export const PATH_DEPTH: i32 = 4;
export const ESCAPES: i32 = 5;
export const STRAY_BYTES: i32 = 6;
export const CONTROL_BYTES: i32 = 7;
export const DIGIT_RATIO: i32 = 8;
export const UPPER_RATIO: i32 = 9;
export const PUNCTUATION_RATIO: i32 = 10;
export const QUOTES: i32 = 11;
export const ANGLES: i32 = 12;
export const PARENTHESES: i32 = 13;
export const CALLS: i32 = 14;
export const SEPARATORS: i32 = 15;
export const PARENT_STEPS: i32 = 16;
export const ENTROPY: i32 = 17;
export const SYMBOL_RUN: i32 = 18;
export const DISTINCT_SYMBOLS: i32 = 19;
export const NAME_LENGTH_MAX: i32 = 20;
export const ODD_NAMES: i32 = 21;
export const EXTRA_EQUALS: i32 = 22;
export const BRACES: i32 = 23;
export const COMMENTS: i32 = 24;
export const VALUE_SLASHES: i32 = 25;
export const NEEDLESS_ESCAPES: i32 = 26;
export const OPERATORS: i32 = 27;
export const HIDDEN_SEGMENTS: i32 = 28;
export const ODD_VALUE_STARTS: i32 = 29;
export const ODD_VALUE_ENDS: i32 = 30;
export const VALUE_DOTS: i32 = 31;

// What a reason names where another head had the largest part of the score (law 11): no features of the model.
export const ATTACK_LEVEL: i32 = 32;
export const NEW_NAME: i32 = 33;
export const NEW_CHARACTERS: i32 = 34;
export const UNUSUAL_LENGTH: i32 = 35;
export const NEW_ROUTE: i32 = 36;

/** Name of a feature, or of what another head found (32 to 36), constant data; empty for other ids. */
export function featureName(id: i32): string {
  switch (id) {
    case PATH_LENGTH:
      return "path_length";
    case VALUE_LENGTH_MAX:
      return "value_length_max";
    case VALUE_LENGTH_MEAN:
      return "value_length_mean";
    case PATH_SEGMENT_LENGTH_MAX:
      return "path_segment_length_max";
    case PATH_DEPTH:
      return "path_depth";
    case ESCAPES:
      return "escapes";
    case STRAY_BYTES:
      return "stray_bytes";
    case CONTROL_BYTES:
      return "control_bytes";
    case DIGIT_RATIO:
      return "digit_ratio";
    case UPPER_RATIO:
      return "upper_ratio";
    case PUNCTUATION_RATIO:
      return "punctuation_ratio";
    case QUOTES:
      return "quotes";
    case ANGLES:
      return "angles";
    case PARENTHESES:
      return "parentheses";
    case CALLS:
      return "calls";
    case SEPARATORS:
      return "separators";
    default:
      return laterName(id);
  }
}

function laterName(id: i32): string {
  switch (id) {
    case PARENT_STEPS:
      return "parent_steps";
    case ENTROPY:
      return "entropy";
    case SYMBOL_RUN:
      return "symbol_run";
    case DISTINCT_SYMBOLS:
      return "distinct_symbols";
    case NAME_LENGTH_MAX:
      return "name_length_max";
    case ODD_NAMES:
      return "odd_names";
    case EXTRA_EQUALS:
      return "extra_equals";
    case BRACES:
      return "braces";
    case COMMENTS:
      return "comments";
    case VALUE_SLASHES:
      return "value_slashes";
    case NEEDLESS_ESCAPES:
      return "needless_escapes";
    case OPERATORS:
      return "operators";
    case HIDDEN_SEGMENTS:
      return "hidden_segments";
    case ODD_VALUE_STARTS:
      return "odd_value_starts";
    case ODD_VALUE_ENDS:
      return "odd_value_ends";
    case VALUE_DOTS:
      return "value_dots";
    case ATTACK_LEVEL:
      return "attack_level";
    case NEW_NAME:
      return "new_name";
    case NEW_CHARACTERS:
      return "new_characters";
    case UNUSUAL_LENGTH:
      return "unusual_length";
    case NEW_ROUTE:
      return "new_route";
    default:
      return "";
  }
}

/** Room for all lines `id name\n`: 32 times at most 2 + 1 + 23 + 1 bytes. */
const LINES = memory.data(1024, 8);

/** Writes the lines `id name\n` in order, at most 1,024 bytes; returns their length. */
export function putFeatureLines(out: usize): i32 {
  let size = 0;
  for (let id = 0; id < FEATURES; id++) {
    size += putDecimal(out + size, id);
    size += putText(out + size, " ");
    size += putText(out + size, featureName(id));
    size += putText(out + size, "\n");
  }
  return size;
}

/** SipHash-1-3 of these lines with key bytes 0..15. */
export function featureHash(): u64 {
  return sipHash13(LINES, putFeatureLines(LINES), 0x0706050403020100, 0x0f0e0d0c0b0a0908);
}
