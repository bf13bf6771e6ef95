// One section for each refusal of the law's table, with the field that is told, and what must be accepted just before
// each bound.

import type { Mode, RuleAction } from "../../control-plane/gen/vedette/v1/model_pb.ts";
import { HEADS_ACCEPTED, HEADS_REFUSED, HEADS_SAMPLE } from "./head-cases.ts";
import { type ModelBytes, modelBytes, testModels } from "./models.ts";
import { hashKey, idOf, model, modelBody, padTo, rule, rules, type SectionName, settings } from "./sections.ts";

export interface SectionCase {
  name: string;
  kind: SectionName;
  bytes: Uint8Array;
}

export interface RefusalCase extends SectionCase {
  field: string;
  /** What is told as the value; absent where the law leaves it open. */
  value?: bigint;
}

const withBlob = (at: number, blob: Uint8Array, byte: number) => {
  const changed = Uint8Array.from(blob);
  changed[at] = byte;
  return changed;
};
const { mean, factor, scale, clip } = modelBytes(testModels(5, 1)[0]!);
const other = modelBody({}, 6);
const text = (length: number) => "r".repeat(length);
const many = (count: number) => rules(...Array.from({ length: count }, (_, i) => rule({ id: BigInt(i + 1) })));

/** Sections that must be accepted. */
export const ACCEPTED: readonly SectionCase[] = [
  { name: "plain settings", kind: "settings", bytes: settings() },
  ...[1, 2, 3, 4].map((mode) => ({ name: `mode ${mode}`, kind: "settings" as const, bytes: settings({ mode }) })),
  { name: "two hash keys", kind: "settings", bytes: settings({ hashKeys: [hashKey, { ...hashKey, id: 8 }] }) },
  { name: "least periods", kind: "settings", bytes: settings({ windowMs: 1000, pulseMs: 500 }) },
  { name: "longest periods", kind: "settings", bytes: settings({ windowMs: 600_000, pulseMs: 60_000 }) },
  { name: "settings of the largest size", kind: "settings", bytes: padTo(settings(), 65_536) },
  { name: "no model", kind: "model", bytes: model(undefined) },
  { name: "a current model", kind: "model", bytes: model(modelBody()) },
  { name: "a candidate only", kind: "model", bytes: model(undefined, modelBody()) },
  { name: "both models", kind: "model", bytes: model(modelBody(), other) },
  { name: "no thresholds", kind: "model", bytes: model(modelBody({ alertThreshold: 0, denyThreshold: 0 })) },
  { name: "an alert threshold only", kind: "model", bytes: model(modelBody({ denyThreshold: 0 })) },
  { name: "equal thresholds", kind: "model", bytes: model(modelBody({ denyThreshold: 2000 })) },
  { name: "the highest threshold", kind: "model", bytes: model(modelBody({ denyThreshold: 2 ** 31 - 1 })) },
  { name: "a model of the largest size", kind: "model", bytes: padTo(model(modelBody()), 131_072) },
  ...HEADS_ACCEPTED.map((one) => ({ ...one, kind: "model" as const })),
  { name: "no rules", kind: "rules", bytes: rules() },
  { name: "one rule", kind: "rules", bytes: rules(rule()) },
  { name: "the highest id", kind: "rules", bytes: rules(rule(), rule({ id: 2n ** 64n - 1n })) },
  {
    name: "every field at its bound",
    kind: "rules",
    bytes: rules(
      rule({ caller: text(256), route: text(512), method: text(16), callerGroupPlusOne: 8, scoreMin: 2 ** 32 - 1 }),
    ),
  },
  { name: "as many rules as there may be", kind: "rules", bytes: many(10_240) },
  { name: "rules of the largest size", kind: "rules", bytes: padTo(rules(rule()), 1_048_576) },
];

