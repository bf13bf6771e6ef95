// The last refusal of a section or manifest (law 8): which field, which value, which bound. One at a time, static.

import { putText } from "./bytes";

let field: string = "";
let value: u64 = 0;
let bound: string = "";

/** Longest text of a field or a bound, in bytes; room that the *Text functions need. */
export const REFUSAL_TEXT_MAX: i32 = 64;

/** Remembers a refusal; always false, so that a check can end with it. */
export function refuse(fieldName: string, found: u64, boundText: string): bool {
  field = fieldName;
  value = found;
  bound = boundText;
  return false;
}

/** True if the value is below low or above high. */
export function outside(found: u64, low: u64, high: u64): bool {
  return found < low || found > high;
}

/** Forgets the last refusal. */
export function refusalClear(): void {
  refuse("", 0, "");
}

/** True if something was refused since the last clear. */
export function refused(): bool {
  return field.length > 0;
}

/** The value found. */
export function refusalValue(): u64 {
  return value;
}

/** Writes the name of the field, as in the table of law 8; returns its length in bytes. */
export function putRefusalField(out: usize): i32 {
  return putText(out, field);
}

/** Writes the bound in words; returns its length in bytes. */
export function putRefusalBound(out: usize): i32 {
  return putText(out, bound);
}
