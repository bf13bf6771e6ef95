// From fields of a request to the first rule that sets just these and matches, in a time that hardly grows with the
// number of rules. Open addressing leads from a key to its rules, a list in order of rank: allow before deny, then by
// id. `lower` leads on to the next rule that asks for a lower score, and `jump` over many of those (Myers, An
// applicative random-access stack, 1983): rules that ask for too high a score are passed in a logarithm of steps.

import {
  RULE_ALLOW,
  RULE_BITS,
  RULE_DENY,
  RULE_SLOTS,
  recordAt,
  ruleAction,
  ruleDeadline,
  ruleKey,
  ruleScoreMin,
  rulesCount,
} from "./rule";

/** Key of the fields that are set: keyOf caller, method and route, the group plus one; 0 for those that are not. */
export function fieldsKey(caller: u64, group: u64, method: u64, route: u64): u64 {
  // The group is spread over the word; turned, equal texts in two fields do not cancel each other.
  return caller ^ (group * 0x9e3779b97f4a7c15) ^ rotl<u64>(method, 21) ^ rotl<u64>(route, 42);
}

/** The slot with the first rule of a key, or the empty one where it belongs: more than half of them are empty. */
function slotOf(set: usize, key: u64): usize {
  const last = load<u32>(set, 8);
  let place = <u32>key & last;
  while (true) {
    const slot = set + RULE_SLOTS + ((<usize>place) << 1);
    const number = load<u16>(slot);
    if (number == 0 || ruleKey(recordAt(set, number)) == key) return slot;
    place = (place + 1) & last;
  }
}

/**
 * Address of the byte with a key's bit. It is set if a rule may have this key: most keys are settled here, without a
 * look at slots and records, which lie far apart.
 */
function bitsAt(set: usize, key: u64): usize {
  return set + RULE_BITS + ((<u32>key & (4 * load<u32>(set, 8) + 3)) >> 3);
}

function bitOf(key: u64): u32 {
  return 1 << (<u32>(key & 7));
}

function next(rule: usize): u32 {
  return load<u16>(rule, 28);
}

function lower(rule: usize): u32 {
  return load<u16>(rule, 30);
}

function jump(rule: usize): u32 {
  return load<u16>(rule, 32);
}

/** How often one can go lower. */
function depth(rule: usize): i32 {
  return load<u16>(rule, 34);
}

/** Puts a rule before all others of its key. */
function prepend(set: usize, number: u32): void {
  const rule = recordAt(set, number);
  const slot = slotOf(set, ruleKey(rule));
  const behind = load<u16>(slot);
  store<u16>(slot, <u16>number);
  const bits = bitsAt(set, ruleKey(rule));
  store<u8>(bits, <u8>(load<u8>(bits) | bitOf(ruleKey(rule))));
  let below: u32 = behind;
  while (below != 0 && ruleScoreMin(recordAt(set, below)) >= ruleScoreMin(rule)) below = lower(recordAt(set, below));
  const low = recordAt(set, below);
  const far = recordAt(set, jump(low));
  // Two jumps of one length become one, as in skew binary numbers.
  const joins = depth(low) - depth(far) == depth(far) - depth(recordAt(set, jump(far)));
  store<u16>(rule, behind, 28);
  store<u16>(rule, <u16>below, 30);
  store<u16>(rule, <u16>(joins ? jump(far) : below), 32);
  store<u16>(rule, <u16>(depth(low) + 1), 34);
}

/** Makes the index of a set anew, of the rules whose deadline is after `now`. */
export function rulesIndex(set: usize, now: u64): void {
  const count = rulesCount(set);
  // A power of two above twice as many: a search soon ends at an empty one.
  const slots = 1 << (32 - clz(2 * count));
  store<u32>(set, slots - 1, 8);
  memory.fill(set + RULE_SLOTS, 0, (<usize>slots) << 1);
  memory.fill(set + RULE_BITS, 0, (<usize>slots + 1) >> 1);
  memory.fill(recordAt(set, 0), 0, recordAt(set, 1) - recordAt(set, 0));
  // Each before those of higher rank.
  for (let action = RULE_DENY; action >= RULE_ALLOW; action--) {
    for (let number = count; number > 0; number--) {
      const rule = recordAt(set, number);
      if (ruleAction(rule) == action && now < ruleDeadline(rule)) prepend(set, number);
    }
  }
}

/** Expired rules that searches came by since this was set to 0. */
export let passed: i32 = 0;
export function resetPassed(): void {
  passed = 0;
}

/** Number of the first rule of a key that such a score meets and that has not expired; 0 for none. */
export function firstOf(set: usize, key: u64, score: u32, now: u64): u32 {
  if ((load<u8>(bitsAt(set, key)) & bitOf(key)) == 0) return 0;
  let number: u32 = load<u16>(slotOf(set, key));
  while (number != 0) {
    const rule = recordAt(set, number);
    if (ruleScoreMin(rule) > score) {
      const far = jump(rule);
      number = ruleScoreMin(recordAt(set, far)) > score ? far : lower(rule);
    } else {
      if (now < ruleDeadline(rule)) return number;
      number = next(rule);
      passed++;
    }
  }
  return 0;
}
