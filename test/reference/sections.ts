// Section 8 of the law: sections read and refused. Each reader returns what the section says or throws the first
// Refusal in the order of the law's table, a repeated or nested message being checked whole before the next one.

import { createHash } from "node:crypto";
import * as limits from "../../filter/core/limits.ts";
import { fromBytes } from "./bytes.ts";
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

export interface ModelBody extends Model {
  modelId: bigint;
  alertThreshold: number;
  denyThreshold: number;
}

export interface Models {
  current: ModelBody | undefined;
  candidate: ModelBody | undefined;
}

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

/** First 8 bytes of SHA-256 over mean, factor, scale and clip, little-endian. */
export function modelIdOf(blobs: readonly Uint8Array[]): bigint {
  return createHash("sha256").update(Buffer.concat(blobs)).digest().readBigUInt64LE(0);
}

function refuseLength(field: string, content: Uint8Array, length: number): void {
  refuseIf(content.length !== length, field, content.length, `${length} bytes`);
}

function numbers(content: Uint8Array, size: number, at: (view: DataView, offset: number) => number): number[] {
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  return Array.from({ length: content.length / size }, (_, i) => at(view, i * size));
}

function readModelBody(content: Content): ModelBody {
  const fields = readFields(content);
  const modelId = scalar(fields, 1, FIXED64);
  const blobs = [2, 3, 4, 7].map((number) => bytes(fields, number));
  const [meanBytes, factorBytes, scaleBytes, clipBytes] = blobs as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  const alertThreshold = scalar32(fields, 5);
  const denyThreshold = scalar32(fields, 6);
  refuseLength("model.mean", meanBytes, 2 * limits.FEATURES);
  const mean = numbers(meanBytes, 2, (view, offset) => view.getInt16(offset, true));
  for (const m of mean) refuseOutside("model.mean", m, 0, 2047);
  refuseLength("model.factor", factorBytes, limits.FEATURES ** 2);
  refuseLength("model.scale", scaleBytes, 4 * limits.FEATURES);
  const scale = numbers(scaleBytes, 4, (view, offset) => view.getUint32(offset, true));
  for (const s of scale) refuseOutside("model.scale", s, 0, 0x7fffffff);
  refuseLength("model.clip", clipBytes, 2 * limits.FEATURES);
  const clip = numbers(clipBytes, 2, (view, offset) => view.getInt16(offset, true));
  for (const k of clip) refuseOutside("model.clip", k, 1, 2047);
  const isId = modelId !== 0n && modelId === modelIdOf(blobs);
  refuseIf(!isId, "model.model_id", modelId, "the first 8 bytes of SHA-256 of mean, factor, scale, clip");
  const calibrated = denyThreshold !== 0;
  const below = calibrated && (alertThreshold === 0 || denyThreshold < alertThreshold);
  refuseIf(below, "model.deny_threshold", denyThreshold, `at least alert_threshold ${alertThreshold}`);
  refuseIf(denyThreshold > limits.SCORE_MAX, "model.deny_threshold", denyThreshold, `at most ${limits.SCORE_MAX}`);
  const factor = numbers(factorBytes, 1, (view, offset) => view.getInt8(offset));
  return { modelId, mean, factor, scale, clip, alertThreshold, denyThreshold };
}

export function readModels(section: Uint8Array): Models {
  const fields = readSection(section, limits.MODEL_MAX);
  const [current, candidate] = [1, 2].map((number) => all(fields, number, BYTES).at(-1));
  return {
    current: current && readModelBody(current.content),
    candidate: candidate && readModelBody(candidate.content),
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
