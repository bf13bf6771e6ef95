// Rules and verdicts: for any set of rules and any request the core finds the rule that the reference finds, at all
// times around an expiry; a rule that is loaded again never lives longer; and every verdict of every mode is the law's.

import { create, toBinary } from "@bufbuild/protobuf";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { RulesSectionSchema } from "../../control-plane/gen/vedette/v1/model_pb.ts";
import { NO_SCORE, SCORE_MAX } from "../../filter/core/limits.ts";
import { toBytes } from "../reference/bytes.ts";
import { decidingRule, isAlerted, type Mode, type Request, type Rule, verdictOf } from "../reference/rules.ts";
import { readRules } from "../reference/sections.ts";
import { Core } from "../support/core.ts";
import { Prng } from "../support/prng.ts";
import { rule, rules } from "../support/sections.ts";

const BUILDS = [new Core("core"), new Core("core-scalar")];
const CALLERS = ["", "spiffe://mesh/ns/a/sa/web", "spiffe://mesh/ns/a/sa/job", "10.0.0.7"];
const METHODS = ["", "GET", "POST", "get"];
const ROUTES = ["", "GET /a", "GET /a/*", "POST /a"];
const SCORES = [0, 1, 99, 100, 101, SCORE_MAX, NO_SCORE];
const NOW_MS = 1_800_000_000_000n;
const BOOT_NS = 5_000_000_000n;

function randomRules(prng: Prng): Uint8Array {
  const bodies = Array.from({ length: prng.below(12) }, (_, i) => {
    const match = {
      caller: prng.oneIn(3) ? prng.pick(CALLERS) : "",
      callerGroupPlusOne: prng.oneIn(8) ? prng.between(1, 8) : 0,
      method: prng.oneIn(3) ? prng.pick(METHODS) : "",
      route: prng.oneIn(3) ? prng.pick(ROUTES) : "",
      scoreMin: prng.oneIn(4) ? prng.pick([1, 100, SCORE_MAX, 2 ** 32 - 1]) : 0,
    };
    const isEmpty = Object.values(match).every((value) => value === "" || value === 0);
    return {
      id: BigInt(3 * i + 1),
      action: prng.between(1, 2),
      ...match,
      ...(isEmpty && { method: "GET" }),
      expiresAtMs: NOW_MS + BigInt(prng.between(-2, 3)),
    };
  });
  return toBinary(RulesSectionSchema, create(RulesSectionSchema, { rules: bodies }));
}

function randomRequest(prng: Prng): Request {
  return {
    caller: prng.pick(CALLERS),
    callerGroup: prng.between(-1, 7),
    method: prng.pick(METHODS),
    route: prng.pick(ROUTES),
    score: prng.pick(SCORES),
  };
}

function idByCore(
  core: Core,
  request: Request,
  monotonicNs: bigint,
  key: Uint8Array<ArrayBuffer>,
  other = false,
): bigint {
  const [caller, method, route] = [toBytes(request.caller), toBytes(request.method), toBytes(request.route)];
  return core.matchRules({ ...request, caller, method, route, monotonicNs }, key, other);
}

test("the rule that decides is the reference's, for any rules, request and time", () => {
  const prng = new Prng(7);
  const decided = { allow: 0, deny: 0, none: 0 };
  for (let set = 0; set < 200; set++) {
    const key = prng.bytes(16);
    const section = randomRules(prng);
    const read = readRules(section);
    for (const core of BUILDS) {
      assert.is(core.loadRules(section, { key, serverNowMs: NOW_MS, monotonicNs: BOOT_NS }), null);
    }
    for (let i = 0; i < 40; i++) {
      const request = randomRequest(prng);
      const later = BigInt(Math.floor(i / 10));
      const expected = decidingRule(read, request, NOW_MS + later);
      decided[expected?.action ?? "none"]++;
      for (const core of BUILDS) {
        assert.is(idByCore(core, request, BOOT_NS + later * 1_000_000n, key), expected?.id ?? 0n);
      }
    }
  }
  for (const times of Object.values(decided)) assert.ok(times > 500, JSON.stringify(decided));
});

