// Section 7 of the law: which rule matches, and what becomes of a request.

import { NO_SCORE } from "../../filter/core/limits.ts";

export interface Rule {
  id: bigint;
  action: "allow" | "deny";
  /** Empty, 0: not set. */
  caller: string;
  callerGroupPlusOne: number;
  method: string;
  route: string;
  scoreMin: number;
  expiresAtMs: bigint;
}

/** What rules look at. */
export interface Request {
  /** Empty where the caller is not known. */
  caller: string;
  callerGroup: number;
  method: string;
  route: string;
  /** NO_SCORE where there is none. */
  score: number;
}

export function matches(rule: Rule, request: Request, nowMs: bigint): boolean {
  if (nowMs >= rule.expiresAtMs) return false;
  if (rule.caller !== "" && rule.caller !== request.caller) return false;
  if (rule.callerGroupPlusOne !== 0 && rule.callerGroupPlusOne - 1 !== request.callerGroup) return false;
  if (rule.method !== "" && rule.method !== request.method) return false;
  if (rule.route !== "" && rule.route !== request.route) return false;
  return rule.scoreMin === 0 || (request.score !== NO_SCORE && request.score >= rule.scoreMin);
}

/** The rule that decides: the first allow by id, else the first deny; rules come in ascending order of ids. */
export function decidingRule(rules: readonly Rule[], request: Request, nowMs: bigint): Rule | undefined {
  const matching = rules.filter((rule) => matches(rule, request, nowMs));
  return matching.find((rule) => rule.action === "allow") ?? matching[0];
}

/** A threshold of 0 is not calibrated; no score meets nothing. */
export function meets(score: number, threshold: number): boolean {
  return threshold !== 0 && score !== NO_SCORE && score >= threshold;
}

export type Mode = "off" | "learn" | "shadow" | "enforce";
export type Verdict = "allow" | "deny" | "shadow_deny";

/** `agrees`: a second head does (contexts.ts); without it the model does not deny. */
export function verdictOf(
  mode: Mode,
  rule: Rule | undefined,
  score: number,
  denyThreshold: number,
  agrees: boolean,
): Verdict {
  if (mode === "off" || rule?.action === "allow") return "allow";
  const byModel = rule === undefined && mode !== "learn" && meets(score, denyThreshold) && agrees;
  if (rule === undefined && !byModel) return "allow";
  return mode === "enforce" ? "deny" : "shadow_deny";
}

/** Passed, where the mode judges by the model, with a score at or above the alert threshold. */
export function isAlerted(mode: Mode, verdict: Verdict, score: number, alertThreshold: number): boolean {
  const judges = mode === "shadow" || mode === "enforce";
  return judges && verdict !== "deny" && meets(score, alertThreshold);
}
