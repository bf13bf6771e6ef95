// Makes control-plane/train/usual-scores.json: which scores are usual on public traffic that prior and attack table
// have not seen, by how much a model has learnt. `node --import tsx bench/usual.ts --data DIR`, DIR holding
// wcp_legit_dev.jsonl.xz and payloads_prior.jsonl.xz; unpacked by `xz -dc`. Run it after bench/prior.ts and
// bench/attack.ts, and where the law or the trainer changed. The same files give the same scores.

import { join } from "node:path";
import { parseArgs } from "node:util";
import { loadCore } from "../control-plane/core.ts";
import type { UsualScores } from "../control-plane/train/usual-scores.ts";
import { PAYLOADS } from "./attack/payloads.ts";
import { sourceOf, writeFormatted } from "./made.ts";
import { INPUT } from "./prior.ts";
import { PriorBook } from "./quality/priors.ts";
import { servicesOf } from "./quality/run.ts";
import { readLines } from "./quality/set.ts";
import { readUsual, USUAL } from "./usual/file.ts";
import { usualScoresOf } from "./usual/scores.ts";
import { usualSet } from "./usual/traffic.ts";

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { data: { type: "string" } } });
  if (values.data === undefined) throw new Error("usage: bench/usual.ts --data DIR");
  const [traffic, payloads] = [INPUT, PAYLOADS].map((name) => join(values.data ?? "", name)) as [string, string];
  const core = loadCore();
  const set = usualSet(readLines(traffic));
  // Nothing is denied where a mesh only learns, and scores know no thresholds: these are at the top.
  const counts = new Array<number>(core.limits.SCORE_BUCKETS).fill(0).with(-1, 1);
  const usual: UsualScores = { ages: [{ learnt: 0, counts }] };
  const priors = new PriorBook(core, { folder: values.data, usual }).for(traffic, servicesOf(set));
  const { hosts, folds } = await usualScoresOf(set, core, priors);
  const sources = [traffic, payloads].map(sourceOf);
  writeFormatted(USUAL, { sources, unpackedBy: "xz -dc", hosts, folds });
  for (const { learnt, counts } of readUsual().all.ages) {
    console.log(`${counts.reduce((sum, count) => sum + count, 0)} scores at ${learnt} learnt requests`);
  }
}

await main();
