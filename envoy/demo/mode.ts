// Changes the mode of a workload: node --import tsx envoy/demo/mode.ts HOST:PORT NAMESPACE/NAME
// off|learn|shadow|enforce

import { Mode } from "../../control-plane/gen/vedette/v1/model_pb.ts";
import { Operator } from "./operator.ts";
import { confidenceName, modeName } from "./workloads.ts";

const MODES: Record<string, Mode> = { off: Mode.OFF, learn: Mode.LEARN, shadow: Mode.SHADOW, enforce: Mode.ENFORCE };

async function main([address = "", target = "", word = ""]: string[]): Promise<void> {
  const mode = MODES[word];
  if (!address || !target || mode === undefined) {
    throw new Error(
      `usage: mode.ts HOST:PORT NAMESPACE/NAME ${Object.keys(MODES).join("|")}; got ${JSON.stringify(word)}`,
    );
  }
  const operator = new Operator(address);
  try {
    const workload = await operator.setMode(target, mode);
    const state = `${confidenceName(workload.confidence)}, ${workload.confidenceDetail}`;
    console.log(`${target}: mode ${modeName(workload.mode)} (${state})`);
  } finally {
    operator.close();
  }
}

main(process.argv.slice(2)).catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
