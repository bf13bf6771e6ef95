// What a rule may say, by the bounds of the filter: refused at its creation, so that no rule on disk can be refused
// later.

import type { Limits } from "../core.ts";
import { invalid } from "../errors.ts";
import type { RuleDraft } from "../seams.ts";

const OWNER_BYTES_MAX = 128;
const REASON_BYTES_MAX = 512;
/** 9999-12-31, the last day that a timestamp of the contract has. */
const EXPIRY_MS_MAX = 253_402_300_799_000;

/** Throws INVALID_ARGUMENT naming field, value and bound. */
export function checkDraft(draft: RuleDraft, limits: Limits, nowMs: number): void {
  const { match, expiresAtMs, owner, reason } = draft;
  if (!Number.isSafeInteger(expiresAtMs) || expiresAtMs <= nowMs || expiresAtMs > EXPIRY_MS_MAX) {
    throw invalid("rule.expires_at", `rule.expires_at: ${expiresAtMs} ms, must be after now, ${nowMs}`);
  }
  checkText("rule.owner", owner, 1, OWNER_BYTES_MAX);
  checkText("rule.reason", reason, 1, REASON_BYTES_MAX);
  checkText("rule.match.caller", match.caller, 0, limits.CALLER_MAX);
  checkText("rule.match.route", match.route, 0, limits.ROUTE_MAX);
  checkText("rule.match.method", match.method, 0, limits.METHOD_MAX);
  checkInteger("rule.match.caller_group", match.callerGroup ?? 0, limits.CALLER_GROUPS - 1);
  checkInteger("rule.match.score_min", match.scoreMin, limits.SCORE_MAX);
  const { caller, callerGroup, method, route, scoreMin } = match;
  if (caller === "" && callerGroup === null && method === "" && route === "" && scoreMin === 0) {
    throw invalid("rule.match", "rule.match: empty, must set one field at least");
  }
}

function checkText(field: string, text: string, least: number, most: number): void {
  const size = Buffer.byteLength(text);
  if (size < least || size > most) throw invalid(field, `${field}: ${size} bytes, must be ${least} to ${most}`);
}

function checkInteger(field: string, value: number, most: number): void {
  if (!Number.isInteger(value) || value < 0 || value > most)
    throw invalid(field, `${field}: ${value}, must be 0 to ${most}`);
}
