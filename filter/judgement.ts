// Judges one request: features, scores, rules, mode; and, for what is not plainly allowed, why. Works on static
// memory; the results stay until the next request.

import { callerGroupOf, callerKey, callerNameKey } from "./caller";
import { BINS, extract, HAS_SECOND, SECOND_BINS } from "./core/extract";
import { keyOf } from "./core/hash";
import { NO_SCORE } from "./core/limits";
import { locate } from "./core/locate";
import { modelAlert, modelDeny, modelMean } from "./core/model";
import { ruleAction, ruleId, rulesCount } from "./core/rule";
import { rulesMatch } from "./core/rule-match";
import { score, topFeature, topPercent } from "./core/score";
import { MODE_ENFORCE, MODE_SHADOW, settingsOversizeDeny } from "./core/settings";
import { judge, VERDICT_ALLOW, VERDICT_DENY, VERDICT_SHADOW_DENY, verdictOf } from "./core/verdict";
import { tickNs } from "./host/clock";
import { method, methodLength, path, pathLength } from "./host/headers";
import { candidateModel, currentModel, key0, key1, keyed, mode, serving } from "./snapshot";

/** ReasonKind that the law does not know: headers beyond their bound. */
export const REASON_OVERSIZE: i32 = 3;

/** Of the model that judges: the higher of the two measurements; NO_SCORE without one. */
export let requestScore: u32 = NO_SCORE;
export let candidateScore: u32 = NO_SCORE;
/** Flags of core/extract.ts. */
export let extraction: i32 = 0;
/** The rule that decided, or 0. */
export let ruleIdFound: u64 = 0;

/** The second measurement gave the score. */
let second: bool = false;

/** Score under one model of the measurements taken; `second` says which of two counted. */
function scoreUnder(body: usize): u32 {
  second = false;
  const first = score(body, BINS);
  if ((extraction & HAS_SECOND) == 0) return first;
  const again = score(body, SECOND_BINS);
  second = again > first;
  return second ? again : first;
}

/** No measurement: a request without a content score. */
export function leaveUnmeasured(): void {
  requestScore = NO_SCORE;
  candidateScore = NO_SCORE;
  extraction = 0;
}

/** Measures the target and scores it under both models, where they are there. */
export function measureRequest(): void {
  leaveUnmeasured();
  extraction = extract(path, pathLength);
  const candidate = candidateModel();
  if (candidate != 0) candidateScore = scoreUnder(candidate);
  const current = currentModel();
  if (current != 0) requestScore = scoreUnder(current);
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
  return judge(mode(), action, requestScore, body == 0 ? 0 : modelAlert(body), body == 0 ? 0 : modelDeny(body));
}

/** What becomes of a judgement for a request beyond the header bound: a rule wins, else the operator's choice. */
export function judgeOversize(judgement: i32): i32 {
  if (verdictOf(judgement) != VERDICT_ALLOW || ruleIdFound != 0) return judgement;
  if (!keyed || !settingsOversizeDeny(serving.settings)) return judgement;
  if (mode() == MODE_ENFORCE) return VERDICT_DENY | (REASON_OVERSIZE << 4);
  return mode() == MODE_SHADOW ? VERDICT_SHADOW_DENY | (REASON_OVERSIZE << 4) : judgement;
}

/** The feature that contributed most to the score, with its share, bin and mean in 1/64 bin. */
export let reasonFeature: i32 = 0;
export let reasonPercent: u32 = 0;
export let reasonBin: u32 = 0;
export let reasonMean: i32 = 0;

/** The bins that gave the score. */
export function scoredBins(): usize {
  return second ? SECOND_BINS : BINS;
}

/** Explains the score under the model that judges: the feature above, and its place by core/locate.ts. */
export function explainScore(): void {
  const body = currentModel();
  if (body == 0) return;
  scoreUnder(body);
  const bins = scoredBins();
  score(body, bins);
  reasonFeature = topFeature(body);
  reasonPercent = topPercent();
  reasonBin = load<u8>(bins + reasonFeature);
  reasonMean = load<i16>(modelMean(body) + ((<usize>reasonFeature) << 1));
  locate(path, pathLength, reasonFeature, second);
}