test("a rule ends to the nanosecond at its deadline of the monotonic clock", () => {
  const key = new Uint8Array(16);
  const section = rules(rule({ method: "PUT", expiresAtMs: NOW_MS + 1n }));
  const request = { caller: "", callerGroup: -1, method: "PUT", route: "", score: NO_SCORE };
  for (const core of BUILDS) {
    core.loadRules(section, { serverNowMs: NOW_MS, monotonicNs: BOOT_NS });
    assert.is(idByCore(core, request, BOOT_NS + 999_999n, key), 1n);
    assert.is(idByCore(core, request, BOOT_NS + 1_000_000n, key), 0n);
  }
});

test("expiries as far away as they can be written neither wrap nor fail", () => {
  const key = new Uint8Array(16);
  const request = { caller: "", callerGroup: -1, method: "PUT", route: "", score: 0 };
  const section = rules(rule({ method: "PUT", expiresAtMs: 2n ** 63n - 1n }));
  for (const core of BUILDS) {
    for (const serverNowMs of [0n, NOW_MS, 2n ** 63n - 2n]) {
      core.loadRules(section, { serverNowMs, monotonicNs: BOOT_NS });
      assert.is(idByCore(core, request, BOOT_NS, key), 1n);
    }
  }
});

test("a rule that is loaded again keeps the earlier of its two deadlines", () => {
  const key = new Uint8Array(16);
  const request = { caller: "", callerGroup: -1, method: "PUT", route: "", score: 0 };
  const until = (expiresAtMs: bigint) => rules(rule({ method: "PUT", expiresAtMs }));
  for (const core of BUILDS) {
    for (const [first, second] of [
      [10n, 5n],
      [5n, 10n],
    ] as const) {
      core.loadRules(until(NOW_MS + first), { serverNowMs: NOW_MS, monotonicNs: BOOT_NS });
      core.loadRules(until(NOW_MS + second), {
        serverNowMs: NOW_MS,
        monotonicNs: BOOT_NS,
        other: true,
        keepsHeld: true,
      });
      assert.is(idByCore(core, request, BOOT_NS + 4_999_999n, key, true), 1n);
      assert.is(idByCore(core, request, BOOT_NS + 5_000_000n, key, true), 0n);
    }
  }
});

const MODES: [Mode, number][] = [
  ["off", 1],
  ["learn", 2],
  ["shadow", 3],
  ["enforce", 4],
];
const VERDICTS = { allow: 1, deny: 2, shadow_deny: 3 };
const ACTIONS: (Rule["action"] | undefined)[] = [undefined, "allow", "deny"];

const THRESHOLDS = [
  [0, 0],
  [1, 0],
  [100, 0],
  [1, 100],
  [100, 100],
  [101, SCORE_MAX],
] as const;

/** Every combination of what a verdict follows from. */
function* judgements() {
  for (const [mode, modeNumber] of MODES)
    for (const [actionNumber, action] of ACTIONS.entries())
      for (const score of SCORES)
        for (const [alert, deny] of THRESHOLDS)
          for (const agrees of [false, true])
            yield { mode, modeNumber, actionNumber, action, score, alert, deny, agrees };
}

test("every verdict follows from mode, rule, score, thresholds and the attack head as the law says", () => {
  const someRule = readRules(rules(rule()))[0]!;
  for (const core of BUILDS) {
    for (const { mode, modeNumber, actionNumber, action, score, alert, deny, agrees } of judgements()) {
      const decided = action && { ...someRule, action };
      const verdict = verdictOf(mode, decided, score, deny, agrees);
      const judgement = core.number("judge", modeNumber, actionNumber, score | 0, alert, deny, Number(agrees));
      const name = JSON.stringify({ mode, action, score, alert, deny, agrees });
      assert.is(core.number("verdictOf", judgement), VERDICTS[verdict], name);
      assert.is(core.number("alertedOf", judgement) !== 0, isAlerted(mode, verdict, score, alert), name);
      if (verdict !== "allow") assert.is(core.number("reasonOf", judgement), action === undefined ? 2 : 1, name);
    }
  }
});

test.run();
