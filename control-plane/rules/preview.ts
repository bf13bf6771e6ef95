// What a rule would have matched in the statistics kept: answered from the edges (caller to route), since no request is
// kept. What the edges cannot say is said as a limitation.

import type { CallerCount, EdgeCount, RuleMatch, Statistics } from "../domain.ts";
import type { RulePreview, Workload } from "../seams.ts";

const CALLERS_MAX = 20;

export function previewRule(
  match: RuleMatch,
  { statistics, counts }: Pick<Workload, "statistics" | "counts">,
): RulePreview {
  const byCaller = new Map<string, number>();
  let inEdges = 0;
  let matched = 0;
  for (const [key, edge] of Object.entries(statistics.edges)) {
    const [callerKey = "", routeKey = ""] = key.split("/");
    inEdges += edge.n;
    const caller = statistics.callers[callerKey];
    const route = statistics.routes[routeKey]?.name ?? "";
    if (!matchesEdge(match, callerKey, caller, route)) continue;
    matched += edge.n;
    byCaller.set(callerKey, (byCaller.get(callerKey) ?? 0) + edge.n);
  }
  const callers = [...byCaller].map(([key, count]) => ({ key, matched: count }));
  callers.sort((a, b) => b.matched - a.matched || (a.key < b.key ? -1 : 1));
  return {
    requests: counts.seen,
    matched,
    callers: callers.slice(0, CALLERS_MAX),
    limitation: limitation(match, statistics, counts.seen - inEdges),
  };
}

function matchesEdge(match: RuleMatch, callerKey: string, caller: CallerCount | undefined, route: string): boolean {
  if (match.caller !== "" && caller?.name !== match.caller) return false;
  if (match.callerGroup !== null && Number.parseInt(callerKey.slice(-1), 16) % 8 !== match.callerGroup) return false;
  if (match.method !== "" && !route.startsWith(`${match.method} `)) return false;
  return match.route === "" || route === match.route;
}

function limitation(match: RuleMatch, statistics: Statistics, outside: number): string {
  const said: string[] = [];
  if (match.scoreMin > 0)
    said.push("scores are not kept by caller and route, so score_min is left out: at most so many");
  if (match.method !== "" || match.route !== "") {
    const unnamed = requestsOf(
      statistics.edges,
      (key) => (statistics.routes[key.split("/")[1] ?? ""]?.name ?? "") === "",
    );
    if (unnamed > 0) said.push(`${unnamed} requests are of routes whose name is held back, and match no route here`);
  }
  if (outside > 0)
    said.push(`${outside} requests are in no caller-to-route count: too few yet, not measured, or without room`);
  return said.join("; ");
}

function requestsOf(edges: Record<string, EdgeCount>, chosen: (key: string) => boolean): number {
  return Object.entries(edges).reduce((sum, [key, edge]) => (chosen(key) ? sum + edge.n : sum), 0);
}
