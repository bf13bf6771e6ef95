// One of the processes that measure: where V8 and the system lay code and data differs from process to process and
// moves short loops by a fifth, so no figure comes from one alone. Prints what it measured as a line of JSON.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { makeArms, makeLaws } from "./arms.ts";
import { measureCorpus, type Passes } from "./corpus.ts";
import { realTargets } from "./inputs.ts";
import { type Blocks, measure } from "./measure.ts";
import { type Options, parseOptions } from "./options.ts";

interface Measured {
  blocks: [string, number[]][];
  passes: Passes[];
}

const SELF = fileURLToPath(import.meta.url);
const OUTPUT_BYTES_MAX = 2 ** 26;

/** Measures in processes of their own, one after the other; throws what one of them says. */
export function measureApart({ data, blocks, processes }: Options): { blocks: Blocks; passes: Passes[] } {
  const args = ["--blocks", String(blocks), ...(data === undefined ? [] : ["--data", data])];
  const parts = Array.from({ length: processes }, (): Measured => {
    const run = [...process.execArgv, SELF, ...args];
    const { stdout, stderr, status, error } = spawnSync(process.execPath, run, { maxBuffer: OUTPUT_BYTES_MAX });
    if (error !== undefined) throw error;
    if (status !== 0) throw new Error(`bench/filter/process.ts: status ${status}: ${stderr}`);
    return JSON.parse(stdout.toString("utf8")) as Measured;
  });
  const joined = new Map<string, number[]>();
  for (const [name, each] of parts.flatMap((part) => part.blocks)) {
    joined.set(name, [...(joined.get(name) ?? []), ...each]);
  }
  return { blocks: joined, passes: parts.flatMap(({ passes }) => passes) };
}

function main({ data, blocks }: Options): void {
  const measured = measure(makeArms(makeLaws()), blocks);
  const passes = data === undefined ? [] : [measureCorpus(makeLaws()[0]!, realTargets(data).targets)];
  console.log(JSON.stringify({ blocks: [...measured], passes }));
}

if (process.argv[1] === SELF) main(parseOptions(process.argv.slice(2)));
