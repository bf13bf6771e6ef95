// Log lines: one a change of state, key=value, never one a request. Levels are Envoy's; a line is cut at 1 KiB.

import { proxy_log } from "./abi";
import { beginText, put, textLength } from "./text";

const LINE_MAX: u32 = 1024;
const LINE = memory.data(1024, 8);

export const INFO: u32 = 2;
export const WARN: u32 = 3;

/** Begins a line; `put...` of text.ts add to it, `endLine` says it. */
export function line(event: string): void {
  beginText(LINE, LINE_MAX);
  put("vedette ");
  put(event);
}

export function endLine(level: u32): void {
  proxy_log(level, LINE, textLength());
}
