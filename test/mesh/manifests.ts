// Files of a folder that hold objects of Kubernetes, which mesh-config.yaml, values for istiod's chart, does not.

import { readdir } from "node:fs/promises";
import { join } from "node:path";

export async function manifestFiles(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".yaml") && name !== "mesh-config.yaml");
  return names.sort().map((name) => join(folder, name));
}
