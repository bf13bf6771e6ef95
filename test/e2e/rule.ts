// Rules as an operator of the lab makes them: for the workload `web` and for an hour, unless told otherwise.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { RuleAction } from "../../control-plane/gen/vedette/v1/model_pb.ts";
import type { RuleSchema } from "../../control-plane/gen/vedette/v1/operator_pb.ts";
import { type Lab, NAMESPACE } from "./lab.ts";

export const HOUR_MS = 3_600_000;

export interface Match {
  caller?: string;
  method?: string;
  route?: string;
}

export interface RuleSpec {
  workload?: string;
  action?: RuleAction;
  /** Unix time. */
  expiresAtMs?: number;
}

/** For `createRule`: denies what matches. */
export function rule(match: Match, spec: RuleSpec = {}): MessageInitShape<typeof RuleSchema> {
  const { workload = "web", action = RuleAction.DENY, expiresAtMs = Date.now() + HOUR_MS } = spec;
  const expiresAt = { seconds: BigInt(Math.floor(expiresAtMs / 1000)), nanos: (expiresAtMs % 1000) * 1_000_000 };
  const named = `workloads/${NAMESPACE}/${workload}`;
  return { action, workload: named, match, expiresAt, owner: "lab", reason: "a test" };
}

/** Denies what matches. Resolves when the control plane has taken it, which is before the sidecars have. */
export async function deny(lab: Lab, match: Match, workload = "web"): Promise<void> {
  await lab.operator.createRule(rule(match, { workload }));
}
