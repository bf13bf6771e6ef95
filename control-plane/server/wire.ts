// Small translations between protobuf values and the nouns of domain.ts: keys, counts, modes, times, resource names.

import { type Timestamp, timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { CallerClass, Mode, Target } from "../domain.ts";
import { invalid } from "../errors.ts";
import { Mode as WireMode } from "../gen/vedette/v1/model_pb.ts";
import { CallerClass as WireCallerClass } from "../gen/vedette/v1/statistics_pb.ts";

const KEY_DIGITS = 16;
const MAX_COUNT = BigInt(Number.MAX_SAFE_INTEGER);
/** 9999-12-31T23:59:59Z, the end of google.protobuf.Timestamp. */
const LAST_SECOND = 253_402_300_799n;
const TARGET_MAX = 256;
const TARGET = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?\/[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/;

const MODES: Readonly<Record<Mode, WireMode>> = {
  off: WireMode.OFF,
  learn: WireMode.LEARN,
  shadow: WireMode.SHADOW,
  enforce: WireMode.ENFORCE,
};
const CLASSES: Readonly<Record<CallerClass, WireCallerClass>> = {
  attested: WireCallerClass.ATTESTED,
  header: WireCallerClass.HEADER,
  address: WireCallerClass.ADDRESS,
};

/** 16 lower-case hex digits. */
export function hexKey(key: bigint): string {
  return key.toString(16).padStart(KEY_DIGITS, "0");
}

/** A count that fits a double exactly; INVALID_ARGUMENT above 2^53 - 1. */
export function count(field: string, value: bigint): number {
  if (value > MAX_COUNT || value < -MAX_COUNT) throw invalid(field, `${field}: ${value}, at most ${MAX_COUNT}`);
  return Number(value);
}

/** As `count`, for each; the field named is `field[i]`. */
export function counts(field: string, values: readonly bigint[]): number[] {
  const at = values.findIndex((value) => value > MAX_COUNT);
  if (at >= 0) throw invalid(`${field}[${at}]`, `${field}[${at}]: ${values[at]}, at most ${MAX_COUNT}`);
  return values.map(Number);
}

export function toWireMode(mode: Mode): WireMode {
  return MODES[mode];
}

/** Undefined for a mode that is not set or not known. */
export function fromWireMode(mode: WireMode): Mode | undefined {
  const found = Object.entries(MODES).find(([, wire]) => wire === mode);
  return found?.[0] as Mode | undefined;
}

/** What is not known counts as the weakest class. */
export function fromWireClass(callerClass: WireCallerClass): CallerClass {
  const found = Object.entries(CLASSES).find(([, wire]) => wire === callerClass);
  return (found?.[0] as CallerClass | undefined) ?? "address";
}

/** Undefined for a time that never was. */
export function toTimestamp(ms: number): Timestamp | undefined {
  return ms === 0 ? undefined : timestampFromMs(ms);
}

/** Unix milliseconds; INVALID_ARGUMENT outside the years 1970 to 9999. */
export function fromTimestamp(field: string, time: Timestamp): number {
  if (time.seconds < 0n || time.seconds > LAST_SECOND || time.nanos < 0 || time.nanos > 999_999_999) {
    throw invalid(field, `${field}: ${time.seconds} s ${time.nanos} ns, must be in the years 1970 to 9999`);
  }
  return Number(time.seconds) * 1000 + Math.floor(time.nanos / 1e6);
}

/** INVALID_ARGUMENT where it is no `namespace/name` of lower-case letters, digits, `-` and `.`. */
export function checkTarget(field: string, target: string): Target {
  if (target.length > TARGET_MAX || !TARGET.test(target)) {
    throw invalid(field, `${field}: ${JSON.stringify(target)}, must be namespace/name, at most ${TARGET_MAX} bytes`);
  }
  return target;
}

const WORKLOADS = "workloads/";
const RULES = "rules/";

export function workloadName(target: Target): string {
  return WORKLOADS + target;
}

/** From `workloads/{namespace}/{name}`. */
export function parseWorkloadName(field: string, name: string): Target {
  if (!name.startsWith(WORKLOADS)) {
    throw invalid(field, `${field}: ${JSON.stringify(name)}, must be workloads/{namespace}/{name}`);
  }
  return checkTarget(field, name.slice(WORKLOADS.length));
}

export function ruleName(id: number): string {
  return RULES + id;
}

/** From `rules/{id}`, which validation has let through; beyond 2^53 - 1 there is no rule. */
export function parseRuleName(name: string): number | undefined {
  const id = Number(name.slice(RULES.length));
  return Number.isSafeInteger(id) && id > 0 ? id : undefined;
}
