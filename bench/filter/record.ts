// Keeps results: bench/results/filter.json with the blocks as measured, and the tables between the markers of
// bench/README.md. A void run is kept as void beside the last good one.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { type Origin, originLine, writeTables } from "../origin.ts";
import { GUARD_MAX, type Guard } from "./measure.ts";
import { type Results, tables } from "./table.ts";

interface VoidRun extends Origin {
  guard: Guard;
}

const RESULTS = new URL("../results/filter.json", import.meta.url);
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
  writeTables("filter", `${originLine(origin)} ${tables(results)}`);
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
