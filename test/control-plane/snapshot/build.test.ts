// Snapshots: checked, named by content, signed, versioned.

import { createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import { fromBinary } from "@bufbuild/protobuf";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ContextSums, Model, Rule } from "../../../control-plane/domain.ts";
import { ControlPlaneError } from "../../../control-plane/errors.ts";
import {
  ManifestSchema,
  ModelSectionSchema,
  RulesSectionSchema,
  SettingsSectionSchema,
  Mode as WireMode,
} from "../../../control-plane/gen/vedette/v1/model_pb.ts";
import { buildSnapshot, type SnapshotContent } from "../../../control-plane/snapshot/build.ts";
import { named, trainModel } from "../../../control-plane/train/model.ts";
import { attack, attackTable, contextKey, core, prior, requests, statisticsOf, TARGET } from "../fixture.ts";

const { moments, contexts } = statisticsOf(requests(1, 500));
const thresholds = { alertThreshold: 20_000, denyThreshold: 30_000 };
const trained = trainModel([{ day: 1, moments, contexts, routes: {} }], prior, core, attack)!;
const model = withRoutes({ ...trained, ...thresholds }, [9n, 10n, 2n ** 64n - 1n]);
const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });

const rule: Rule = {
  id: 7,
  action: "deny",
  target: TARGET,
  match: { caller: "", callerGroup: 0, method: "POST", route: "", scoreMin: 0 },
  expiresAtMs: 2_000_000_000_000,
  owner: "o",
  reason: "r",
  createdAtMs: 1,
};

/** The same model with these routes, under the id that follows. */
function withRoutes(of: Model, keys: readonly bigint[]): Model {
  return named({ ...of, routes: new Uint8Array(BigUint64Array.from(keys).buffer) }, core);
}

const settings = {
  mode: "enforce" as const,
  hashKeys: [{ id: 1, key: new Uint8Array(16).fill(5) }],
  windowMs: 60_000,
  pulseMs: 5000,
  oversize: "allow" as const,
};

const content: SnapshotContent = { settings, models: { current: model, candidate: undefined }, attack, rules: [rule] };
const place = { core, mesh: "default", target: TARGET, epoch: 3, signingKey: undefined, previous: undefined };

function refusalOf(some: Partial<SnapshotContent>): ControlPlaneError {
  try {
    buildSnapshot({ ...content, ...some }, place);
  } catch (error) {
    assert.instance(error, ControlPlaneError);
    return error as ControlPlaneError;
  }
  throw new Error("was taken");
}

test("the sections say what was put in, and the manifest names them by digest and size", () => {
  const snapshot = buildSnapshot(content, place);
  const [first, second, third] = snapshot.sections;
  assert.equal(
    snapshot.sections.map(({ kind }) => kind),
    ["settings", "model", "rules"],
  );
  const told = fromBinary(SettingsSectionSchema, first!.content);
  assert.is(told.mode, WireMode.ENFORCE);
  assert.is(told.windowMs, 60_000);
  const { current, candidate } = fromBinary(ModelSectionSchema, second!.content);
  assert.is(candidate, undefined);
  assert.is(current!.modelId.toString(16).padStart(16, "0"), model.modelId);
  assert.is(current!.denyThreshold, 30_000);
  assert.is(Buffer.from(current!.mean).readInt16LE(2), model.mean[1]);
  const [body] = fromBinary(RulesSectionSchema, third!.content).rules;
  assert.is(body!.id, 7n);
  assert.is(body!.callerGroupPlusOne, 1);
  const manifest = fromBinary(ManifestSchema, snapshot.manifest);
  assert.equal([manifest.mesh, manifest.target, manifest.epoch, manifest.version], ["default", TARGET, 3n, 1n]);
  assert.is(manifest.featureHash, core.featureHash);
  for (const [i, ref] of manifest.sections.entries()) {
    assert.is(ref.kind, i + 1);
    assert.is(Buffer.from(ref.digest).toString("hex"), snapshot.sections[i]!.digest);
    assert.is(ref.size, snapshot.sections[i]!.content.length);
  }
});

test("the same content is the same snapshot, also in a later epoch; other content is the next version", () => {
  const first = buildSnapshot(content, place);
  const again = buildSnapshot(structuredClone(content), { ...place, epoch: 4, previous: first });
  assert.equal(again, first);
  const changed = { ...content, rules: [] };
  const next = buildSnapshot(changed, { ...place, previous: first });
  assert.equal([next.epoch, next.version], [3, 2]);
  assert.is.not(next.digest, first.digest);
  const restarted = buildSnapshot(changed, { ...place, epoch: 4, previous: first });
  assert.equal([restarted.epoch, restarted.version], [4, 1]);
  assert.is(next.sections[1]!.digest, first.sections[1]!.digest, "a section that stays keeps its digest");
});

test("with a key the manifest is signed, behind the prefix of the contract", () => {
  const snapshot = buildSnapshot(content, { ...place, signingKey: privateKey });
  const signed = Buffer.concat([Buffer.from("vedette/manifest/v1\0"), snapshot.manifest]);
  assert.ok(verify("sha256", signed, createPublicKey(privateKey), snapshot.signature));
  assert.not(verify("sha256", snapshot.manifest, createPublicKey(privateKey), snapshot.signature));
  assert.is(buildSnapshot(content, place).signature.length, 0);
});

