// `npm run bench:filter`: what the filter costs, in V8 as Envoy runs it (optimizing compiler from the first call):
// exact counts first, then CPU time. bench/README.md says what is measured and how.

import { assertEqual, GUARD, GUARDED, makeLaws } from "./filter/arms.ts";
import { corpusFigures } from "./filter/corpus.ts";
import { takeCounts } from "./filter/counts.ts";
import { realTargets, SIZES, sizedTargets, worstTargets } from "./filter/inputs.ts";
import { guardOf } from "./filter/measure.ts";
import { type Options, parseOptions } from "./filter/options.ts";
import { measureApart } from "./filter/process.ts";
import { record, recordVoid } from "./filter/record.ts";
import { rowsOf } from "./filter/rows.ts";
import { guardLine, tables } from "./filter/table.ts";
import { type Origin, originOf } from "./origin.ts";

const NEEDED = "--no-liftoff";

function main(options: Options): void {
  if (!process.execArgv.includes(NEEDED)) throw new Error(`node: ${NEEDED} is missing; npm run bench:filter`);
  const real = options.data === undefined ? undefined : realTargets(options.data);
  const counts = takeCounts(options.requests);
  const made = [...SIZES.flatMap(sizedTargets), ...worstTargets().values()];
  const compared = assertEqual(makeLaws(), [...made, ...(real?.targets ?? [])]);
  console.error(`SIMD and scalar build: equal on ${compared} targets`);
  const { blocks, passes } = measureApart(options);
  const guard = guardOf(blocks, GUARDED, GUARD);
  if (!guard.holds) {
    if (options.record) recordVoid(guard, origin(options));
    throw new Error(guardLine(guard));
  }
  const corpus = real && corpusFigures(passes, real.targets, real.all);
  const results = { rows: rowsOf(blocks, counts, corpus), counts, guard, blocks, corpus };
  if (options.json) {
    console.error(guardLine(guard));
    for (const row of results.rows) console.log(JSON.stringify(row));
  } else console.log(tables(results));
  if (options.record) record(results, origin(options));
}

function origin({ data, blocks, processes, requests }: Options): Origin {
  const numbers = Object.entries({ blocks, processes, requests }).map(([name, value]) => `--${name} ${value}`);
  const flags = [...(data === undefined ? [] : ["--data DIR"]), ...numbers];
  return originOf(`npm run bench:filter -- ${flags.join(" ")} --record`);
}

try {
  main(parseOptions(process.argv.slice(2)));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
