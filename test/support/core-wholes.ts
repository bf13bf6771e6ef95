// Whole requests asked of a build of the core: segments, excesses, score and reason, in the shapes in which the
// reference gives them. The model section checked last judges, with its attack table.

import { fromBytes } from "../reference/bytes.ts";
import type { Reason, WholeScore } from "../reference/contexts.ts";
import type { SegmentKind } from "../reference/request-segments.ts";
import type { Core } from "./core.ts";

/** A request as it comes: headers in their order, skipped ones too. */
export interface SentRequest {
  target: Uint8Array;
  headers: readonly (readonly [name: Uint8Array, value: Uint8Array])[];
  /** 0: the overflow route. */
  routeKey: bigint;
}

/** What the core keeps of a segment. */
export interface SegmentRow {
  kind: number;
  index: number;
  key: bigint;
  /** Length bin. */
  length: number;
  /** Set of 11 bits. */
  classes: number;
  /** null where it has none. */
  level: number | null;
}

export interface MeasuredSegments {
  rows: SegmentRow[];
  beyond: boolean;
}

const NO_LEVEL = -32768;
const ATTACK_LEVEL = 32;
const NEW_NAME = 33;
const NEW_ROUTE = 36;

/** Headers in the pairs format of proxy-wasm. */
function headerBlock(headers: SentRequest["headers"]): Uint8Array {
  const words = Uint32Array.of(headers.length, ...headers.flatMap(([name, value]) => [name.length, value.length]));
  const zero = new Uint8Array(1);
  return Buffer.concat([
    new Uint8Array(words.buffer),
    ...headers.flatMap(([name, value]) => [name, zero, value, zero]),
  ]);
}

function segmentRow(core: Core, i: number): SegmentRow {
  const row = new DataView(core.bytes(core.number("segmentAt", i), core.constant("SEGMENT_BYTES")).buffer);
  const level = row.getInt16(8, true);
  return {
    kind: row.getUint8(13),
    index: row.getUint16(14, true),
    key: row.getBigUint64(0, true),
    length: row.getUint8(12),
    classes: row.getUint16(10, true),
    level: level === NO_LEVEL ? null : level,
  };
}

/** Measures a request with the attack table of the section checked last. Throws if the core cannot read it. */
export function measureByCore(core: Core, request: SentRequest, key: Uint8Array): MeasuredSegments {
  const { target, headers, routeKey } = request;
  const block = headerBlock(headers);
  const [targetAt, blockAt] = core.put(target, block) as [number, number];
  const view = new DataView(key.buffer, key.byteOffset, 16);
  const words = [view.getBigUint64(0, true), view.getBigUint64(8, true)];
  const args = [targetAt, target.length, blockAt, block.length, ...words, core.number("attackTable"), routeKey];
  const count = Number(core.call("measureRequest", ...args));
  if (count < 0) throw new Error(`the core cannot read ${headers.length} headers`);
  const rows = Array.from({ length: count }, (_, i) => segmentRow(core, i));
  return { rows, beyond: core.number("segmentsBeyond") !== 0 };
}

/** The place that locate or locateSegment found. */
function located(core: Core): Pick<Reason, "kind" | "index" | "name"> {
  return {
    kind: core.number("locatedKind") as SegmentKind,
    index: core.number("locatedIndex"),
    name: fromBytes(core.bytes(core.number("locatedName"), core.number("locatedNameLength"))),
  };
}

function distanceReason(core: Core, target: Uint8Array): Reason {
  const twice = core.number("requestSecond") !== 0;
  const at = core.constant(twice ? "SECOND_BINS" : "BINS");
  const bins = core.bytes(at, 32);
  // The top feature is of the score asked last, which may have been that of the other measurement.
  core.call("score", core.constant("CURRENT"), at);
  const { feature, percent } = core.topFeature();
  // The core has split this target before: it lies where it lay.
  core.call("locate", core.put(target)[0]!, target.length, feature, Number(twice));
  return { feature, bin: bins[feature]!, percent, ...located(core) };
}

/** The bin and the place of what segment `at` is told for. */
function segmentFound(core: Core, at: number, feature: number): Pick<Reason, "bin" | "kind" | "index" | "name"> {
  const { kind, index, length, level } = segmentRow(core, at);
  core.call("locateSegment", kind, index);
  const ofLevel = feature === ATTACK_LEVEL ? core.number("levelBin", level!) : length;
  return { bin: feature === NEW_NAME ? 0 : ofLevel, ...located(core) };
}

function routeFound(core: Core): ReturnType<typeof segmentFound> {
  core.call("locatePath");
  return { bin: 0, ...located(core) };
}

function headReason(core: Core, at: number, feature: number, part: number, score: number): Reason {
  const found = feature === NEW_ROUTE ? routeFound(core) : segmentFound(core, at, feature);
  return { feature, percent: Math.floor((100 * part) / score), ...found };
}

/** Score and reason of the request measured last, under the current body. */
export function wholeByCore(core: Core, { target }: SentRequest): WholeScore {
  const body = core.constant("CURRENT");
  const score = core.number("scoreRequest", body);
  const attack = core.number("attackExcess", body);
  const structure = core.number("structureExcess", body);
  const [attackAt, structureAt] = [core.number("attackAt"), core.number("structureAt")];
  const distance = core.number("requestDistance", body);
  const parts = [core.number("distancePart", distance), 128 * attack, 128 * structure] as const;
  const head = parts.indexOf(Math.max(...parts));
  const [at, feature] = head === 1 ? [attackAt, ATTACK_LEVEL] : [structureAt, core.number("structureFeature")];
  const reason = head === 0 ? distanceReason(core, target) : headReason(core, at, feature, parts[head]!, score);
  return { distance, attack, structure, score, reason };
}
