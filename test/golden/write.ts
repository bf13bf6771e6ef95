// `npm run golden`: writes the golden files from the reference. A change of theirs is a change of the law and is read
// line by line.

import { writeFileSync } from "node:fs";
import { fileOf, formatCases } from "./files.ts";
import { VECTORS } from "./vectors.ts";

for (const [stem, cases] of Object.entries(VECTORS)) {
  const list = cases();
  writeFileSync(fileOf(stem), formatCases(list));
  console.log(`${stem}.json: ${list.length} cases`);
}
