// Section 8 of the law: sections read and refused. Each reader returns what the section says or throws the first
// Refusal in the order of the law's table, a repeated or nested message being checked whole before the next one.

import { createHash } from "node:crypto";
import * as limits from "../../filter/core/limits.ts";
import type { AttackTable } from "./attack.ts";
import { fromBytes } from "./bytes.ts";
import type { Body, Context, Kind } from "./contexts.ts";
import type { Model } from "./model.ts";
import {
  all,
  BYTES,
  bytes,
  type Content,
  FIXED64,
  type Field,
  Refusal,
  readFields,
  scalar,
  scalar32,
  VARINT,
} from "./protobuf.ts";
import type { Rule } from "./rules.ts";

export interface Settings {
  /** 1 to 4. */
  mode: number;
  hashKeys: { id: number; key: Uint8Array }[];
  windowMs: number;
  pulseMs: number;
  oversize: number;
}

export interface ModelBody extends Body {
  modelId: bigint;
  attackId: bigint;
  alertThreshold: number;
  denyThreshold: number;
}

export interface Models {
  current: ModelBody | undefined;
  candidate: ModelBody | undefined;
  /** Of both bodies. */
  attack: (AttackTable & { tableId: bigint }) | undefined;
}

/** Of a context, of a kind and of a route in a model body. */
const CONTEXT_BYTES = 16;
const KIND_BYTES = 4;
const ROUTE_BYTES = 8;

function refuseIf(condition: boolean, field: string, value: bigint | number, bound: string): void {
  if (condition) throw new Refusal(field, BigInt(value), bound);
}

function readSection(section: Uint8Array, most: number): Field[] {
  refuseIf(section.length > most, "section.size", section.length, `${most} bytes`);
  return readFields({ bytes: section, offset: 0 });
}

function refuseOutside(field: string, value: number, least: number, most: number): void {
  refuseIf(value < least || value > most, field, value, `${least}..${most}`);
}

export function readSettings(section: Uint8Array): Settings {
  const fields = readSection(section, limits.SETTINGS_MAX);
  const keys = all(fields, 2, BYTES).map((field) => {
    const key = readFields(field.content);
    return { id: scalar32(key, 1), key: bytes(key, 2) };
  });
  const settings = {
    mode: scalar32(fields, 1),
    hashKeys: keys,
    windowMs: scalar32(fields, 3),
    pulseMs: scalar32(fields, 4),
    oversize: scalar32(fields, 5),
  };
  refuseOutside("settings.mode", settings.mode, 1, 4);
  refuseOutside("settings.hash_keys", keys.length, 1, limits.HASH_KEYS_MAX);
  for (const { key } of keys) refuseIf(key.length !== 16, "settings.hash_keys.key", key.length, "16 bytes");
  refuseOutside("settings.window_ms", settings.windowMs, limits.WINDOW_MS_MIN, limits.WINDOW_MS_MAX);
  refuseOutside("settings.pulse_ms", settings.pulseMs, limits.PULSE_MS_MIN, limits.PULSE_MS_MAX);
  return settings;
}

/** First 8 bytes of SHA-256, little-endian. */
function contentId(blobs: readonly Uint8Array[]): bigint {
  return createHash("sha256").update(Buffer.concat(blobs)).digest().readBigUInt64LE(0);
}

/** What a model id is made of. */
export interface ModelContent {
  mean: Uint8Array;
  factor: Uint8Array;
  scale: Uint8Array;
  clip: Uint8Array;
  contexts: Uint8Array;
  kinds: Uint8Array;
  routes: Uint8Array;
  structureBase: number;
  attackId: bigint;
}

/** Id of a model: of all its content but the thresholds. */
export function modelIdOf(content: ModelContent): bigint {
  const { mean, factor, scale, clip, contexts, kinds, routes, structureBase, attackId } = content;
  const tail = Buffer.alloc(12);
  tail.writeUInt32LE(structureBase, 0);
  tail.writeBigUInt64LE(attackId, 4);
  return contentId([mean, factor, scale, clip, contexts, kinds, routes, tail]);
}

/** Id of an attack table: of its weights (i8) and its bias. */
export function tableIdOf(weights: Uint8Array, bias: number): bigint {
  const tail = Buffer.alloc(4);
  tail.writeInt32LE(bias, 0);
  return contentId([weights, tail]);
}

function refuseLength(field: string, content: Uint8Array, length: number): void {
  refuseIf(content.length !== length, field, content.length, `${length} bytes`);
}

const viewOf = (content: Uint8Array) => new DataView(content.buffer, content.byteOffset, content.byteLength);

function numbers(content: Uint8Array, size: number, at: (view: DataView, offset: number) => number): number[] {
  return Array.from({ length: content.length / size }, (_, i) => at(viewOf(content), i * size));
}

