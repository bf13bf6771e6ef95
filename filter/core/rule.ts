// The rules section (law 7 and 8), decoded into a set of the caller: fixed records in order of id and an index in
// order of caller, so that a request meets only the rules for its caller and those for any caller. A refused section
// leaves the set undefined.
//
// Set: 0 u32 rules, 4 u32 rules for any caller, 8 u32 1 if a rule needs the caller; 16 records of 48 bytes; 491,536
// index of u16. Record: 0 u64 id, 8 u64 caller key, 16 u64 route key, 24 u64 method key (0 = any), 32 u64 deadline
// (monotonic ns), 40 u32 least score (0 = any), 44 u8 action, 45 u8 caller group plus one.

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

export const RULE_ALLOW: i32 = 1;
export const RULE_DENY: i32 = 2;

const RECORDS: usize = 16;
const RECORD_BYTES: usize = 48;
const INDEX: usize = RECORDS + RECORD_BYTES * RULES_MAX;
/** Size of a set in bytes, 512,016: two fit the 1 MiB of the memory plan. */
export const RULES_SET_BYTES: i32 = <i32>INDEX + 2 * RULES_MAX;

/** Rules in a set. */
export function rulesCount(set: usize): i32 {
  return load<i32>(set);
}

/** True if a rule asks for the caller or its group: only then must the caller be known before the verdict. */
export function rulesNeedCaller(set: usize): bool {
  return load<u32>(set, 8) != 0;
}

/** Address of record i, in order of id. */
export function ruleAt(set: usize, i: i32): usize {
  return set + RECORDS + RECORD_BYTES * i;
}

export function ruleId(rule: usize): u64 {
  return load<u64>(rule);
}

/** RULE_ALLOW or RULE_DENY. */
export function ruleAction(rule: usize): i32 {
  return load<u8>(rule, 44);
}

/** keyOf the caller's name; 0 = any. */
export function ruleCaller(rule: usize): u64 {
  return load<u64>(rule, 8);
}

/** keyOf the route; 0 = any. */
export function ruleRoute(rule: usize): u64 {
  return load<u64>(rule, 16);
}

/** keyOf the method; 0 = any. */
export function ruleMethod(rule: usize): u64 {
  return load<u64>(rule, 24);
}

/** Caller group plus one; 0 = any. */
export function ruleGroup(rule: usize): i32 {
  return load<u8>(rule, 45);
}

/** Least score; 0 = any. */
export function ruleScoreMin(rule: usize): u32 {
  return load<u32>(rule, 40);
}

/** Monotonic nanoseconds from which the rule matches nothing. */
export function ruleDeadline(rule: usize): u64 {
  return load<u64>(rule, 32);
}

/** Makes a set without rules. */
export function rulesClear(set: usize): void {
  memory.fill(set, 0, RECORDS);
}

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
  let needsCaller: u32 = 0;
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
    storeRule(ruleAt(set, count), deadline, k0, k1);
    if (callerLen > 0 || group > 0) needsCaller = 1;
    store<u16>(set + INDEX + ((<usize>count) << 1), <u16>count);
    count++;
  }
  store<i32>(set, count);
  store<u32>(set, needsCaller, 8);
  sortIndex(set, count);
  let anyCaller = 0;
  while (anyCaller < count && ruleCaller(indexedRule(set, anyCaller)) == 0) anyCaller++;
  store<i32>(set, anyCaller, 4);
  return true;
}

function storeRule(rule: usize, deadline: u64, k0: u64, k1: u64): void {
  store<u64>(rule, id);
  store<u64>(rule, callerLen == 0 ? 0 : keyOf(caller, callerLen, k0, k1), 8);
  store<u64>(rule, routeLen == 0 ? 0 : keyOf(route, routeLen, k0, k1), 16);
  store<u64>(rule, methodLen == 0 ? 0 : keyOf(method, methodLen, k0, k1), 24);
  store<u64>(rule, deadline, 32);
  store<u32>(rule, scoreMin, 40);
  store<u8>(rule, <u8>action, 44);
  store<u8>(rule, <u8>group, 45);
}

/** Number of rules for any caller: they come first in the index. */
export function rulesForAny(set: usize): i32 {
  return load<i32>(set, 4);
}

/** Record at place i of the index: in order of caller key, then of id. */
export function indexedRule(set: usize, i: i32): usize {
  return ruleAt(set, indexAt(set, i));
}

/** Record number at place i of the index. */
function indexAt(set: usize, i: i32): i32 {
  return load<u16>(set + INDEX + ((<usize>i) << 1));
}

/** True if record a comes before record b: by caller key, then by id. */
function before(set: usize, a: i32, b: i32): bool {
  const keyA = ruleCaller(ruleAt(set, a));
  const keyB = ruleCaller(ruleAt(set, b));
  return keyA != keyB ? keyA < keyB : a < b;
}

/** Heapsort of the index: n log n on every input, in place. */
function sortIndex(set: usize, count: i32): void {
  for (let i = (count >> 1) - 1; i >= 0; i--) sift(set, i, count);
  for (let last = count - 1; last > 0; last--) {
    const first = indexAt(set, 0);
    store<u16>(set + INDEX, <u16>indexAt(set, last));
    store<u16>(set + INDEX + ((<usize>last) << 1), <u16>first);
    sift(set, 0, last);
  }
}

function sift(set: usize, from: i32, count: i32): void {
  let at = from;
  const moving = indexAt(set, at);
  for (let child = 2 * at + 1; child < count; child = 2 * at + 1) {
    if (child + 1 < count && before(set, indexAt(set, child), indexAt(set, child + 1))) child++;
    const larger = indexAt(set, child);
    if (!before(set, moving, larger)) break;
    store<u16>(set + INDEX + ((<usize>at) << 1), <u16>larger);
    at = child;
  }
  store<u16>(set + INDEX + ((<usize>at) << 1), <u16>moving);
}
