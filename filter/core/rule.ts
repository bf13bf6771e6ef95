// A set of rules as it is held: a head, records in order of id, and the index that rule-index.ts makes of them. Record
// 0 is no rule: it ends every list, so numbers of rules begin with 1.
//
// Set: 0 u32 rules, 4 u32 combinations of fields that rules set (bit c for a combination c), 8 u32 last slot; 16
// records; slots of u16; bits. Record of 40 bytes: 0 u64 id, 8 u64 key of its fields, 16 u64 deadline, 24 u32 least
// score (0 = any); of the index 28 u16 next, 30 u16 lower, 32 u16 jump, 34 u16 depth; 36 u8 action.

import { RULES_MAX } from "./limits";

export const RULE_ALLOW: i32 = 1;
export const RULE_DENY: i32 = 2;

/** Fields that are found by key; a combination of them is their sum. */
export const FIELD_CALLER: i32 = 1;
export const FIELD_GROUP: i32 = 2;
export const FIELD_METHOD: i32 = 4;
export const FIELD_ROUTE: i32 = 8;

const RECORDS: usize = 16;
const RECORD_BYTES: usize = 40;
/** The index of RULES_MAX rules: a power of two above twice as many slots, and 4 bits for each. */
const SLOTS_MAX: usize = 32768;
/** Where the slots of a set are. Rounded up, so that what lies behind a set is aligned. */
export const RULE_SLOTS: usize = (RECORDS + RECORD_BYTES * (RULES_MAX + 1) + 15) & ~15;
export const RULE_BITS: usize = RULE_SLOTS + 2 * SLOTS_MAX;
/** Size of a set in bytes, 491,584: two fit the 1 MiB of the memory plan. */
export const RULES_SET_BYTES: i32 = <i32>(RULE_BITS + SLOTS_MAX / 2);

/** Rules in a set. */
export function rulesCount(set: usize): i32 {
  return load<i32>(set);
}

/** Combinations of fields that rules of the set have: bit c for a combination c. */
export function rulesCombinations(set: usize): u32 {
  return load<u32>(set, 4);
}

/** Address of record `number`, 0 among them. */
export function recordAt(set: usize, number: u32): usize {
  return set + RECORDS + RECORD_BYTES * number;
}

/** Address of rule i from 0, in order of id. */
export function ruleAt(set: usize, i: i32): usize {
  return recordAt(set, i + 1);
}

export function ruleId(rule: usize): u64 {
  return load<u64>(rule);
}

/** fieldsKey of the fields it sets. */
export function ruleKey(rule: usize): u64 {
  return load<u64>(rule, 8);
}

/** Monotonic nanoseconds from which the rule matches nothing. */
export function ruleDeadline(rule: usize): u64 {
  return load<u64>(rule, 16);
}

/** Least score; 0 = any. */
export function ruleScoreMin(rule: usize): u32 {
  return load<u32>(rule, 24);
}

/** RULE_ALLOW or RULE_DENY. */
export function ruleAction(rule: usize): i32 {
  return load<u8>(rule, 36);
}

/** Writes record `number`; what the index needs is left to it. */
export function putRule(set: usize, number: u32, id: u64, key: u64, deadline: u64, scoreMin: u32, action: u32): void {
  const rule = recordAt(set, number);
  store<u64>(rule, id);
  store<u64>(rule, key, 8);
  store<u64>(rule, deadline, 16);
  store<u32>(rule, scoreMin, 24);
  store<u8>(rule, <u8>action, 36);
}

/** Makes a set without rules. */
export function rulesClear(set: usize): void {
  memory.fill(set, 0, RECORDS);
}

/** Says what the records hold: `count` rules from number 1 on, of these combinations of fields. */
export function rulesComplete(set: usize, count: i32, combinations: u32): void {
  store<i32>(set, count);
  store<u32>(set, combinations, 4);
}
