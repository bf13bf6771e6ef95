// Keeps results: bench/results/quality.json, and the tables between the markers of bench/README.md.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { quotedTable } from "./quoted.ts";
import type { Result } from "./report.ts";
import { tables } from "./table.ts";

export interface Origin {
  commit: string;
  machine: string;
  command: string;
  /** Of each set. */
  priors: readonly string[];
}

const RESULTS = new URL("../results/quality.json", import.meta.url);
const README = new URL("../README.md", import.meta.url);
const BEGIN = "<!-- quality: written by bench/quality.ts -->";
const END = "<!-- /quality -->";

export function record(results: readonly Result[], origin: Origin): void {
  const { priors, ...about } = origin;
  const sets = results.map((result, i) => ({ ...result, prior: priors[i] }));
  writeFileSync(RESULTS, `${JSON.stringify({ ...about, sets }, null, 1)}\n`);
  const head = `Commit ${origin.commit}; ${origin.machine}; \`${origin.command}\`.`;
  const text = [head, tables(results), quotedTable(results).join("\n")].filter((part) => part !== "").join("\n\n");
  if (!existsSync(README)) throw new Error("bench/README.md: is not there");
  writeFileSync(README, between(readFileSync(README, "utf8"), text));
}

/** The text with what stands between the markers replaced. Throws where they are not there. */
export function between(readme: string, text: string): string {
  const [begin, end] = [readme.indexOf(BEGIN), readme.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`bench/README.md: no ${BEGIN} before ${END}`);
  return `${readme.slice(0, begin + BEGIN.length)}\n\n${text}\n\n${readme.slice(end)}`;
}
