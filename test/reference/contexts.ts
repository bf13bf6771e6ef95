// Section 11 of the law: what a model body says of the contexts of segments and of routes, how far a request exceeds
// it, the whole score and its reason.

import { EXCESS_MAX, NO_SCORE, SCORE_MAX, USUAL_DISTANCE } from "../../filter/core/limits.ts";
import { type AttackTable, levelBin, levelOf } from "./attack.ts";
import type { Extraction } from "./features.ts";
import { locate } from "./location.ts";
import { contributions, judge, type Model, topFeature } from "./model.ts";
import { contextKey, type Segment, type SegmentKind, type Segments } from "./request-segments.ts";
import { measure } from "./segments.ts";
import type { Target } from "./target.ts";

/** A row of 16 bytes. Surprises are in 1/16 nat. */
export interface Context {
  key: bigint;
  /** A level, in 1/32 nat. */
  base: number;
  /** Set of 11 bits. */
  classes: number;
  /** Length bins. */
  shortest: number;
  longest: number;
  classSurprise: number;
  lengthSurprise: number;
}

export interface Kind {
  base: number;
  nameSurprise: number;
}

/** What the two heads know; without kinds they are silent. */
export interface Contexts {
  /** Ascending by key. */
  contexts: readonly Context[];
  /** Four, of path segments, parameters, headers, routes; or none. */
  kinds: readonly Kind[];
  /** Keys, ascending. */
  routes: readonly bigint[];
  structureBase: number;
}

export interface Body extends Model, Contexts {}

const ATTACK_LEVEL = 32;
const NEW_NAME = 33;
const NEW_CHARACTERS = 34;
const UNUSUAL_LENGTH = 35;
const NEW_ROUTE = 36;
/** Kind of routes, among those of segments. */
const ROUTE = 4;

/** An excess and the segment it came from; none where it came from the route, or is 0 or less before its bounds. */
interface Excess {
  excess: number;
  segment: Segment | undefined;
  feature: number;
  /** What a reason tells as the feature's bin. */
  bin: number;
}

const NOTHING: Excess = { excess: 0, segment: undefined, feature: 0, bin: 0 };

function attackExcess(body: Contexts, row: Context | undefined, segment: Segment, table: AttackTable): Excess {
  const base = row?.base ?? Math.max(0, body.kinds[segment.kind - 1]!.base);
  const level = levelOf(table, segment.text);
  return { excess: level - base, segment, feature: ATTACK_LEVEL, bin: levelBin(level) };
}

function structureSurprise(body: Contexts, row: Context | undefined, segment: Segment): Excess {
  const { length, classes, kind } = segment;
  if (row === undefined) return { excess: body.kinds[kind - 1]!.nameSurprise, segment, feature: NEW_NAME, bin: 0 };
  const ofClasses = (classes & ~row.classes) !== 0 ? row.classSurprise : 0;
  const ofLength = length < row.shortest || length > row.longest ? row.lengthSurprise : 0;
  const feature = ofClasses >= ofLength ? NEW_CHARACTERS : UNUSUAL_LENGTH;
  return { excess: Math.max(ofClasses, ofLength), segment, feature, bin: length };
}

/** Of a route that the body does not know; the overflow route, of key 0, is none that could be known. */
function routeSurprise(body: Contexts, routeKey: bigint): Excess {
  const isNew = body.routes.length > 0 && routeKey !== 0n && !body.routes.includes(routeKey);
  return isNew
    ? { excess: body.kinds[ROUTE - 1]!.nameSurprise, segment: undefined, feature: NEW_ROUTE, bin: 0 }
    : NOTHING;
}

/** The largest; ties go to the first. */
function largest(list: readonly Excess[]): Excess {
  let found = NOTHING;
  for (const one of list) if (one.excess > found.excess) found = one;
  return found;
}

/** What the two heads add. */
export interface Excesses {
  /** E in 1/32 nat, 0..2,047. */
  attack: Excess;
  /** X in 1/16 nat, 0..255. */
  structure: Excess;
}

