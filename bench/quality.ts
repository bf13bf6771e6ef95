// `npm run bench:quality -- --data FILE...|DIR`: replays quality sets through the compiled filter and the control plane
// and says how well attacks are told from normal requests. bench/README.md says what is measured and how.

import { writeFileSync } from "node:fs";
import { basename } from "node:path";
import { performance } from "node:perf_hooks";
import { loadCore } from "../control-plane/core.ts";
import { originOf } from "./origin.ts";
import { type Options, parseOptions } from "./quality/options.ts";
import { PriorBook } from "./quality/priors.ts";
import { record } from "./quality/record.ts";
import { scoreLine, type Verdict } from "./quality/replay.ts";
import type { Result } from "./quality/report.ts";
import { runSet, servicesOf } from "./quality/run.ts";
import { filesOf, readSet } from "./quality/set.ts";
import { tables } from "./quality/table.ts";

async function main(options: Options): Promise<void> {
  const files = filesOf(options.data);
  if (options.scores !== undefined && files.length > 1) {
    throw new Error(`--scores: ${files.length} sets, rows are named for one set at a time`);
  }
  const core = loadCore();
  const { leaveOut, head, without, online, learningCurve, seeds, poison, scale } = options;
  const book = new PriorBook(core, { folder: options.priorData, leaveOut });
  const results: Result[] = [];
  const priors: string[] = [];
  for (const file of files) {
    const set = readSet(file);
    const prior = book.for(file, servicesOf(set));
    const extras = { online, learningCurve, seeds, poison, scale };
    const seconds = () => performance.now() / 1000;
    const { result, verdicts, unjudged } = await runSet(set, {
      core,
      priors: prior,
      head,
      without,
      ...extras,
      seconds,
    });
    results.push(result);
    priors.push(prior.kind);
    if (options.json) console.log(JSON.stringify(result));
    console.error(`${set.name}: ${set.requests.length} rows in ${result.seconds.toFixed(1)} s; prior ${prior.kind}`);
    if (unjudged > 0) console.error(`${set.name}: ${unjudged} rows came before the first model; they count as passed`);
    if (options.scores !== undefined) writeScores(options.scores, verdicts);
  }
  if (!options.json) console.log(tables(results));
  if (options.record) record(results, originOf(command(options, files)), priors);
}

function writeScores(path: string, verdicts: readonly Verdict[]): void {
  writeFileSync(path, verdicts.map((verdict) => `${scoreLine(verdict)}\n`).join(""));
}

/** As typed, without the paths of this machine. */
function command({ typed }: Options, files: readonly string[]): string {
  return `npm run bench:quality -- --data ${files.map((file) => basename(file)).join(" ")} ${typed.join(" ")}`;
}

try {
  await main(parseOptions(process.argv.slice(2)));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
