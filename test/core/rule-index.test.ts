// The index over rules against the reference, which looks at them one by one: whatever combinations of fields rules
// set, however many share them, and while they expire one after the other or all at once, the same rule decides.

import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { NO_SCORE, RULES_MAX, SCORE_MAX } from "../../filter/core/limits.ts";
import { toBytes } from "../reference/bytes.ts";
import { decidingRule, type Request } from "../reference/rules.ts";
import { readRules } from "../reference/sections.ts";
import { Core } from "../support/core.ts";
import { Prng } from "../support/prng.ts";
import { rule, rules } from "../support/sections.ts";

type Body = NonNullable<Parameters<typeof rule>[0]>;
interface Asked {
  request: Request;
  /** How long after the rules came. */
  laterMs: number;
}

const BUILDS = [new Core("core"), new Core("core-scalar")];
const KEY = Uint8Array.from({ length: 16 }, (_, i) => 7 * i);
const NOW_MS = 1_800_000_000_000n;
const BOOT_NS = 5_000_000_000n;
const LAST_MS = 8;
const ANYONE: Request = { caller: "", callerGroup: -1, method: "GET", route: "", score: NO_SCORE };

/** Ids ascend with gaps; what is not told ends late. */
function sectionOf(bodies: readonly Body[]): Uint8Array {
  const late = NOW_MS + 60_000n;
  return rules(...bodies.map((body, i) => rule({ method: "", expiresAtMs: late, ...body, id: BigInt(2 * i + 1) })));
}

function load(section: Uint8Array): void {
  for (const core of BUILDS) {
    assert.is(core.loadRules(section, { key: KEY, serverNowMs: NOW_MS, monotonicNs: BOOT_NS }), null);
  }
}

function idByCore(core: Core, { request, laterMs }: Asked): bigint {
  const [caller, method, route] = [request.caller, request.method, request.route].map(toBytes);
  const monotonicNs = BOOT_NS + BigInt(laterMs) * 1_000_000n;
  return core.matchRules({ ...request, caller: caller!, method: method!, route: route!, monotonicNs }, KEY);
}

/** Asks in the order of time; returns how often which action decided. */
function assertDecided(section: Uint8Array, asked: readonly Asked[]): Record<"allow" | "deny" | "none", number> {
  const read = readRules(section);
  const decided = { allow: 0, deny: 0, none: 0 };
  load(section);
  for (const one of asked.toSorted((a, b) => a.laterMs - b.laterMs)) {
    const expected = decidingRule(read, one.request, NOW_MS + BigInt(one.laterMs));
    for (const core of BUILDS) assert.is(idByCore(core, one), expected?.id ?? 0n, JSON.stringify(one));
    decided[expected?.action ?? "none"]++;
  }
  return decided;
}

/** Few and the same in all fields, so that fields are shared and confused if they can be. */
const text = fc.constantFrom("", "GET", "POST", "GET /a");
const scoreMin = fc.constantFrom(0, 0, 1, 2, 3, SCORE_MAX, 2 ** 32 - 1);
const match = fc
  .record({ caller: text, callerGroupPlusOne: fc.constantFrom(0, 0, 1, 2, 8), method: text, route: text, scoreMin })
  .filter((fields) => Object.values(fields).some(Boolean));
/** Allow wins: it is drawn less often. */
const action = fc.constantFrom(1, 2, 2, 2, 2, 2);
const expiresAtMs = fc.integer({ min: 0, max: LAST_MS + 2 }).map((ms) => NOW_MS + BigInt(ms));
const laterMs = fc.nat(LAST_MS);
const score = fc.constantFrom(0, 1, 2, 3, 4, SCORE_MAX, NO_SCORE);

function bodiesOf(fields: fc.Arbitrary<Body>, maxLength: number): fc.Arbitrary<Body[]> {
  const body = fc.record({ fields, action, expiresAtMs }).map(({ fields, ...rest }): Body => ({ ...fields, ...rest }));
  return fc.array(body, { maxLength, size: "max" });
}

