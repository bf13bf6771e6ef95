// Which rule decides about a request (law 7). Looks at the rules for any caller one by one, and at those for the
// caller by search; the work is bounded by RULES_MAX.

import { NO_SCORE } from "./limits";
import {
  indexedRule,
  RULE_ALLOW,
  ruleAction,
  ruleCaller,
  ruleDeadline,
  ruleGroup,
  ruleId,
  ruleMethod,
  ruleRoute,
  ruleScoreMin,
  rulesCount,
  rulesForAny,
} from "./rule";

let found: usize = 0;

/**
 * Looks at index places [from, to): all for one caller or for any, ascending by id. Keeps the better of what it finds
 * and `found`.
 */
function search(
  set: usize,
  from: i32,
  to: i32,
  caller: u64,
  group: i32,
  method: u64,
  route: u64,
  score: u32,
  now: u64,
): void {
  for (let i = from; i < to; i++) {
    const rule = indexedRule(set, i);
    if (ruleCaller(rule) != caller) return;
    const allows = ruleAction(rule) == RULE_ALLOW;
    if (found != 0 && !better(rule, allows)) continue;
    if (!matches(rule, group, method, route, score, now)) continue;
    found = rule;
    // Nothing behind it in this range can win over an allow rule.
    if (allows) return;
  }
}

/** True if this rule, should it match, wins over `found`: allow before deny, then the lower id. */
function better(rule: usize, allows: bool): bool {
  const foundAllows = ruleAction(found) == RULE_ALLOW;
  return allows != foundAllows ? allows : ruleId(rule) < ruleId(found);
}

function matches(rule: usize, group: i32, method: u64, route: u64, score: u32, now: u64): bool {
  if (ruleRoute(rule) != 0 && ruleRoute(rule) != route) return false;
  if (ruleMethod(rule) != 0 && ruleMethod(rule) != method) return false;
  if (ruleGroup(rule) != 0 && ruleGroup(rule) != group + 1) return false;
  const least = ruleScoreMin(rule);
  if (least != 0 && (score == NO_SCORE || score < least)) return false;
  return now < ruleDeadline(rule);
}

/** First place of the index, from `from` on, whose caller key is not below `caller`. */
function lowerBound(set: usize, from: i32, to: i32, caller: u64): i32 {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ruleCaller(indexedRule(set, middle)) < caller) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The rule that decides (law 7), or 0: the first allow rule by id that matches, else the first deny rule. `callerKey`
 * is keyOf of the caller's name alone, `callerGroup` that of its caller string (-1 for unknown), `methodKey` and
 * `routeKey` keyOf of method and route; 0 for what is unknown, which matches no rule that sets it. `now` is monotonic
 * ns.
 */
export function rulesMatch(
  set: usize,
  callerKey: u64,
  callerGroup: i32,
  methodKey: u64,
  routeKey: u64,
  score: u32,
  now: u64,
): usize {
  found = 0;
  const count = rulesCount(set);
  const anyCaller = rulesForAny(set);
  search(set, 0, anyCaller, 0, callerGroup, methodKey, routeKey, score, now);
  if (callerKey != 0 && anyCaller < count) {
    const first = lowerBound(set, anyCaller, count, callerKey);
    search(set, first, count, callerKey, callerGroup, methodKey, routeKey, score, now);
  }
  return found;
}