/** Mean, factor, scale and clip, of the right sizes and within their bounds. */
function readNumbers(content: Pick<ModelContent, "mean" | "factor" | "scale" | "clip">): Model {
  refuseLength("model.mean", content.mean, 2 * limits.FEATURES);
  const mean = numbers(content.mean, 2, (view, offset) => view.getInt16(offset, true));
  for (const m of mean) refuseOutside("model.mean", m, 0, 2047);
  refuseLength("model.factor", content.factor, limits.FEATURES ** 2);
  refuseLength("model.scale", content.scale, 4 * limits.FEATURES);
  const scale = numbers(content.scale, 4, (view, offset) => view.getUint32(offset, true));
  for (const s of scale) refuseOutside("model.scale", s, 0, 0x7fffffff);
  refuseLength("model.clip", content.clip, 2 * limits.FEATURES);
  const clip = numbers(content.clip, 2, (view, offset) => view.getInt16(offset, true));
  for (const k of clip) refuseOutside("model.clip", k, 1, 2047);
  const factor = numbers(content.factor, 1, (view, offset) => view.getInt8(offset));
  return { mean, factor, scale, clip };
}

function readContexts(content: Uint8Array): Context[] {
  const field = "model.contexts";
  const most = CONTEXT_BYTES * limits.MODEL_CONTEXTS_MAX;
  refuseIf(content.length % CONTEXT_BYTES !== 0, field, content.length, "a multiple of 16 bytes");
  refuseIf(content.length > most, field, content.length, `${most} bytes`);
  const view = viewOf(content);
  const rows: Context[] = [];
  for (let at = 0; at < content.length; at += CONTEXT_BYTES) {
    const row = {
      key: view.getBigUint64(at, true),
      base: view.getInt16(at + 8, true),
      classes: view.getUint16(at + 10, true),
      shortest: view.getUint8(at + 12),
      longest: view.getUint8(at + 13),
      classSurprise: view.getUint8(at + 14),
      lengthSurprise: view.getUint8(at + 15),
    };
    // The first key is held against 0, which no key may be.
    refuseIf(row.key <= (rows.at(-1)?.key ?? 0n), field, row.key, "keys above 0, ascending");
    refuseIf(row.shortest > Math.min(row.longest, limits.BIN_MAX), field, row.shortest, `0..${limits.BIN_MAX}`);
    refuseIf(row.classes >= 1 << limits.CLASSES, field, row.classes, `${limits.CLASSES} bits`);
    rows.push(row);
  }
  return rows;
}

/** Four kinds; none only where `others`, the contents of contexts and routes, are empty. */
function readKinds(content: Uint8Array, others: readonly Uint8Array[]): Kind[] {
  const isSilent = [content, ...others].every(({ length }) => length === 0);
  if (!isSilent) refuseLength("model.kinds", content, 4 * KIND_BYTES);
  const view = viewOf(content);
  return numbers(content, KIND_BYTES, (_, offset) => offset).map((at) => ({
    base: view.getInt16(at, true),
    nameSurprise: view.getUint8(at + 2),
  }));
}

function readRoutes(content: Uint8Array): bigint[] {
  const field = "model.routes";
  const most = ROUTE_BYTES * limits.MODEL_ROUTES_MAX;
  refuseIf(content.length % ROUTE_BYTES !== 0, field, content.length, "a multiple of 8 bytes");
  refuseIf(content.length > most, field, content.length, `${most} bytes`);
  const view = viewOf(content);
  const keys = Array.from({ length: content.length / ROUTE_BYTES }, (_, i) => view.getBigUint64(ROUTE_BYTES * i, true));
  // The first key is held against 0, which no key may be.
  for (const [i, key] of keys.entries()) refuseIf(key <= (keys[i - 1] ?? 0n), field, key, "keys above 0, ascending");
  return keys;
}

function refuseThresholds(alertThreshold: number, denyThreshold: number): void {
  const below = denyThreshold !== 0 && (alertThreshold === 0 || denyThreshold < alertThreshold);
  refuseIf(below, "model.deny_threshold", denyThreshold, `at least alert_threshold ${alertThreshold}`);
  refuseIf(denyThreshold > limits.SCORE_MAX, "model.deny_threshold", denyThreshold, `at most ${limits.SCORE_MAX}`);
}

