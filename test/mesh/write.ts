// Writes envoy/istio/control-plane.yaml out of the chart: node --import tsx test/mesh/write.ts

import { writeFile } from "node:fs/promises";
import { RENDERED, renderedManifest } from "./chart.ts";
import { prepare } from "./programs.ts";

await prepare((line) => console.error(line));
await writeFile(RENDERED, await renderedManifest());
