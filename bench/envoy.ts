// `npm run bench:envoy`: what the filter costs a real Envoy, beside nothing, a filter that does nothing, and others
// that look at requests. bench/README.md says what is measured and how.

import { type Options, parseOptions } from "./envoy/options.ts";
import { record, recordVoid } from "./envoy/record.ts";
import { rowsOf } from "./envoy/results.ts";
import { run, VoidRun } from "./envoy/run.ts";
import { guardLine, tables } from "./envoy/table.ts";
import { type Origin, originOf } from "./origin.ts";

async function main(options: Options): Promise<void> {
  try {
    const results = await run(options, (line) => console.error(line));
    if (options.quick) console.error("a quick run: it shows that everything works, its figures say nothing");
    if (options.json) {
      console.error(guardLine(results.guards));
      for (const row of rowsOf(results)) console.log(JSON.stringify(row));
    } else console.log(tables(results));
    if (options.record) record(results, origin(options));
  } catch (error) {
    if (!(error instanceof VoidRun)) throw error;
    if (options.record) recordVoid(error.guards, origin(options));
    throw new Error(`${guardLine(error.guards)} The run is void.`);
  }
}

function origin({ blocks, requests, pushes }: Options): Origin {
  const flags = Object.entries({ blocks, requests, pushes }).map(([name, value]) => `--${name} ${value}`);
  return originOf(`npm run bench:envoy -- ${flags.join(" ")} --record`);
}

try {
  await main(parseOptions(process.argv.slice(2)));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
