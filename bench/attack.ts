// Makes control-plane/train/attack-table.bin and attack-table.json: the weights and the rest of the attack table (law
// 10), learnt from public payloads and public traffic. `node --import tsx bench/attack.ts --data DIR`, DIR holding
// payloads_prior.jsonl.xz and wcp_legit_dev.jsonl.xz; unpacked by `xz -dc`. The same files give the same table.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { PAYLOADS, payloadsOf } from "./attack/payloads.ts";
import { DESCRIPTION, learnTable, WEIGHTS } from "./attack/table.ts";
import { textsByHost } from "./attack/traffic.ts";
import { sourceOf, writeFormatted } from "./made.ts";
import { INPUT } from "./prior.ts";
import { readLines } from "./quality/set.ts";

function main(): void {
  const { values } = parseArgs({ options: { data: { type: "string" } } });
  if (values.data === undefined) throw new Error("usage: bench/attack.ts --data DIR");
  const traffic = join(values.data, INPUT);
  const payloads = join(values.data, PAYLOADS);
  const families = payloadsOf(readLines(payloads));
  const distinct = new Set([...textsByHost(readLines(traffic)).values()].flatMap((texts) => [...texts]));
  const { table, usual, attacks } = learnTable(distinct, families);
  const content = {
    sources: [traffic, payloads].map(sourceOf),
    unpackedBy: "xz -dc",
    texts: { distinct: distinct.size, usual, attacks },
    payloads: Object.fromEntries([...families].map(([family, list]) => [family, list.length])),
    bias: table.bias,
    tableId: table.tableId,
  };
  writeFileSync(WEIGHTS, table.weights);
  writeFormatted(DESCRIPTION, content);
  console.log(JSON.stringify(content, undefined, 2));
}

main();