const SETTINGS_REFUSALS: Omit<RefusalCase, "kind">[] = [
  { name: "mode 0", bytes: settings({ mode: 0 }), field: "settings.mode", value: 0n },
  { name: "mode 5", bytes: settings({ mode: 5 as Mode }), field: "settings.mode", value: 5n },
  { name: "no hash key", bytes: settings({ hashKeys: [] }), field: "settings.hash_keys", value: 0n },
  {
    name: "3 hash keys",
    bytes: settings({ hashKeys: [hashKey, hashKey, hashKey] }),
    field: "settings.hash_keys",
    value: 3n,
  },
  ...[0, 15, 17].map((length) => ({
    name: `a hash key of ${length} bytes`,
    bytes: settings({ hashKeys: [hashKey, { id: 1, key: new Uint8Array(length) }] }),
    field: "settings.hash_keys.key",
    value: BigInt(length),
  })),
  ...[0, 999, 600_001, 2 ** 32 - 1].map((windowMs) => ({
    name: `a window of ${windowMs} ms`,
    bytes: settings({ windowMs }),
    field: "settings.window_ms",
    value: BigInt(windowMs),
  })),
  ...[0, 499, 60_001, 2 ** 31].map((pulseMs) => ({
    name: `a pulse of ${pulseMs} ms`,
    bytes: settings({ pulseMs }),
    field: "settings.pulse_ms",
    value: BigInt(pulseMs),
  })),
  { name: "settings a byte too large", bytes: padTo(settings(), 65_537), field: "section.size", value: 65_537n },
];

const lengthRefusals = (blob: keyof ModelBytes, length: number): Omit<RefusalCase, "kind">[] =>
  [0, length - 1, length + 1].map((actual) => ({
    name: `a ${blob} of ${actual} bytes`,
    bytes: model(modelBody({ [blob]: new Uint8Array(actual) })),
    field: `model.${blob}`,
    value: BigInt(actual),
  }));

const thresholdRefusal = (alertThreshold: number, denyThreshold: number): Omit<RefusalCase, "kind"> => ({
  name: `thresholds ${alertThreshold} and ${denyThreshold}`,
  bytes: model(modelBody({ alertThreshold, denyThreshold })),
  field: "model.deny_threshold",
  value: BigInt(denyThreshold),
});

const MODEL_REFUSALS: Omit<RefusalCase, "kind">[] = [
  ...lengthRefusals("mean", 64),
  ...lengthRefusals("factor", 1024),
  ...lengthRefusals("scale", 128),
  ...lengthRefusals("clip", 64),
  { name: "a clip of 0", bytes: model(modelBody({ clip: withBlob(3, withBlob(2, clip, 0), 0) })), field: "model.clip" },
  {
    name: "a clip of 2048",
    bytes: model(modelBody({ clip: withBlob(63, withBlob(62, clip, 0), 8) })),
    field: "model.clip",
  },
  { name: "a negative clip", bytes: model(modelBody({ clip: withBlob(1, clip, 0x80) })), field: "model.clip" },
  {
    name: "a mean of 2048",
    bytes: model(modelBody({ mean: withBlob(63, withBlob(62, mean, 0), 8) })),
    field: "model.mean",
  },
  { name: "a negative mean", bytes: model(modelBody({ mean: withBlob(1, mean, 0xff) })), field: "model.mean" },
  { name: "a scale of 2^31", bytes: model(modelBody({ scale: withBlob(127, scale, 0x80) })), field: "model.scale" },
  { name: "model id 0", bytes: model(modelBody({ modelId: 0n })), field: "model.model_id", value: 0n },
  { name: "a wrong model id", bytes: model(modelBody({ modelId: 12345n })), field: "model.model_id", value: 12345n },
  {
    name: "another model's factor",
    bytes: model({ ...modelBody(), factor: withBlob(0, factor, factor[0]! ^ 1) }),
    field: "model.model_id",
    value: idOf({ mean, factor, scale, clip }),
  },
  {
    name: "a bad candidate beside a good model",
    bytes: model(other, modelBody({ modelId: 1n })),
    field: "model.model_id",
  },
  {
    name: "a bad model beside a good candidate",
    bytes: model(modelBody({ modelId: 1n }), other),
    field: "model.model_id",
  },
  thresholdRefusal(2000, 1999),
  thresholdRefusal(0, 1),
  thresholdRefusal(0, 2 ** 31),
  thresholdRefusal(2000, 2 ** 31),
  thresholdRefusal(2 ** 32 - 1, 2 ** 32 - 1),
  {
    name: "a model a byte too large",
    bytes: padTo(model(modelBody()), 131_073),
    field: "section.size",
    value: 131_073n,
  },
];

