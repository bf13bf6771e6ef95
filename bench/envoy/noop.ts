// The floor of all proxy-wasm filters, built from its text where it is needed.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import binaryen from "assemblyscript/binaryen";

/** Envoy's counter of the requests that it has seen, told once a second. */
export const NOOP_COUNTER = "noop_requests_total";

/** Writes noop.wasm into the folder; returns its path. */
export function buildNoop(folder: string): string {
  const module = binaryen.parseText(readFileSync(new URL("noop.wat", import.meta.url), "utf8"));
  const path = join(folder, "noop.wasm");
  writeFileSync(path, module.emitBinary());
  module.dispose();
  return path;
}