const REFUSED: [string, string, Partial<SnapshotContent>][] = [
  ["a factor that is too large", "model.factor", withModel({ factor: new Int8Array(2048) })],
  ["a baseline beyond the section's bound", "section.size", withModel({ factor: new Int8Array(200_000) })],
  ["a mean below 0", "model.mean", withModel({ mean: model.mean.with(0, -1) })],
  ["a model that is not what its id says", "model.model_id", withModel({ scale: model.scale.with(0, 1) })],
  ["a clip of 0", "model.clip", withModel({ clip: model.clip.with(0, 0) })],
  ["routes that do not ascend", "model.routes", withModel(withRoutes(model, [10n, 9n]))],
  ["half a route", "model.routes", withModel({ routes: new Uint8Array(12) })],
  ["kinds of before there were routes", "model.kinds", withModel({ kinds: new Uint8Array(12) })],
  ["other routes than the id says", "model.model_id", withModel({ routes: new Uint8Array(0) })],
  ["deny below alert", "model.deny_threshold", withModel({ denyThreshold: 19_999 })],
  ["an alert at its own mean", "model.current.alert_threshold", withModel({ alertThreshold: 1 })],
  ["no hash key", "settings.hash_keys", { settings: { ...settings, hashKeys: [] } }],
  ["a short hash key", "settings.hash_keys.key", withKey(new Uint8Array(15))],
  ["a window that is too short", "settings.window_ms", { settings: { ...settings, windowMs: 999 } }],
  ["rules out of order", "rules.id", { rules: [rule, { ...rule, id: 6 }] }],
  [
    "a rule for everything",
    "rules.match",
    { rules: [{ ...rule, match: { ...rule.match, callerGroup: null, method: "" } }] },
  ],
  ["a rule too many", "rules.rules", { rules: Array.from({ length: 10_241 }, (_, i) => ({ ...rule, id: i + 1 })) }],
];

function withModel(some: Partial<Model>): Partial<SnapshotContent> {
  return { models: { current: { ...model, ...some }, candidate: undefined } };
}

function withKey(key: Uint8Array): Partial<SnapshotContent> {
  return { settings: { ...settings, hashKeys: [{ id: 1, key }] } };
}

for (const [what, field, some] of REFUSED) {
  test(`what the filter would refuse does not leave: ${what}`, () => {
    const error = refusalOf(some);
    assert.is(error.code, "FAILED_PRECONDITION");
    assert.is(error.field, field);
    assert.match(error.message, /must be/);
  });
}

test("as many rules as the filter takes are taken", () => {
  const rules = Array.from({ length: 10_240 }, (_, i) => ({ ...rule, id: i + 1 }));
  assert.is(
    fromBinary(RulesSectionSchema, buildSnapshot({ ...content, rules }, place).sections[2]!.content).rules.length,
    10_240,
  );
});

test("the attack table goes out once, with and without models, and models only with their own", () => {
  const told = (some: Partial<SnapshotContent>) => {
    return fromBinary(ModelSectionSchema, buildSnapshot({ ...content, ...some }, place).sections[1]!.content);
  };
  const { current, attack: table } = told({});
  assert.equal([table!.tableId, current!.attackId], [BigInt(`0x${attack.tableId}`), table!.tableId]);
  assert.equal([table!.weights.length, table!.bias], [32_768, attack.bias]);
  assert.equal(current!.contexts, model.contexts);
  assert.equal([current!.kinds, current!.structureBase], [model.kinds, model.structureBase]);
  assert.equal(Buffer.from(current!.routes).toString("hex"), `09${"0".repeat(14)}0a${"0".repeat(14)}${"f".repeat(16)}`);
  assert.is(told({ models: { current: undefined, candidate: undefined } }).attack!.bias, attack.bias);
  assert.is(refusalOf({ attack: attackTable(3) }).field, "model.attack_id");
  assert.is(refusalOf({ attack: undefined }).field, "model.attack_id");
  assert.is(refusalOf({ attack: { ...attack, tableId: model.modelId } }).field, "attack.table_id");
});

test("two models of as many contexts and routes as there may be, and the table, fit into the section", () => {
  const many: Record<string, ContextSums> = {};
  for (let i = 0; i < 2048; i++) many[contextKey(i)] = contexts[contextKey(0)]!;
  const all = trainModel([{ day: 1, moments, contexts: many, routes: {} }], prior, core, attack)!;
  assert.is(all.contexts.length, 1024 * 16);
  const full = withRoutes(
    all,
    Array.from({ length: 1024 }, (_, i) => BigInt(i + 1)),
  );
  const largest = { alertThreshold: 2 ** 31 - 1, denyThreshold: 2 ** 31 - 1 };
  const models = { current: { ...full, ...largest }, candidate: { ...full, ...largest } };
  const { length } = buildSnapshot({ ...content, models }, place).sections[1]!.content;
  assert.ok(length < core.limits.MODEL_MAX, `${length} bytes`);
});

test("a candidate beside a current model is checked as well", () => {
  const candidate = { ...model, scale: model.scale.with(0, 1) };
  assert.is(refusalOf({ models: { current: model, candidate } }).field, "model.model_id");
  const taken = buildSnapshot({ ...content, models: { current: undefined, candidate: { ...model } } }, place);
  assert.ok(fromBinary(ModelSectionSchema, taken.sections[1]!.content).candidate);
});

test("a core that scores otherwise than the law is noticed before a model leaves", () => {
  const bent = Object.assign(Object.create(core), {
    limits: core.limits,
    featureHash: core.featureHash,
    refusalOf: core.refusalOf.bind(core),
    scoreOf: (body: "current" | "candidate", bins: Uint8Array) =>
      (core.scoreOf(body, bins) ?? 0) ^ (bins[9] === 24 ? 1 : 0),
  });
  try {
    buildSnapshot(content, { ...place, core: bent });
    assert.unreachable();
  } catch (error) {
    assert.is((error as ControlPlaneError).field, "model.current.score");
  }
});

test.run();
