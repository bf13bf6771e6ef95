// Updates as the control plane sends them: manifest, digests, signature, sections. Good unless asked otherwise. With a
// model whose scores can be told in one's head: only the quotes of a request count, and as long as that is usual its
// score is 256 times the square of their bin, and 128 since the attack head agrees.

import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { create, toBinary } from "@bufbuild/protobuf";
import { ManifestSchema, SectionKind } from "../../control-plane/gen/vedette/v1/model_pb.ts";
import { type Update, UpdateSchema } from "../../control-plane/gen/vedette/v1/sidecar_pb.ts";
import { ATTACK_WEIGHTS, FEATURES } from "../../filter/core/limits.ts";
import { distancePart } from "../reference/contexts.ts";
import { FEATURE_NAMES, featureHash } from "../reference/features.ts";
import { kindBytes } from "./heads.ts";
import { modelBytes } from "./models.ts";
import { attackTable, idOf, model, rules, settings } from "./sections.ts";

const KINDS = { settings: SectionKind.SETTINGS, model: SectionKind.MODEL, rules: SectionKind.RULES } as const;
export type Kind = keyof typeof KINDS;

export interface SnapshotSpec {
  mesh?: string;
  target?: string;
  epoch?: bigint;
  version?: bigint;
  nonce?: bigint;
  serverNowMs?: bigint;
  settings?: Uint8Array;
  model?: Uint8Array;
  rules?: Uint8Array;
  featureHash?: bigint;
  /** Signs the manifest. */
  key?: KeyObject;
  /** Sections that are not sent, because they are held, or to see them missed. */
  omit?: Kind[];
  /** Sections sent with other content than the manifest names. */
  swap?: Partial<Record<Kind, Uint8Array>>;
  /** Kinds that the manifest names, in this order; all unless told. */
  named?: Kind[];
  /** Sent as manifest and signed, instead of the one that was made. */
  manifest?: Uint8Array;
  /** Sent instead of the right signature. */
  signature?: Uint8Array;
}

/** A P-256 key; another one to sign wrongly with. */
export const signingKey: KeyObject = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
export const otherKey: KeyObject = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;

/** As the plugin configuration takes it. */
export function publicKeyOf(key: KeyObject): string {
  return createPublicKey(key).export({ format: "der", type: "spki" }).toString("base64");
}

export function signManifest(manifest: Uint8Array, key: KeyObject): Uint8Array {
  return sign("sha256", Buffer.concat([Buffer.from("vedette/manifest/v1\0"), manifest]), key);
}

/** Feature id of the law; what the model of this file looks at. */
export const QUOTES = FEATURE_NAMES.indexOf("quotes");

export interface Thresholds {
  alert?: number;
  deny?: number;
  /** Of the rows that count; another scale makes another model. */
  scale?: number;
}

/** What the attack head adds to the score of a request that has a quote. */
export const QUOTE_EXCESS = 128;

/** Rows of the factor that look at quotes, as a fifth of a usual distance counts. */
const QUOTE_ROWS = 5;

/** Score of a request whose quotes have this bin. */
export const quoteScore = (bin: number): number =>
  distancePart(QUOTE_ROWS * 256 * bin * bin) + (bin > 0 ? QUOTE_EXCESS : 0);

/** A table by which a text has level 1 if a quote begins it or follows its first token of letters or digits, else 0. */
export const quoteTable = (() => {
  const weights = new Int8Array(ATTACK_WEIGHTS);
  const [before, letters, digits, quote] = [0xfe, 0x61, 0x30, 0x27];
  for (const previous of [before, letters, digits]) {
    weights[Math.imul((before << 16) | (previous << 8) | quote, 0x9e3779b1) >>> 17] = 1;
  }
  return attackTable(weights, 0);
})();

const KIND = { base: 0, nameSurprise: 0 };
const HEADS = {
  contexts: new Uint8Array(0),
  kinds: kindBytes([KIND, KIND, KIND, KIND]),
  routes: new Uint8Array(0),
  structureBase: 0,
  attackId: quoteTable.tableId,
};

/** A model body that scores the quotes of a request: 1, 2, 4 of them give 384, 1,152, 14,055. */
export function quoteModel({ alert = 500, deny = 2000, scale: one = 4 * 65536 }: Thresholds = {}) {
  const factor = new Array<number>(FEATURES * FEATURES).fill(0);
  const scale = new Array<number>(FEATURES).fill(0);
  for (let row = 0; row < QUOTE_ROWS; row++) {
    factor[row * FEATURES + QUOTES] = 1;
    scale[row] = one;
  }
  const clip = new Array<number>(FEATURES).fill(2047);
  const content = { ...modelBytes({ mean: new Array<number>(FEATURES).fill(0), factor, scale, clip }), ...HEADS };
  return { modelId: idOf(content), ...content, alertThreshold: alert, denyThreshold: deny };
}

/** A model section of that body, and of another as the candidate. */
export function quoteSection(thresholds: Thresholds = {}, candidate?: Thresholds): Uint8Array {
  return model(quoteModel(thresholds), candidate && quoteModel(candidate), quoteTable);
}

/** The shortest windows and pulses there may be. */
export const FAST = { windowMs: 1000, pulseMs: 500 };

export function contentsOf(spec: SnapshotSpec): Record<Kind, Uint8Array> {
  return {
    settings: spec.settings ?? settings(FAST),
    model: spec.model ?? quoteSection(),
    rules: spec.rules ?? rules(),
  };
}

export function manifestOf(spec: SnapshotSpec): Uint8Array {
  const contents = contentsOf(spec);
  const sections = (spec.named ?? (["settings", "model", "rules"] as const)).map((kind) => ({
    kind: KINDS[kind],
    digest: createHash("sha256").update(contents[kind]).digest(),
    size: contents[kind].length,
  }));
  const { mesh = "default", target = "shop/quotes", epoch = 1n, version = 1n } = spec;
  const named = { mesh, target, epoch, version, sections, featureHash: spec.featureHash ?? featureHash() };
  return toBinary(ManifestSchema, create(ManifestSchema, named));
}

/** An update of enforce mode with the quote model and no rules, but for what is asked. */
export function update(spec: SnapshotSpec = {}): Update {
  const manifest = spec.manifest ?? manifestOf(spec);
  const contents = { ...contentsOf(spec), ...spec.swap };
  const kinds = (Object.keys(KINDS) as Kind[]).filter((kind) => !spec.omit?.includes(kind));
  const signature = spec.signature ?? (spec.key === undefined ? new Uint8Array(0) : signManifest(manifest, spec.key));
  return create(UpdateSchema, {
    nonce: spec.nonce ?? 1n,
    serverNowMs: spec.serverNowMs ?? 1_767_225_600_000n,
    manifest,
    signature,
    sections: kinds.map((kind) => ({ kind: KINDS[kind], content: contents[kind] })),
  });
}
