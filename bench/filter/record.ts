// Keeps results: bench/results/filter.json with the blocks as measured, and the tables between the markers of
// bench/README.md. A void run is kept as void beside the last good one.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { GUARD_MAX, type Guard } from "./measure.ts";
import { type Results, tables } from "./table.ts";

export interface Origin {
  commit: string;
  machine: string;
  command: string;
}

interface VoidRun extends Origin {
  guard: Guard;
}

const RESULTS = new URL("../results/filter.json", import.meta.url);
const README = new URL("../README.md", import.meta.url);
const BEGIN = "<!-- filter: written by bench/filter.ts -->";
const END = "<!-- /filter -->";
const VOID_RUNS_MAX = 20;

/** Everything but the void runs is of the last good run. */
interface Recorded {
  void: VoidRun[];
}

function recorded(): Recorded {
  return existsSync(RESULTS) ? (JSON.parse(readFileSync(RESULTS, "utf8")) as Recorded) : { void: [] };
}

export function record(results: Results, origin: Origin): void {
  const { blocks, ...rest } = results;
  const rounded = [...blocks].map(([name, list]) => [name, list.map((ns) => Number(ns.toFixed(2)))]);
  write({ ...origin, ...rest, nsByBlock: Object.fromEntries(rounded), void: recorded().void });
  const head = `Commit ${origin.commit}; ${origin.machine}; \`${origin.command}\`.`;
  const readme = readFileSync(README, "utf8");
  writeFileSync(README, between(readme, `${head} ${tables(results)}`));
}

/** A run whose equal arms differed by more than GUARD_MAX. */
export function recordVoid(guard: Guard, origin: Origin): void {
  if (guard.holds) throw new Error(`guard: ${guard.ratio.value} is within ${GUARD_MAX}`);
  const before = recorded();
  write({ ...before, void: [...before.void, { ...origin, guard }].slice(-VOID_RUNS_MAX) });
}

function write(content: object): void {
  writeFileSync(RESULTS, `${JSON.stringify(content, null, 1)}\n`);
}

/** The text with what stands between the markers replaced. Throws where they are not there. */
export function between(readme: string, text: string): string {
  const [begin, end] = [readme.indexOf(BEGIN), readme.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`bench/README.md: no ${BEGIN} before ${END}`);
  return `${readme.slice(0, begin + BEGIN.length)}\n\n${text}\n\n${readme.slice(end)}`;
}
