// Reads and formats the golden files: a JSON array, one case a line, ASCII only, so that a change is one readable line
// of a diff.

import { readFileSync } from "node:fs";
import type { VECTORS } from "./vectors.ts";

type Stem = keyof typeof VECTORS;
type Cases<S extends Stem> = ReturnType<(typeof VECTORS)[S]>;

/** Where the file of a stem lies. */
export function fileOf(stem: string): URL {
  return new URL(`${stem}.json`, import.meta.url);
}

/** A golden file's text. */
export function formatCases(cases: readonly object[]): string {
  const ascii = (text: string) =>
    text.replace(/[\x7f-\xff]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return `[\n${cases.map((one) => ascii(JSON.stringify(one))).join(",\n")}\n]\n`;
}

/** What is pinned under a stem. Throws if the file is missing. */
export function readCases<S extends Stem>(stem: S): Cases<S> {
  return JSON.parse(readFileSync(fileOf(stem), "utf8")) as Cases<S>;
}
