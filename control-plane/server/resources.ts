// The nouns of the control plane as the operator API shows them.

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Mode, Rule, RuleMatch, Snapshot, Target } from "../domain.ts";
import { invalid } from "../errors.ts";
import { RuleAction } from "../gen/vedette/v1/model_pb.ts";
import {
  type CallerSummarySchema,
  type NodeSchema,
  type RouteSummarySchema,
  type RuleMatchSchema,
  type RuleSchema,
  VmStatus_State,
  type VmStatusSchema,
  Confidence as WireConfidence,
  type Rule as WireRule,
  type WorkloadCountsSchema,
  type WorkloadSchema,
} from "../gen/vedette/v1/operator_pb.ts";
import type { Confidence, RuleDraft, Workload } from "../seams.ts";
import type { Node, Vm, VmTotals } from "./nodes.ts";
import { fromTimestamp, parseWorkloadName, ruleName, toTimestamp, toWireMode, workloadName } from "./wire.ts";

/** Routes and callers shown of one workload in a list, most requests first; a single workload shows all it has. */
export const SUMMARIES_IN_LIST = 32;

const CONFIDENCES: Readonly<Record<Confidence, WireConfidence>> = {
  learning: WireConfidence.LEARNING,
  calibrating: WireConfidence.CALIBRATING,
  "insufficient-callers": WireConfidence.INSUFFICIENT_CALLERS,
  confident: WireConfidence.CONFIDENT,
};
const STATES: Readonly<Record<Vm["state"], VmStatus_State>> = {
  unspecified: VmStatus_State.UNSPECIFIED,
  pending: VmStatus_State.PENDING,
  acked: VmStatus_State.ACKED,
  nacked: VmStatus_State.NACKED,
};

export interface WorkloadContext {
  snapshot: Snapshot | undefined;
  /** Names of the nodes with a live stream. */
  nodes: string[];
  /** Most routes and callers shown. */
  summariesMax: number;
}

export function toWorkload(workload: Workload, context: WorkloadContext): MessageInitShape<typeof WorkloadSchema> {
  const { snapshot, nodes, summariesMax } = context;
  return {
    name: workloadName(workload.target),
    mode: toWireMode(workload.mode),
    confidence: CONFIDENCES[workload.confidence],
    confidenceDetail: workload.confidenceDetail,
    digest: snapshot?.digest ?? "",
    epoch: BigInt(snapshot?.epoch ?? 0),
    version: BigInt(snapshot?.version ?? 0),
    nodes,
    counts: toCounts(workload),
    etag: workload.etag,
    alertThreshold: workload.alertThreshold,
    denyThreshold: workload.denyThreshold,
    routes: most(Object.entries(workload.statistics.routes), summariesMax).map(([key, route]) => toRoute(key, route)),
    callers: toCallers(workload, summariesMax),
    ...timestamp("modeSetAt", workload.modeSetAtMs),
  };
}

function toCounts(workload: Workload): MessageInitShape<typeof WorkloadCountsSchema> {
  const { counts, windows } = workload;
  const skipped = Object.values(counts.skipped).reduce((sum, n) => sum + n, 0);
  return {
    seen: BigInt(counts.seen),
    scored: BigInt(counts.scored),
    learnt: BigInt(counts.learnt),
    skipped: BigInt(skipped),
    allowed: BigInt(counts.allowed),
    deniedByRule: BigInt(counts.deniedByRule),
    deniedByModel: BigInt(counts.deniedByModel),
    shadowDenied: BigInt(counts.shadowDenied),
    alerted: BigInt(counts.alerted),
    retries: BigInt(counts.retries),
    responses: counts.responses.map(BigInt),
    answeredBefore: BigInt(counts.answeredBefore),
    windowsMerged: BigInt(windows.merged),
    windowsDuplicate: BigInt(windows.duplicate),
    windowsExpired: BigInt(windows.expired),
    windowsDropped: BigInt(windows.dropped),
  };
}

function toRoute(
  key: string,
  route: { name: string; n: number; failures: number },
): MessageInitShape<typeof RouteSummarySchema> {
  return { name: nameOrKey(route.name, key), requests: BigInt(route.n), failures: BigInt(route.failures) };
}

