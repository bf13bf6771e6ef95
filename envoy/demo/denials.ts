// Streams denials from the operator API into the report, and opens the stream anew where it ended by itself.

import { type Denial, Verdict } from "../../control-plane/gen/vedette/v1/decision_pb.ts";
import type { Reporter } from "./events.ts";
import type { Operator } from "./operator.ts";
import { targetOf } from "./workloads.ts";

const AGAIN_MS = 1_000;

/** Returns the way to stop it. */
export function streamDenials(operator: Operator, reporter: Reporter): () => void {
  let stopped = false;
  let cancel = () => {};
  let timer: NodeJS.Timeout | undefined;
  let lost = 0n;
  const open = () => {
    cancel = operator.watchDenials(
      ({ denial, node, text, dropped }) => {
        if (denial) reporter.tell(denied(denial, node, text));
        if (dropped > lost)
          reporter.tell({ event: "note", message: `${dropped - lost} denials came too fast to be told` });
        lost = dropped;
      },
      () => {
        lost = 0n;
        if (!stopped) timer = setTimeout(open, AGAIN_MS);
      },
    );
  };
  open();
  return () => {
    stopped = true;
    clearTimeout(timer);
    cancel();
  };
}

function denied(denial: Denial, node: string, text: string) {
  return {
    event: "denied" as const,
    time: new Date(Number(denial.timeMs)).toISOString(),
    workload: targetOf(denial.target),
    verdict: (Verdict[denial.verdict] ?? "unknown").toLowerCase(),
    caller: denial.caller?.name || "(a caller not named yet)",
    route: denial.route,
    reason: text,
    requestId: denial.requestId,
    node: node.replace(/^nodes\//, ""),
  };
}
