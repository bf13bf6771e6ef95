// What is counted when a request ends. Requests that we denied are counted as denied and in their edge, and nowhere
// else; those that would have been denied, those held back, and retries are neither learnt from nor calibrated on,
// so that an attack that passes cannot raise the threshold above itself.

import { callerGroupOf } from "./caller";
import { callerKeyHeld, countCaller } from "./callers";
import { config, DIRECTION_SERVER } from "./config";
import { NO_SCORE } from "./core/limits";
import { alertedOf, REASON_MODEL, reasonOf, VERDICT_DENY, VERDICT_SHADOW_DENY, verdictOf } from "./core/verdict";
import {
  BOUND_EDGES,
  BOUND_REASONS,
  BOUND_UNKEYED,
  countBound,
  countResponse,
  countSeen,
  counts,
  SKIP_ANSWERED_BEFORE,
  SKIP_MODE_OFF,
  totals,
} from "./counts";
import { countEdge } from "./edges";
import { countMoments } from "./groups";
import { countName } from "./names";
import { countRoute, routeKeyHeld } from "./routes";
import { countCandidateScore, countScore } from "./scores";
import { Slot } from "./slots";
import { generation, keyed } from "./snapshot";

/** A request that an earlier filter answered: only its log comes. */
export function countAnsweredBefore(code: i64): void {
  countSeen(SKIP_ANSWERED_BEFORE);
  counts.answeredBefore++;
  totals.skip++;
  countResponse(code);
}

function countVerdict(slot: Slot): void {
  const verdict = verdictOf(slot.judgement);
  if (verdict == VERDICT_DENY) {
    totals.denied++;
    if (reasonOf(slot.judgement) == REASON_MODEL) {
      counts.deniedByModel++;
      totals.denyModel++;
    } else {
      counts.deniedByRule++;
      totals.denyRule++;
    }
    return;
  }
  if (alertedOf(slot.judgement)) counts.alerted++;
  if (verdict == VERDICT_SHADOW_DENY) {
    counts.shadowDenied++;
    totals.shadowDenied++;
    return;
  }
  counts.allowed++;
  if (alertedOf(slot.judgement)) totals.alert++;
  else if (slot.skip != 0) totals.skip++;
  else totals.allow++;
}

function countBounds(bits: u32): void {
  for (let reason: u32 = 1; reason < BOUND_REASONS; reason++) if ((bits & (1 << reason)) != 0) countBound(reason, 1);
}

/** Counts what is known of a request without its response: seen, verdict, bounds, whether it is learnt from. */
export function countRequest(slot: Slot): void {
  countSeen(slot.skip);
  countVerdict(slot);
  countBounds(slot.bounds);
  if (slot.retry) counts.retries++;
  if (slot.held) counts.held++;
}

function countScores(slot: Slot): void {
  if (slot.generation != generation) return;
  if (slot.score != NO_SCORE) countScore(slot.score);
  if (slot.candidateScore != NO_SCORE) countCandidateScore(slot.candidateScore);
}

function learn(slot: Slot, key: u64): void {
  countMoments(callerGroupOf(key), slot.bins);
  counts.learnt++;
  for (let i: usize = 0; i < slot.names; i++) countName(load<u64>(slot.nameKeys + (i << 3)), key);
}

/** Counts a request with its response, in the keyed tables too. */
export function countExchange(slot: Slot, code: i64, failed: bool): void {
  countRequest(slot);
  if (slot.skip == SKIP_MODE_OFF) return;
  const verdict = verdictOf(slot.judgement);
  const denied = verdict == VERDICT_DENY;
  if (!denied) countResponse(code);
  if (!keyed) {
    countBound(BOUND_UNKEYED, 1);
    return;
  }
  const caller = slot.callerKey;
  const failure = failed && !denied;
  if (!countEdge(callerKeyHeld(caller), routeKeyHeld(slot.routeKey), denied, failure)) countBound(BOUND_EDGES, 1);
  if (config.direction != DIRECTION_SERVER) return;
  countCaller(caller);
  if (denied) return;
  if (slot.retry || slot.held || verdict == VERDICT_SHADOW_DENY) return;
  countScores(slot);
  countRoute(slot.routeKey, caller, slot.measured ? slot.bins : 0, failure);
  if (slot.measured && caller != 0) learn(slot, caller);
}

/** Bits for `Slot.bounds`. */
export function boundBit(reason: u32): u32 {
  return 1 << reason;
}
