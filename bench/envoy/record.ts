// Keeps results: bench/results/envoy.json with the blocks as measured, and the tables between the markers of
// bench/README.md. A void run is kept as void beside the last good one.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { type Origin, originLine, writeTables } from "../origin.ts";
import { GUARD_MAX, type Guard } from "./blocks.ts";
import { type Results, rowsOf } from "./results.ts";
import { guardLine, tables } from "./table.ts";

interface VoidRun extends Origin {
  guards: Guard[];
}

/** Everything but the void runs is of the last good run. */
interface Recorded {
  void: VoidRun[];
  rows?: unknown;
}

/** What was recorded, with one more void run; the last VOID_RUNS_MAX of these are kept. */
export function withVoid(before: Recorded, run: VoidRun): Recorded {
  return { ...before, void: [...before.void, run].slice(-VOID_RUNS_MAX) };
}

const RESULTS = new URL("../results/envoy.json", import.meta.url);
const VOID_RUNS_MAX = 20;

function recorded(): Recorded {
  return existsSync(RESULTS) ? (JSON.parse(readFileSync(RESULTS, "utf8")) as Recorded) : { void: [] };
}

export function record(results: Results, origin: Origin): void {
  const { blocks, latency, ...rest } = results;
  const plain = (of: Results["blocks"]) => {
    return Object.fromEntries([...of].map(([name, list]) => [name, list.map((one) => Math.round(one))]));
  };
  const measured = { ...rest, nsByBlock: plain(blocks), latencyUsByBlock: plain(latency) };
  write({ ...origin, rows: rowsOf(results), ...measured, void: recorded().void });
  writeTables("envoy", `${originLine(origin)} ${tables(results)}`);
}

/** A run whose equal arms differed by more than GUARD_MAX. In the table only where there never was a good one. */
export function recordVoid(guards: Guard[], origin: Origin): void {
  if (guards.every(({ holds }) => holds)) throw new Error(`guards: all are within ${GUARD_MAX}`);
  const before = recorded();
  write(withVoid(before, { ...origin, guards }));
  if (before.rows === undefined) writeTables("envoy", `${originLine(origin)} ${guardLine(guards)} The run is void.`);
}

function write(content: object): void {
  writeFileSync(RESULTS, `${JSON.stringify(content, null, 1)}\n`);
}
