// From mode, rule and score to what is done with a request (law 7). Pure: everything it looks at is an argument.

import { NO_SCORE } from "./limits";
import { RULE_ALLOW } from "./rule";
import { MODE_ENFORCE, MODE_LEARN, MODE_OFF } from "./settings";

/** Verdicts, numbered as in the contract. */
export const VERDICT_ALLOW: i32 = 1;
export const VERDICT_DENY: i32 = 2;
export const VERDICT_SHADOW_DENY: i32 = 3;

/** What a judgement stands on, numbered as ReasonKind of the contract; 0 for a plain allow. */
export const REASON_NONE: i32 = 0;
export const REASON_RULE: i32 = 1;
export const REASON_MODEL: i32 = 2;

/** True if the score meets a calibrated threshold. */
export function meets(score: u32, threshold: u32): bool {
  return threshold != 0 && score != NO_SCORE && score >= threshold;
}

/**
 * True if a second head says the same (law 7): the attack head, or structure beside a distance of half the threshold.
 * `e` and `x` are the excesses of law 11.
 */
export function headsAgree(distance: u32, e: i32, x: i32, deny: u32): bool {
  return e > 0 || (x > 0 && distance >= deny - (deny >> 1));
}

/**
 * Judges a request. `ruleAction` is that of the rule found by rulesMatch, 0 for none; `agrees` says that a second head
 * agrees (law 7), without which the model does not deny. Returns verdict | reason << 4 | alerted << 8: take it apart
 * with the three functions below.
 */
export function judge(mode: i32, ruleAction: i32, score: u32, alert: u32, deny: u32, agrees: bool): i32 {
  if (mode <= MODE_OFF) return VERDICT_ALLOW;
  const judges = mode != MODE_LEARN;
  const alerted = judges && meets(score, alert) ? 1 << 8 : 0;
  const denied = mode == MODE_ENFORCE ? VERDICT_DENY : VERDICT_SHADOW_DENY;
  if (ruleAction == RULE_ALLOW) return VERDICT_ALLOW | (REASON_RULE << 4) | alerted;
  let judgement = VERDICT_ALLOW;
  if (ruleAction != 0) judgement = denied | (REASON_RULE << 4);
  else if (judges && agrees && meets(score, deny)) judgement = denied | (REASON_MODEL << 4);
  // Alerted means told and passed: a denied request is told anyway.
  return (judgement & 15) == VERDICT_DENY ? judgement : judgement | alerted;
}

/** VERDICT_ALLOW, VERDICT_DENY or VERDICT_SHADOW_DENY. */
export function verdictOf(judgement: i32): i32 {
  return judgement & 15;
}

/** REASON_NONE, REASON_RULE or REASON_MODEL. */
export function reasonOf(judgement: i32): i32 {
  return (judgement >> 4) & 15;
}

/** True if the request passed with a score at or above the alert threshold. */
export function alertedOf(judgement: i32): bool {
  return judgement >> 8 != 0;
}
