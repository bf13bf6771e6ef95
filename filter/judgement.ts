// Judges one request: features, segments, scores of the three heads, rules, mode. Works on static memory; the results
// stay until the next request. Why something is not plainly allowed is the matter of reason.ts.

import { callerGroupOf, callerKey, callerNameKey } from "./caller";
import { attackAt, attackExcess, structureAt, structureExcess, structureFeature, wholeScore } from "./core/context";
import { distanceOf } from "./core/distance";
import { extract, HAS_SECOND } from "./core/extract";
import { keyOf } from "./core/hash";
import { HELD_EXCESS, NO_SCORE } from "./core/limits";
import { modelAlert, modelContextCount, modelDeny } from "./core/model";
import { ruleAction, ruleId, rulesCount } from "./core/rule";
import { rulesMatch } from "./core/rule-match";
import { MODE_ENFORCE, MODE_SHADOW, settingsOversizeDeny } from "./core/settings";
import { headsAgree, judge, VERDICT_ALLOW, VERDICT_DENY, VERDICT_SHADOW_DENY, verdictOf } from "./core/verdict";
import { tickNs } from "./host/clock";
import { method, methodLength, path, pathLength } from "./host/headers";
import { takeSegments } from "./segments";
import { candidateModel, currentModel, key0, key1, keyed, mode, serving } from "./snapshot";

/** ReasonKind that the law does not know: headers beyond their bound. */
export const REASON_OVERSIZE: i32 = 3;

/** Of the model that judges: all three heads; NO_SCORE without a model or measurement. */
export let requestScore: u32 = NO_SCORE;
/** Under the candidate, as its histogram has it: NO_SCORE also for what it would hold back. */
export let candidateScore: u32 = NO_SCORE;
/** The model that judges finds too much of an attack in it to learn from it. */
export let heldBack: bool = false;
/** Flags of core/extract.ts. */
export let extraction: i32 = 0;
/** The rule that decided, or 0. */
export let ruleIdFound: u64 = 0;

/** What the model scored with last found: the higher squared distance of the two measurements, E and X of law 11. */
export let distance: u32 = 0;
export let excessOfAttack: i32 = 0;
export let excessOfStructure: i32 = 0;
/** Numbers of the segments that these are of (-1: of the route), and the feature that the latter is told by. */
export let attackSegment: i32 = 0;
export let structureSegment: i32 = 0;
export let structureSign: i32 = 0;
/** Score under one model, with all that it is made of. */
function scoreUnder(body: usize): u32 {
  distance = distanceOf(body, extraction);
  excessOfAttack = attackExcess(body);
  attackSegment = attackAt();
  excessOfStructure = structureExcess(body);
  structureSegment = structureAt();
  structureSign = structureFeature();
  return wholeScore(distance, excessOfAttack, excessOfStructure);
}

/** Whether the model scored with last holds the request back (law 11). */
function holdsBack(body: usize): bool {
  return excessOfAttack >= HELD_EXCESS && modelContextCount(body) > 0;
}

/** No measurement: a request without a content score. */
export function leaveUnmeasured(): void {
  requestScore = NO_SCORE;
  candidateScore = NO_SCORE;
  heldBack = false;
  extraction = 0;
  distance = 0;
  excessOfAttack = excessOfStructure = 0;
}

/**
 * Measures target, headers and route and scores them under both models, where they are there; the one that judges
 * last.
 */
export function measureRequest(routeKey: u64): void {
  leaveUnmeasured();
  extraction = extract(path, pathLength);
  if (!keyed) return;
  takeSegments((extraction & HAS_SECOND) != 0, routeKey);
  const candidate = candidateModel();
  if (candidate != 0) {
    const score = scoreUnder(candidate);
    if (!holdsBack(candidate)) candidateScore = score;
  }
  const current = currentModel();
  if (current == 0) return;
  requestScore = scoreUnder(current);
  heldBack = holdsBack(current);
}

/**
 * Judges by rules and score; the caller must have been read if a rule needs it. See core/verdict.ts for what comes
 * back.
 */
export function judgeRequest(routeKey: u64): i32 {
  let action = 0;
  ruleIdFound = 0;
  if (keyed && rulesCount(serving.rules) > 0) {
    const methodKey = keyOf(method, methodLength, key0, key1);
    const group = callerGroupOf(callerKey);
    const rule = rulesMatch(serving.rules, callerNameKey(), group, methodKey, routeKey, requestScore, tickNs);
    if (rule != 0) {
      action = ruleAction(rule);
      ruleIdFound = ruleId(rule);
    }
  }
  const body = currentModel();
  const alert = body == 0 ? 0 : modelAlert(body);
  const deny = body == 0 ? 0 : modelDeny(body);
  return judge(
    mode(),
    action,
    requestScore,
    alert,
    deny,
    body != 0 && headsAgree(distance, excessOfAttack, excessOfStructure, deny),
  );
}

/** What becomes of a judgement for a request beyond the header bound: a rule wins, else the operator's choice. */
export function judgeOversize(judgement: i32): i32 {
  if (verdictOf(judgement) != VERDICT_ALLOW || ruleIdFound != 0) return judgement;
  if (!keyed || !settingsOversizeDeny(serving.settings)) return judgement;
  if (mode() == MODE_ENFORCE) return VERDICT_DENY | (REASON_OVERSIZE << 4);
  return mode() == MODE_SHADOW ? VERDICT_SHADOW_DENY | (REASON_OVERSIZE << 4) : judgement;
}