/** Both excesses of a request. Without a table no segment has a level; a route of key 0 is no surprise. */
export function excessesOf(
  body: Contexts,
  table: AttackTable | undefined,
  segments: readonly Segment[],
  meshKey: Uint8Array,
  routeKey = 0n,
): Excesses {
  if (body.kinds.length === 0) return { attack: NOTHING, structure: NOTHING };
  const keys = segments.map((segment) => contextKey(meshKey, segment));
  const rows = keys.map((key) => body.contexts.find((row) => row.key === key));
  const attacks = segments.flatMap((segment, i) =>
    table === undefined || segment.text === "" ? [] : [attackExcess(body, rows[i], segment, table)],
  );
  const attack = largest(attacks);
  const surprises = segments.map((segment, i) => structureSurprise(body, rows[i], segment));
  const structure = largest([...surprises, routeSurprise(body, routeKey)]);
  return {
    attack: { ...attack, excess: Math.min(EXCESS_MAX, attack.excess) },
    structure: { ...structure, excess: Math.max(0, structure.excess - body.structureBase) },
  };
}

export interface Reason {
  /** 0..31 of section 3, 32..36 of section 11. */
  feature: number;
  bin: number;
  /** 0..100. */
  percent: number;
  kind: SegmentKind;
  index: number;
  name: string;
}

export interface WholeScore {
  distance: number;
  attack: number;
  structure: number;
  score: number;
  reason: Reason;
}

/** What is scored: one request as it is measured. */
export interface Scored {
  target: Target;
  extraction: Extraction;
  segments: Segments;
  /** Absent: 0, of the overflow route. */
  routeKey?: bigint;
}

/** Reason of the distance: section 5. */
function distanceReason(body: Model, { target, extraction }: Scored, times: 1 | 2): Reason {
  const bins = times === 1 ? extraction.first : extraction.second!;
  const { feature, percent } = topFeature(contributions(body, bins));
  const { kind, index, name } = locate(measure(target, times), feature);
  return { feature, bin: bins[feature]!, percent, kind: kind === "path" ? 1 : 2, index, name };
}

/** Of what came from no segment, but from the route, the place is the path as a whole. */
function headReason({ feature, bin, segment }: Excess, part: number, score: number): Reason {
  const percent = Math.floor((100 * part) / score);
  const { kind, index, toldName } = segment ?? { kind: 1 as const, index: 0, toldName: "" };
  return { feature, bin, percent, kind, index, name: toldName };
}

/** What a distance adds to the score: a fifth of what is usual, all of the rest. */
export function distancePart(distance: number): number {
  return distance - Math.floor((4 * Math.min(distance, USUAL_DISTANCE)) / 5);
}

/** The score of a request by all three heads, and why. */
export function wholeScore(
  body: Body,
  table: AttackTable | undefined,
  request: Scored,
  meshKey: Uint8Array,
): WholeScore {
  const { score: distance, times } = judge(body, request.extraction);
  const { attack, structure } = excessesOf(body, table, request.segments.list, meshKey, request.routeKey);
  const parts = [distancePart(distance), 128 * attack.excess, 128 * structure.excess] as const;
  const score = Math.min(SCORE_MAX, parts[0] + parts[1] + parts[2]);
  const head = parts.indexOf(Math.max(...parts));
  const reason =
    head === 0
      ? distanceReason(body, request, times)
      : headReason(head === 1 ? attack : structure, parts[head]!, score);
  return { distance, attack: attack.excess, structure: structure.excess, score, reason };
}

/** Whether the model may deny at this threshold: a second head says the same. No score, no agreement. */
export function agrees(whole: Omit<WholeScore, "reason">, deny: number): boolean {
  if (whole.score === NO_SCORE) return false;
  return whole.attack > 0 || (whole.structure > 0 && 2 * whole.distance >= deny);
}
