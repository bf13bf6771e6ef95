// The operator service: workloads, rules, nodes, denials (governance.ts: bans, the audit trail). Every change is logged
// and entered in the audit trail with who made it. Requests arrive let in by the gate and validated by the rules of
// proto/; what those cannot say (times, names of resources) is checked here.

import type { Author, Target } from "../domain.ts";
import { ControlPlaneError, invalid } from "../errors.ts";
import type { OperatorService } from "../gen/vedette/v1/operator_pb.ts";
import type { Log } from "../log.ts";
import type { Rules, Snapshots, Workload, Workloads } from "../seams.ts";
import type { Caller } from "./call.ts";
import type { Denials } from "./denials.ts";
import { type GovernanceLinks, governanceHandlers } from "./governance.ts";
import type { Nodes } from "./nodes.ts";
import { paginate } from "./pages.ts";
import { printable } from "./reason.ts";
import { byTarget, nameOrKey, SUMMARIES_IN_LIST, toDraft, toNode, toRule, toWorkload } from "./resources.ts";
import type { Handlers } from "./service.ts";
import type { Watches } from "./watches.ts";
import { fromWireMode, parseRuleName, parseWorkloadName } from "./wire.ts";

export interface OperatorLinks extends GovernanceLinks {
  workloads: Workloads;
  rules: Rules;
  snapshots: Snapshots;
  nodes: Nodes;
  denials: Denials;
  watches: Watches;
  log: Log;
}

export function operatorHandlers(links: OperatorLinks): Handlers<typeof OperatorService> {
  const { nodes, denials, watches } = links;
  return {
    ...workloadHandlers(links),
    ...ruleHandlers(links),
    ...governanceHandlers(links),
    listNodes(request) {
      const page = paginate("nodes", nodes.list(), (node) => node.name, request);
      return { nodes: page.items.map(toNode), nextPageToken: page.nextPageToken };
    },
    watchDenials(request, stream) {
      denials.watch(stream, filterOf(request.workload));
      watches.add(stream);
    },
  };
}

type Part<K extends keyof Handlers<typeof OperatorService>> = Pick<Handlers<typeof OperatorService>, K>;

function workloadHandlers(links: OperatorLinks): Part<"listWorkloads" | "getWorkload" | "setWorkloadMode"> {
  const { workloads, snapshots, nodes, log } = links;
  const show = (workload: Workload, summariesMax: number) => {
    const { target } = workload;
    return toWorkload(workload, {
      snapshot: snapshots.current(target),
      nodes: nodes.connectedTo(target),
      summariesMax,
    });
  };
  return {
    listWorkloads(request) {
      const all = [...workloads.list()].sort(byTarget);
      const page = paginate("workloads", all, (workload) => workload.target, request);
      return {
        workloads: page.items.map((workload) => show(workload, SUMMARIES_IN_LIST)),
        nextPageToken: page.nextPageToken,
      };
    },
    getWorkload(request) {
      const target = parseWorkloadName("name", request.name);
      const workload = workloads.get(target);
      if (workload === undefined) throw notFound("name", request.name);
      return { workload: show(workload, Number.POSITIVE_INFINITY) };
    },
    async setWorkloadMode(request, caller) {
      const target = parseWorkloadName("name", request.name);
      const mode = fromWireMode(request.mode);
      if (mode === undefined) throw invalid("mode", `mode: ${request.mode}, must be one of 1 to 4`);
      const workload = await workloads.setMode(target, mode, request.etag, authorOf(caller, "SetWorkloadMode"));
      log.info("mode set", { target, mode, operator: operatorOf(caller) });
      return { workload: show(workload, Number.POSITIVE_INFINITY) };
    },
  };
}

function ruleHandlers(
  links: OperatorLinks,
): Part<"createRule" | "getRule" | "listRules" | "deleteRule" | "previewRule"> {
  const { rules, workloads, log } = links;
  const modeOf = (target: Target) => workloads.get(target)?.mode;
  const find = (name: string) => {
    const id = parseRuleName(name);
    const rule = id === undefined ? undefined : rules.get(id);
    if (rule === undefined) throw notFound("name", name);
    return rule;
  };
  return {
    async createRule(request, caller) {
      if (request.rule === undefined) throw invalid("rule", "rule: missing");
      const rule = await rules.create(toDraft(request.rule), authorOf(caller, "CreateRule"));
      log.info("rule created", { rule: rule.id, target: rule.target, operator: operatorOf(caller) });
      return { rule: toRule(rule, modeOf(rule.target)) };
    },
    getRule(request) {
      const rule = find(request.name);
      return { rule: toRule(rule, modeOf(rule.target)) };
    },
    listRules(request) {
      const target = filterOf(request.workload);
      const page = paginate(`rules ${target ?? ""}`, rules.list(target), (rule) => rule.id, request);
      return {
        rules: page.items.map((rule) => toRule(rule, modeOf(rule.target))),
        nextPageToken: page.nextPageToken,
      };
    },
    async deleteRule(request, caller) {
      const { id, target } = find(request.name);
      await rules.delete(id, authorOf(caller, "DeleteRule"));
      log.info("rule deleted", { rule: id, target, operator: operatorOf(caller) });
      return {};
    },
    previewRule(request) {
      if (request.rule === undefined) throw invalid("rule", "rule: missing");
      const draft = toDraft(request.rule);
      const preview = rules.preview(draft);
      const known = workloads.get(draft.target)?.statistics.callers ?? {};
      return {
        requests: BigInt(preview.requests),
        matched: BigInt(preview.matched),
        callers: preview.callers.map(({ key, matched }) => ({
          name: nameOrKey(known[key]?.name ?? "", key),
          callerClass: known[key]?.class ?? "",
          group: known[key]?.group ?? 0,
          requests: BigInt(matched),
        })),
        limitation: preview.limitation,
      };
    },
  };
}

function authorOf({ principal }: Caller, method: string): Author {
  return { identity: principal.identity, method };
}

/** For the log. */
function operatorOf({ principal }: Caller): string {
  return printable(principal.identity, true);
}

function filterOf(workload: string): Target | undefined {
  return workload === "" ? undefined : parseWorkloadName("workload", workload);
}

function notFound(field: string, name: string): ControlPlaneError {
  return new ControlPlaneError("NOT_FOUND", `${field}: ${name}, there is none`, { field });
}