/** Checks what is drawn; allow, deny and none must all come often. */
function assertProperty(bodies: fc.Arbitrary<Body[]>, request: fc.Arbitrary<Request>): void {
  const asked = fc.array(fc.record({ request, laterMs }), { maxLength: 60, size: "max" });
  const decided = { allow: 0, deny: 0, none: 0 };
  const holds = fc.property(bodies, asked, (drawn, requests) => {
    const more = assertDecided(sectionOf(drawn), requests);
    for (const name of ["allow", "deny", "none"] as const) decided[name] += more[name];
  });
  fc.assert(holds, { seed: 6, numRuns: 120 });
  for (const times of Object.values(decided)) assert.ok(times > 200, JSON.stringify(decided));
}

test("rules of any combination of fields decide as the reference says, at any time", () => {
  const group = fc.constantFrom(-1, 0, 1, 7);
  const request = fc.record({ caller: text, callerGroup: group, method: text, route: text, score });
  assertProperty(bodiesOf(match, 80), request);
});

test("many rules of one match decide as the reference says, whatever scores they ask for and when they end", () => {
  const fields = fc.nat(60).map((scoreMin) => ({ method: "GET", scoreMin }));
  const request = fc.oneof(fc.nat(30), score).map((score) => ({ ...ANYONE, score }));
  assertProperty(bodiesOf(fields, 300), request);
});

test("as many rules as there may be, spread over all combinations of fields, decide as the reference says", () => {
  const prng = new Prng(16);
  const textOf = (i: number) => `text ${i >> 3}`;
  const section = sectionOf(
    Array.from({ length: RULES_MAX }, (_, i) => ({
      action: prng.oneIn(40) ? 1 : 2,
      caller: i & 1 ? textOf(i) : "",
      callerGroupPlusOne: i & 2 ? prng.between(1, 8) : 0,
      method: i & 4 ? textOf(i) : "",
      route: i & 8 ? textOf(i) : "",
      scoreMin: i & 15 ? prng.below(100) : prng.between(1, 1000),
      expiresAtMs: NOW_MS + BigInt(prng.between(1, 2 * LAST_MS)),
    })),
  );
  const asked = Array.from({ length: 400 }, (_, i): Asked => {
    const name = () => textOf(prng.below(RULES_MAX));
    const [same, group, score] = [name(), prng.between(-1, 7), prng.oneIn(5) ? NO_SCORE : prng.below(1200)];
    const mixed = { caller: name(), callerGroup: group, method: same, route: prng.oneIn(2) ? same : name(), score };
    return { request: mixed, laterMs: Math.floor((i * LAST_MS) / 400) };
  });
  const { allow, deny } = assertDecided(section, asked);
  assert.ok(allow > 50 && deny > 50, `${allow} allowed, ${deny} denied`);
});

test("of as many rules as there may be, each for a lower score than all before, the first that is met decides", () => {
  load(sectionOf(Array.from({ length: RULES_MAX }, (_, i) => ({ method: "GET", scoreMin: RULES_MAX - i }))));
  for (let score = 1; score < RULES_MAX + 20; score += score < 40 || score > RULES_MAX - 20 ? 1 : 97) {
    const expected = BigInt(2 * Math.max(0, RULES_MAX - score) + 1);
    for (const core of BUILDS) assert.is(idByCore(core, { request: { ...ANYONE, score }, laterMs: 0 }), expected);
  }
  for (const score of [0, NO_SCORE]) {
    for (const core of BUILDS) assert.is(idByCore(core, { request: { ...ANYONE, score }, laterMs: 0 }), 0n);
  }
});

test("rules of one match that end one after the other, or many at once, are followed by the next one in force", () => {
  const endOf = (i: number) => NOW_MS + BigInt(i + 1);
  load(sectionOf(Array.from({ length: RULES_MAX }, (_, i) => ({ method: "GET", expiresAtMs: endOf(i) }))));
  for (const laterMs of [0, 1, 2, 16, 17, 18, 19, 40, 41, 5000, 5001, 5020, RULES_MAX - 1, RULES_MAX, RULES_MAX + 1]) {
    const expected = laterMs < RULES_MAX ? BigInt(2 * laterMs + 1) : 0n;
    for (const core of BUILDS) {
      for (let again = 0; again < 2; again++) assert.is(idByCore(core, { request: ANYONE, laterMs }), expected);
    }
  }
});

test("two sets of rules fit the 1 MiB of the memory plan", () => {
  for (const core of BUILDS) {
    assert.ok(Math.abs(core.constant("OTHER_RULES") - core.constant("RULES")) <= 524_288);
  }
});

test.run();
