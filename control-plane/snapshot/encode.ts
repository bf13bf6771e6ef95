// The edge to protobuf on the way down: settings, model, rules and manifest as the bytes that filters read. Equal
// content gives equal bytes: fields go out in the order of their numbers, lists in the order given, which the callers
// keep sorted.

import { create, toBinary } from "@bufbuild/protobuf";
import type { AttackTable, Mode, Model, Rule, SnapshotSection } from "../domain.ts";
import {
  AttackTableSchema,
  ManifestSchema,
  type ModelBody,
  ModelBodySchema,
  ModelSectionSchema,
  OversizeAction,
  RuleAction,
  RulesSectionSchema,
  SectionKind,
  SettingsSectionSchema,
  Mode as WireMode,
  type AttackTable as WireTable,
} from "../gen/vedette/v1/model_pb.ts";

export interface Settings {
  mode: Mode;
  hashKeys: readonly { id: number; key: Uint8Array }[];
  windowMs: number;
  pulseMs: number;
  oversize: "allow" | "deny";
}

export interface Models {
  current: Model | undefined;
  candidate: Model | undefined;
}

export interface ManifestContent {
  mesh: string;
  target: string;
  epoch: number;
  version: number;
  featureHash: bigint;
  sections: readonly SnapshotSection[];
}

const MODES: Readonly<Record<Mode, WireMode>> = {
  off: WireMode.OFF,
  learn: WireMode.LEARN,
  shadow: WireMode.SHADOW,
  enforce: WireMode.ENFORCE,
};

const KINDS: Readonly<Record<SnapshotSection["kind"], SectionKind>> = {
  settings: SectionKind.SETTINGS,
  model: SectionKind.MODEL,
  rules: SectionKind.RULES,
};

export function encodeSettings(settings: Settings): Uint8Array {
  const { mode, hashKeys, windowMs, pulseMs, oversize } = settings;
  const message = create(SettingsSectionSchema, {
    mode: MODES[mode],
    hashKeys: hashKeys.map(({ id, key }) => ({ id, key })),
    windowMs,
    pulseMs,
    oversize: oversize === "deny" ? OversizeAction.DENY : OversizeAction.ALLOW,
  });
  return toBinary(SettingsSectionSchema, message);
}

/** The table goes out without any model, too: levels are counted by it. */
export function encodeModels({ current, candidate }: Models, attack?: AttackTable | undefined): Uint8Array {
  const section = create(ModelSectionSchema);
  if (current !== undefined) section.current = toBody(current);
  if (candidate !== undefined) section.candidate = toBody(candidate);
  if (attack !== undefined) section.attack = toTable(attack);
  return toBinary(ModelSectionSchema, section);
}

function toTable({ tableId, weights, bias }: AttackTable): WireTable {
  return create(AttackTableSchema, { tableId: BigInt(`0x${tableId}`), weights: Uint8Array.from(weights), bias });
}

function toBody(model: Model): ModelBody {
  return create(ModelBodySchema, {
    modelId: BigInt(`0x${model.modelId}`),
    mean: bytesOf(model.mean),
    factor: bytesOf(model.factor),
    scale: bytesOf(model.scale),
    clip: bytesOf(model.clip),
    alertThreshold: model.alertThreshold,
    denyThreshold: model.denyThreshold,
    contexts: Uint8Array.from(model.contexts),
    kinds: Uint8Array.from(model.kinds),
    structureBase: model.structureBase,
    attackId: BigInt(`0x${model.attackId}`),
    routes: Uint8Array.from(model.routes),
  });
}

/** Little-endian, as every machine that Node runs on has them in memory. */
function bytesOf(numbers: Int16Array | Int8Array | Uint32Array): Uint8Array {
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength).slice();
}

/** `rules` ascend by id. */
export function encodeRules(rules: readonly Rule[]): Uint8Array {
  const bodies = rules.map(({ id, action, match, expiresAtMs }) => ({
    id: BigInt(id),
    action: action === "deny" ? RuleAction.DENY : RuleAction.ALLOW,
    caller: match.caller,
    callerGroupPlusOne: match.callerGroup === null ? 0 : match.callerGroup + 1,
    method: match.method,
    route: match.route,
    scoreMin: match.scoreMin,
    expiresAtMs: BigInt(expiresAtMs),
  }));
  return toBinary(RulesSectionSchema, create(RulesSectionSchema, { rules: bodies }));
}

export function encodeManifest(content: ManifestContent): Uint8Array {
  const message = create(ManifestSchema, {
    mesh: content.mesh,
    target: content.target,
    epoch: BigInt(content.epoch),
    version: BigInt(content.version),
    featureHash: content.featureHash,
    sections: content.sections.map((section) => ({
      kind: KINDS[section.kind],
      digest: Buffer.from(section.digest, "hex"),
      size: section.content.length,
    })),
  });
  return toBinary(ManifestSchema, message);
}
