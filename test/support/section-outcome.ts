// What a reader makes of a section, in a form in which the reference and the core can be compared: the field that was
// refused, or the meaning of what was accepted.

import * as assert from "uvu/assert";
import { levelOf } from "../reference/attack.ts";
import { toBytes } from "../reference/bytes.ts";
import { score } from "../reference/model.ts";
import { Refusal } from "../reference/protobuf.ts";
import { decidingRule, type Request, type Rule } from "../reference/rules.ts";
import { type ModelBody, readModels, readRules, readSettings } from "../reference/sections.ts";
import { Core } from "./core.ts";
import { contextBytes, routeBytes } from "./heads.ts";
import { Prng } from "./prng.ts";
import type { SectionName } from "./sections.ts";

export interface Outcome {
  refused?: string;
  meaning?: unknown;
}

/** Bins that a model is asked about: its score shows every number of it. */
const PROBES = Array.from({ length: 3 }, (_, seed) => new Prng(seed).bytes(32).map((byte) => byte % 25));
/** Texts that an attack table is asked about. */
const PROBE_TEXTS = ["a", "' OR 1=1 -- ", "../../etc/passwd", "<script>alert(1)</script>"];
const BODIES = ["CURRENT", "CANDIDATE"] as const;
const KINDS = [1, 2, 3, 4] as const;
/** Rules whose own fields are asked for; more would only cost time. */
const RULES_ASKED = 4;

const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

const requestOf = (rule: Rule): Request => ({
  caller: rule.caller,
  callerGroup: rule.callerGroupPlusOne - 1,
  method: rule.method,
  route: rule.route,
  score: Math.min(rule.scoreMin, 2 ** 31 - 1),
});

function bodyByReference(body: ModelBody | undefined): unknown {
  if (body === undefined) return null;
  const scores = PROBES.map((bins) => score(body, [...bins]));
  const { modelId, alertThreshold, denyThreshold, contexts, kinds, routes, structureBase } = body;
  const blobs = [contextBytes(contexts), routeBytes(routes)].map(hexOf);
  const heads = [...blobs, kinds.map(({ base, nameSurprise }) => [base, nameSurprise])];
  return [modelId, alertThreshold, denyThreshold, structureBase, ...heads, ...scores];
}

function meaningByReference(kind: SectionName, section: Uint8Array): unknown {
  if (kind === "settings") {
    const { mode, hashKeys, windowMs, pulseMs, oversize } = readSettings(section);
    return [
      mode,
      windowMs,
      pulseMs,
      oversize === 2,
      hashKeys.map(({ id, key }) => [id, Buffer.from(key).toString("hex")]),
    ];
  }
  if (kind === "model") {
    const { current, candidate, attack } = readModels(section);
    const levels = attack && PROBE_TEXTS.map((text) => levelOf(attack, text));
    return [...[current, candidate].map(bodyByReference), levels ?? null];
  }
  const rules = readRules(section);
  const decided = rules.slice(0, RULES_ASKED).map((rule) => decidingRule(rules, requestOf(rule), 0n)?.id ?? 0n);
  return [rules.map(({ id, action }) => [id, action]), decided];
}

export function outcomeByReference(kind: SectionName, section: Uint8Array): Outcome {
  try {
    return { meaning: meaningByReference(kind, section) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { refused: error.field };
  }
}

function settingsByCore(core: Core): unknown {
  const slot = core.constant("SETTINGS");
  const keys = Array.from({ length: core.number("settingsKeys", slot) }, (_, i) => {
    const words = BigUint64Array.of(core.word("settingsKey0", slot, i), core.word("settingsKey1", slot, i));
    return [core.number("settingsKeyId", slot, i), Buffer.from(words.buffer).toString("hex")];
  });
  const [mode, windowMs, pulseMs, deny] = [
    "settingsMode",
    "settingsWindowMs",
    "settingsPulseMs",
    "settingsOversizeDeny",
  ].map((name) => core.number(name, slot));
  return [mode, windowMs, pulseMs, deny !== 0, keys];
}

function kindByCore(core: Core, body: number, kind: number): [base: number, nameSurprise: number] {
  const view = new DataView(core.bytes(core.number("modelKind", body, kind), 4).buffer);
  return [view.getInt16(0, true), view.getUint8(2)];
}

function bodyByCore(core: Core, body: (typeof BODIES)[number]): unknown {
  const address = core.constant(body);
  if (core.number("modelPresent", address) === 0) return null;
  const scores = PROBES.map((bins) => core.score(bins, body));
  return [
    core.word("modelId", address),
    core.number("modelAlert", address),
    core.number("modelDeny", address),
    core.number("modelStructureBase", address),
    hexOf(core.bytes(core.number("modelContexts", address), 16 * core.number("modelContextCount", address))),
    hexOf(core.bytes(core.number("modelRoutes", address), 8 * core.number("modelRouteCount", address))),
    core.number("modelHasKinds", address) === 0 ? [] : KINDS.map((kind) => kindByCore(core, address, kind)),
    ...scores,
  ];
}

/** Levels of the probe texts by the section's table; null without one. */
function levelsByCore(core: Core): unknown {
  if (core.number("attackTable") === 0) return null;
  return PROBE_TEXTS.map((text) => {
    core.put(toBytes(text));
    return core.call("attackLevel", text.length);
  });
}

/** Asked with the fields of the rules as the reference reads them: a rule read differently decides differently. */
function rulesByCore(core: Core, section: Uint8Array): unknown {
  const set = core.constant("RULES");
  const rules = Array.from({ length: core.number("rulesCount", set) }, (_, i) => {
    const rule = core.number("ruleAt", set, i);
    return [core.word("ruleId", rule), core.number("ruleAction", rule) === 1 ? "allow" : "deny"];
  });
  const asked = readRules(section).slice(0, RULES_ASKED).map(requestOf);
  const decided = asked.map((request) => {
    const [caller, method, route] = [request.caller, request.method, request.route].map(toBytes) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    return core.matchRules({ ...request, caller, method, route, monotonicNs: 0n });
  });
  return [rules, decided];
}

export function outcomeByCore(core: Core, kind: SectionName, section: Uint8Array): Outcome {
  const refusal = core.checkSection(kind, section);
  if (refusal !== null) return { refused: refusal.field };
  if (kind === "settings") return { meaning: settingsByCore(core) };
  if (kind === "model") return { meaning: [...BODIES.map((body) => bodyByCore(core, body)), levelsByCore(core)] };
  return { meaning: outcomeByReference(kind, section).refused ?? rulesByCore(core, section) };
}

/** Both builds of the core. */
export const BUILDS: readonly Core[] = [new Core("core"), new Core("core-scalar")];

/** An outcome as text, to compare. */
export function shown(outcome: Outcome): string {
  return JSON.stringify(outcome, (_, value) => (typeof value === "bigint" ? String(value) : value));
}

/** Asserts that both builds and the reference make the same of a section; returns what. */
export function agreed(kind: SectionName, section: Uint8Array, name: string): Outcome {
  const expected = outcomeByReference(kind, section);
  for (const core of BUILDS) assert.is(shown(outcomeByCore(core, kind, section)), shown(expected), name);
  return expected;
}
