// Which rule decides about a request (law 7). One look into the index for each combination of fields that rules of the
// set have, at most 16, whatever the number of rules.

import { NO_SCORE } from "./limits";
import { FIELD_CALLER, FIELD_GROUP, FIELD_METHOD, FIELD_ROUTE, recordAt, ruleAction, rulesCombinations } from "./rule";
import { fieldsKey, firstOf, passed, resetPassed, rulesIndex } from "./rule-index";

/** Expired rules in the way of one request; more, and the index is made anew without them. */
const PASSED_MAX: i32 = 16;

/**
 * The rule that decides (law 7), or 0: the first allow rule by id that matches, else the first deny rule. `callerKey`
 * is keyOf of the caller's name alone, `callerGroup` that of its caller string (-1 for unknown), `methodKey` and
 * `routeKey` keyOf of method and route; 0 for what is unknown, which matches no rule that sets it. `now` is monotonic
 * ns: it must not go back from one call to the next.
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
  // Without a score only what asks for none matches, as with the lowest.
  const reached = score == NO_SCORE ? 0 : score;
  let found: usize = 0;
  let foundRank = u32.MAX_VALUE;
  resetPassed();
  for (let rest = rulesCombinations(set); rest != 0; rest &= rest - 1) {
    const fields = <i32>ctz(rest);
    // A field that is not known is 0: what is found are rules without it, which match as well.
    const key = fieldsKey(
      (fields & FIELD_CALLER) != 0 ? callerKey : 0,
      (fields & FIELD_GROUP) != 0 ? callerGroup + 1 : 0,
      (fields & FIELD_METHOD) != 0 ? methodKey : 0,
      (fields & FIELD_ROUTE) != 0 ? routeKey : 0,
    );
    const number = firstOf(set, key, reached, now);
    if (number == 0) continue;
    const rule = recordAt(set, number);
    const rank = ((<u32>ruleAction(rule)) << 16) | number;
    if (rank >= foundRank) continue;
    found = rule;
    foundRank = rank;
  }
  if (passed > PASSED_MAX) rulesIndex(set, now);
  return found;
}
