// Reads the rules section (law 7 and 8) into a set: checks, keys, deadlines of the monotonic clock, and the index over
// them. A refused section leaves the set undefined.

import { keyOf } from "./hash";
import { CALLER_GROUPS, CALLER_MAX, METHOD_MAX, ROUTE_MAX, RULES_MAX, RULES_MAX_BYTES } from "./limits";
import {
  isField,
  LENGTH,
  readBegin,
  readContent,
  readEnter,
  readErrorOffset,
  readField,
  readLeave,
  readLength,
  readOk,
  readValue,
  readValue32,
  VARINT,
} from "./read";
import { outside, refuse } from "./refusal";
import {
  FIELD_CALLER,
  FIELD_GROUP,
  FIELD_METHOD,
  FIELD_ROUTE,
  putRule,
  RULE_ALLOW,
  RULE_DENY,
  ruleAt,
  ruleDeadline,
  ruleId,
  rulesClear,
  rulesComplete,
  rulesCount,
} from "./rule";
import { fieldsKey, rulesIndex } from "./rule-index";

// Fields of the rule being read; texts point into the section.
let id: u64 = 0;
let action: u32 = 0;
let caller: usize = 0;
let callerLen: i32 = 0;
let group: u32 = 0;
let method: usize = 0;
let methodLen: i32 = 0;
let route: usize = 0;
let routeLen: i32 = 0;
let scoreMin: u32 = 0;
let expiresMs: i64 = 0;

/** Reads the RuleBody that the reader stands before, to its end. */
function readRule(): void {
  id = 0;
  action = group = scoreMin = 0;
  callerLen = methodLen = routeLen = 0;
  expiresMs = 0;
  const outer = readEnter();
  while (readField()) {
    if (isField(1, VARINT)) id = readValue();
    else if (isField(2, VARINT)) action = readValue32();
    else if (isField(3, LENGTH)) {
      caller = readContent();
      callerLen = readLength();
    } else if (isField(4, VARINT)) group = readValue32();
    else if (isField(5, LENGTH)) {
      method = readContent();
      methodLen = readLength();
    } else if (isField(6, LENGTH)) {
      route = readContent();
      routeLen = readLength();
    } else if (isField(7, VARINT)) scoreMin = readValue32();
    else if (isField(8, VARINT)) expiresMs = <i64>readValue();
  }
  readLeave(outer);
}

function checkRule(lastId: u64): bool {
  if (id == 0 || id <= lastId) return refuse("rules.id", id, "ascending, not 0");
  if (outside(action, RULE_ALLOW, RULE_DENY)) return refuse("rules.action", action, "1..2");
  if (callerLen > CALLER_MAX) return refuse("rules.match", callerLen, "caller of 256 bytes");
  if (routeLen > ROUTE_MAX) return refuse("rules.match", routeLen, "route of 512 bytes");
  if (methodLen > METHOD_MAX) return refuse("rules.match", methodLen, "method of 16 bytes");
  if (outside(group, 0, CALLER_GROUPS)) return refuse("rules.match", group, "group of 8");
  if (callerLen == 0 && routeLen == 0 && methodLen == 0 && group == 0 && scoreMin == 0) {
    return refuse("rules.match", 0, "one field set");
  }
  if (expiresMs <= 0) return refuse("rules.expires_at_ms", <u64>expiresMs, "above 0");
  return true;
}

function keyOrNone(ptr: usize, len: i32, k0: u64, k1: u64): u64 {
  return len == 0 ? 0 : keyOf(ptr, len, k0, k1);
}

/** Puts the rule read into the set as record `number`; returns the combination of fields that it sets. */
function keepRule(set: usize, number: i32, deadline: u64, k0: u64, k1: u64): i32 {
  const callerKey = keyOrNone(caller, callerLen, k0, k1);
  const methodKey = keyOrNone(method, methodLen, k0, k1);
  const routeKey = keyOrNone(route, routeLen, k0, k1);
  putRule(set, number, id, fieldsKey(callerKey, group, methodKey, routeKey), deadline, scoreMin, action);
  let fields = 0;
  if (callerLen > 0) fields |= FIELD_CALLER;
  if (group > 0) fields |= FIELD_GROUP;
  if (methodLen > 0) fields |= FIELD_METHOD;
  if (routeLen > 0) fields |= FIELD_ROUTE;
  return fields;
}

/** Monotonic deadline of a Unix time, given both clocks at receipt; saturates at both ends. */
function deadlineOf(atMs: i64, serverNowMs: i64, monotonicNs: u64): u64 {
  if (atMs <= serverNowMs) return monotonicNs;
  // Exact as unsigned, also where the signed difference would overflow.
  const leftMs = <u64>atMs - <u64>serverNowMs;
  if (leftMs > (u64.MAX_VALUE - monotonicNs) / 1000000) return u64.MAX_VALUE;
  return monotonicNs + leftMs * 1000000;
}

/** Counts the rules before any is kept. */
function checkCount(ptr: usize, len: i32): bool {
  let count = 0;
  readBegin(ptr, len);
  while (readField()) {
    if (!isField(1, LENGTH)) continue;
    count++;
  }
  if (!readOk()) return refuse("section", readErrorOffset(), "readable");
  if (count > RULES_MAX) return refuse("rules.rules", count, "10240");
  return true;
}

/**
 * Decodes `len` bytes of a RulesSection into `set`; false if refused, see refusal.ts. Keys are made with k0, k1: a
 * set must be loaded again when the mesh's key changes. `held` is the set that serves, or 0: a rule it holds keeps
 * the earlier of its two deadlines. `serverNowMs` and `monotonicNs` are the two clocks at receipt. `set` and `held`
 * must differ.
 */
export function rulesLoad(
  ptr: usize,
  len: i32,
  set: usize,
  held: usize,
  k0: u64,
  k1: u64,
  serverNowMs: i64,
  monotonicNs: u64,
): bool {
  if (len > RULES_MAX_BYTES) return refuse("section.size", len, "1048576 bytes");
  if (!checkCount(ptr, len)) return false;
  rulesClear(set);
  let count = 0;
  let combinations: u32 = 0;
  let lastId: u64 = 0;
  let heldAt = 0;
  const heldCount = held == 0 ? 0 : rulesCount(held);
  readBegin(ptr, len);
  while (readField()) {
    if (!isField(1, LENGTH)) continue;
    readRule();
    if (!readOk()) return refuse("section", readErrorOffset(), "readable");
    if (!checkRule(lastId)) return false;
    lastId = id;
    let deadline = deadlineOf(expiresMs, serverNowMs, monotonicNs);
    while (heldAt < heldCount && ruleId(ruleAt(held, heldAt)) < id) heldAt++;
    if (heldAt < heldCount && ruleId(ruleAt(held, heldAt)) == id) {
      deadline = min<u64>(deadline, ruleDeadline(ruleAt(held, heldAt)));
    }
    combinations |= 1 << keepRule(set, ++count, deadline, k0, k1);
  }
  rulesComplete(set, count, combinations);
  rulesIndex(set, monotonicNs);
  return true;
}
