// What the benches make and the control plane ships with: told from which bytes it came, and written as the rest of the
// repository is formatted.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";

export interface Source {
  file: string;
  sha256: string;
}

export function sourceOf(path: string): Source {
  return { file: basename(path), sha256: createHash("sha256").update(readFileSync(path)).digest("hex") };
}

export function writeFormatted(file: URL, content: object): void {
  writeFileSync(file, JSON.stringify(content));
  const biome = spawnSync("npx", ["biome", "format", "--write", fileURLToPath(file)], { stdio: "inherit" });
  if (biome.status !== 0) throw new Error(`biome format: status ${biome.status}`);
}