/** `tableId`: of the section's attack table; 0 without one. */
function readModelBody(message: Content, tableId: bigint): ModelBody {
  const fields = readFields(message);
  const modelId = scalar(fields, 1, FIXED64);
  const [mean, factor, scale, clip] = [bytes(fields, 2), bytes(fields, 3), bytes(fields, 4), bytes(fields, 7)];
  const [contextBytes, kindBytes, routeBytes] = [bytes(fields, 8), bytes(fields, 9), bytes(fields, 12)];
  const [alertThreshold, denyThreshold, structureBase] = [5, 6, 10].map((number) => scalar32(fields, number));
  const attackId = scalar(fields, 11, FIXED64);
  const model = readNumbers({ mean, factor, scale, clip });
  const contexts = readContexts(contextBytes);
  const kinds = readKinds(kindBytes, [contextBytes, routeBytes]);
  const routes = readRoutes(routeBytes);
  refuseOutside("model.structure_base", structureBase!, 0, 255);
  refuseIf(attackId !== tableId, "model.attack_id", attackId, `the table's ${tableId}`);
  const heads = { contexts: contextBytes, kinds: kindBytes, routes: routeBytes, attackId };
  const content = { mean, factor, scale, clip, ...heads };
  const isId = modelId !== 0n && modelId === modelIdOf({ ...content, structureBase: structureBase! });
  refuseIf(!isId, "model.model_id", modelId, "the first 8 bytes of SHA-256 of all but the thresholds");
  refuseThresholds(alertThreshold!, denyThreshold!);
  const thresholds = { alertThreshold: alertThreshold!, denyThreshold: denyThreshold! };
  return { modelId, ...model, contexts, kinds, routes, structureBase: structureBase!, attackId, ...thresholds };
}

function zigzag(value: number): number {
  return (value >>> 1) ^ -(value & 1);
}

function readAttackTable(message: Content): Models["attack"] {
  const fields = readFields(message);
  const tableId = scalar(fields, 1, FIXED64);
  const weightBytes = bytes(fields, 2);
  const bias = zigzag(scalar32(fields, 3));
  refuseLength("attack.weights", weightBytes, limits.ATTACK_WEIGHTS);
  refuseOutside("attack.bias", bias, -limits.ATTACK_BIAS_MAX, limits.ATTACK_BIAS_MAX);
  const isId = tableId === tableIdOf(weightBytes, bias);
  refuseIf(!isId, "attack.table_id", tableId, "the first 8 bytes of SHA-256 of weights and bias");
  return { tableId, weights: numbers(weightBytes, 1, (view, offset) => view.getInt8(offset)), bias };
}

/** The table is checked before the bodies, and current before candidate. */
export function readModels(section: Uint8Array): Models {
  const fields = readSection(section, limits.MODEL_MAX);
  const [current, candidate, table] = [1, 2, 3].map((number) => all(fields, number, BYTES).at(-1));
  const attack = table && readAttackTable(table.content);
  const tableId = attack?.tableId ?? 0n;
  return {
    current: current && readModelBody(current.content, tableId),
    candidate: candidate && readModelBody(candidate.content, tableId),
    attack,
  };
}

function readRule(field: Field, idBefore: bigint): Rule {
  const fields = readFields(field.content);
  const id = scalar(fields, 1, VARINT);
  const action = scalar32(fields, 2);
  const [caller, method, route] = [3, 5, 6].map((number) => fromBytes(bytes(fields, number)));
  const callerGroupPlusOne = scalar32(fields, 4);
  const scoreMin = scalar32(fields, 7);
  const expiresAtMs = BigInt.asIntN(64, scalar(fields, 8, VARINT));
  refuseIf(id <= idBefore, "rules.id", id, `above ${idBefore}`);
  refuseOutside("rules.action", action, 1, 2);
  const isSet = [caller, method, route].some((text) => text !== "") || callerGroupPlusOne !== 0 || scoreMin !== 0;
  refuseIf(!isSet, "rules.match", 0, "at least one field set");
  refuseIf(caller!.length > limits.CALLER_MAX, "rules.match", caller!.length, `caller ${limits.CALLER_MAX} bytes`);
  refuseIf(callerGroupPlusOne > limits.CALLER_GROUPS, "rules.match", callerGroupPlusOne, "group 8");
  refuseIf(method!.length > limits.METHOD_MAX, "rules.match", method!.length, `method ${limits.METHOD_MAX} bytes`);
  refuseIf(route!.length > limits.ROUTE_MAX, "rules.match", route!.length, `route ${limits.ROUTE_MAX} bytes`);
  refuseIf(expiresAtMs <= 0n, "rules.expires_at_ms", expiresAtMs, "above 0");
  return {
    id,
    action: action === 1 ? "allow" : "deny",
    caller: caller!,
    callerGroupPlusOne,
    method: method!,
    route: route!,
    scoreMin,
    expiresAtMs,
  };
}

export function readRules(section: Uint8Array): Rule[] {
  const bodies = all(readSection(section, limits.RULES_MAX_BYTES), 1, BYTES);
  refuseIf(bodies.length > limits.RULES_MAX, "rules.rules", bodies.length, `${limits.RULES_MAX} rules`);
  const rules: Rule[] = [];
  for (const body of bodies) rules.push(readRule(body, rules.at(-1)?.id ?? 0n));
  return rules;
}
