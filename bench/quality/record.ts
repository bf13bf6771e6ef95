// Keeps results: bench/results/quality.json, and the tables between the markers of bench/README.md.

import { writeFileSync } from "node:fs";
import { type Origin, originLine, writeTables } from "../origin.ts";
import { quotedTable } from "./quoted.ts";
import type { Result } from "./report.ts";
import { tables } from "./table.ts";

const RESULTS = new URL("../results/quality.json", import.meta.url);

/** `priors` says of each set which one it had. */
export function record(results: readonly Result[], origin: Origin, priors: readonly string[]): void {
  const sets = results.map((result, i) => ({ ...result, prior: priors[i] }));
  writeFileSync(RESULTS, `${JSON.stringify({ ...origin, sets }, null, 1)}\n`);
  const text = [originLine(origin), tables(results), quotedTable(results).join("\n")]
    .filter((part) => part !== "")
    .join("\n\n");
  writeTables("quality", text);
}