const RULES_REFUSALS: Omit<RefusalCase, "kind">[] = [
  { name: "a rule too many", bytes: many(10_241), field: "rules.rules", value: 10_241n },
  { name: "rule id 0", bytes: rules(rule({ id: 0n })), field: "rules.id", value: 0n },
  { name: "equal ids", bytes: rules(rule(), rule()), field: "rules.id", value: 1n },
  { name: "descending ids", bytes: rules(rule({ id: 9n }), rule({ id: 8n })), field: "rules.id", value: 8n },
  {
    name: "ids that descend as unsigned numbers",
    bytes: rules(rule({ id: 2n ** 63n }), rule({ id: 2n ** 63n - 1n })),
    field: "rules.id",
    value: 2n ** 63n - 1n,
  },
  { name: "action 0", bytes: rules(rule({ action: 0 })), field: "rules.action", value: 0n },
  { name: "action 3", bytes: rules(rule({ action: 3 as RuleAction })), field: "rules.action", value: 3n },
  { name: "nothing to match", bytes: rules(rule({ method: "" })), field: "rules.match" },
  { name: "a caller of 257 bytes", bytes: rules(rule({ caller: text(257) })), field: "rules.match", value: 257n },
  { name: "a route of 513 bytes", bytes: rules(rule({ route: text(513) })), field: "rules.match", value: 513n },
  { name: "a method of 17 bytes", bytes: rules(rule({ method: text(17) })), field: "rules.match", value: 17n },
  { name: "caller group 9", bytes: rules(rule({ callerGroupPlusOne: 9 })), field: "rules.match", value: 9n },
  { name: "expiry 0", bytes: rules(rule({ expiresAtMs: 0n })), field: "rules.expires_at_ms", value: 0n },
  { name: "a negative expiry", bytes: rules(rule({ expiresAtMs: -1n })), field: "rules.expires_at_ms" },
  { name: "rules a byte too large", bytes: padTo(rules(rule()), 1_048_577), field: "section.size", value: 1_048_577n },
];

/** Unreadable whatever the section: each is put behind a good section's bytes. */
const UNREADABLE: [name: string, tail: number[]][] = [
  ["a tag that does not end", [0x80]],
  ["a varint without its end", [0x78, 0xff]],
  ["a varint of 11 bytes", [0x78, ...new Array<number>(10).fill(0x80), 0]],
  ["a tag of 11 bytes", [...new Array<number>(10).fill(0x80), 0]],
  ["a length beyond the end", [0x7a, 2, 0]],
  ["a length of 2^64 - 1", [0x7a, ...new Array<number>(9).fill(0xff), 1]],
  ["a length of 2^32", [0x7a, 0x80, 0x80, 0x80, 0x80, 0x10]],
  ["a fixed64 of 7 bytes", [0x79, 0, 0, 0, 0, 0, 0, 0]],
  ["a fixed32 of 3 bytes", [0x7d, 0, 0, 0]],
  ["a group", [0x7b, 0x7c]],
  ["an end of a group", [0x7c]],
  ["wire type 6", [0x7e]],
  ["wire type 7", [0x7f]],
  ["field number 0", [0x02, 0]],
];

const GOOD: Record<SectionName, Uint8Array> = { settings: settings(), model: model(modelBody()), rules: rules(rule()) };
const KINDS: readonly SectionName[] = ["settings", "model", "rules"];

/** One case at least for each row of the law's table that concerns a section. */
export const REFUSED: readonly RefusalCase[] = [
  ...SETTINGS_REFUSALS.map((one) => ({ ...one, kind: "settings" as const })),
  ...HEADS_REFUSED.map((one) => ({ ...one, kind: "model" as const })),
  ...MODEL_REFUSALS.map((one) => ({ ...one, kind: "model" as const })),
  ...RULES_REFUSALS.map((one) => ({ ...one, kind: "rules" as const })),
  ...KINDS.flatMap((kind) =>
    UNREADABLE.map(([name, tail]) => ({
      name: `${kind} with ${name}`,
      kind,
      bytes: Uint8Array.from([...GOOD[kind], ...tail]),
      field: "section",
    })),
  ),
];

/** A section of each kind with several of everything. */
export const SAMPLES: Readonly<Record<SectionName, Uint8Array>> = {
  settings: settings({ hashKeys: [hashKey, { ...hashKey, id: 300 }], oversize: 2 }),
  model: model(modelBody(HEADS_SAMPLE, 8), modelBody({ alertThreshold: 0, denyThreshold: 0 }, 9)),
  rules: rules(
    rule({ action: 1, caller: "spiffe://mesh/ns/a/sa/b", route: "GET /a/*" }),
    rule({ id: 200n, callerGroupPlusOne: 8, method: "" }),
    rule({ id: 2n ** 40n, scoreMin: 4000 }),
  ),
};