function toCallers(workload: Workload, max: number): MessageInitShape<typeof CallerSummarySchema>[] {
  return most(Object.entries(workload.statistics.callers), max).map(([key, caller]) => ({
    name: nameOrKey(caller.name, key),
    callerClass: caller.class,
    requests: BigInt(caller.n),
    group: caller.group,
  }));
}

/** A name that is held back is shown as `#` and its key. */
export function nameOrKey(name: string, key: string): string {
  return name === "" ? `#${key}` : name;
}

function most<T extends { n: number }>(entries: [string, T][], max: number): [string, T][] {
  return entries.sort(([a, x], [b, y]) => y.n - x.n || (a < b ? -1 : 1)).slice(0, max);
}

/** `mode` is that of the rule's workload. */
export function toRule(rule: Rule, mode: Mode | undefined): MessageInitShape<typeof RuleSchema> {
  return {
    name: ruleName(rule.id),
    action: rule.action === "allow" ? RuleAction.ALLOW : RuleAction.DENY,
    workload: workloadName(rule.target),
    match: toMatch(rule.match),
    owner: rule.owner,
    reason: rule.reason,
    acting: mode === "enforce",
    ...timestamp("expiresAt", rule.expiresAtMs),
    ...timestamp("createdAt", rule.createdAtMs),
  };
}

function toMatch(match: RuleMatch): MessageInitShape<typeof RuleMatchSchema> {
  const { caller, callerGroup, method, route, scoreMin } = match;
  return { caller, method, route, scoreMin, ...(callerGroup === null ? {} : { callerGroup }) };
}

/** `rule` has passed validation; output fields in it are ignored. */
export function toDraft(rule: WireRule): RuleDraft {
  const { match, expiresAt } = rule;
  if (match === undefined) throw invalid("rule.match", "rule.match: missing");
  if (expiresAt === undefined) throw invalid("rule.expires_at", "rule.expires_at: missing");
  return {
    action: rule.action === RuleAction.ALLOW ? "allow" : "deny",
    target: parseWorkloadName("rule.workload", rule.workload),
    match: {
      caller: match.caller,
      callerGroup: match.callerGroup ?? null,
      method: match.method,
      route: match.route,
      scoreMin: match.scoreMin,
    },
    expiresAtMs: fromTimestamp("rule.expires_at", expiresAt),
    owner: rule.owner,
    reason: rule.reason,
  };
}

export function toNode(node: Node): MessageInitShape<typeof NodeSchema> {
  const vms = [...node.vms.values()];
  const sum = (name: keyof VmTotals): bigint => BigInt(vms.reduce((total, vm) => total + vm.totals[name], 0));
  return {
    name: `nodes/${node.name}`,
    identity: node.identity,
    workloads: node.targets.map(workloadName),
    connected: node.processes.size > 0,
    filterVersion: node.filterVersion,
    vms: vms.map(toVm),
    seen: sum("seen"),
    scored: sum("scored"),
    skipped: sum("skipped"),
    denied: sum("denied"),
    shadowDenied: sum("shadowDenied"),
    windowsDropped: sum("windowsDropped"),
    streamsOpened: sum("streamsOpened"),
    configError: vms.find((vm) => vm.configError !== "")?.configError ?? node.configError,
    ...timestamp("lastSeen", node.lastSeenMs),
  };
}

function toVm(vm: Vm): MessageInitShape<typeof VmStatusSchema> {
  return {
    vmBootId: vm.bootId,
    epoch: BigInt(vm.epoch),
    version: BigInt(vm.version),
    state: STATES[vm.state],
    nackReason: vm.nackReason,
    ...(vm.mode === undefined ? {} : { mode: toWireMode(vm.mode) }),
    ...timestamp("lastSeen", vm.lastSeenMs),
  };
}

/** Under the name of the field; nothing for a time that never was. */
export function timestamp<K extends string>(
  field: K,
  ms: number,
): { [F in K]?: NonNullable<ReturnType<typeof toTimestamp>> } {
  const time = toTimestamp(ms);
  return (time === undefined ? {} : { [field]: time }) as { [F in K]?: typeof time & {} };
}

/** The order in which workloads are listed. */
export function byTarget(a: { target: Target }, b: { target: Target }): number {
  return a.target < b.target ? -1 : a.target > b.target ? 1 : 0;
}
