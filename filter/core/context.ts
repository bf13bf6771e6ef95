// The attack and the structure head (law 11): what the segments and the route of a request have beyond what a model
// body knows of them, and the whole score. Looks at the segments of segment.ts; both heads in one walk.

import { NO_LEVEL } from "./attack";
import { NEW_CHARACTERS, NEW_NAME, NEW_ROUTE, UNUSUAL_LENGTH } from "./feature";
import { EXCESS_MAX, NO_SCORE, SCORE_MAX, USUAL_DISTANCE } from "./limits";
import {
  CONTEXT_BYTES,
  KIND_ROUTE,
  modelContextCount,
  modelContexts,
  modelEdition,
  modelHasKinds,
  modelKind,
  modelRouteCount,
  modelRoutes,
  modelStructureBase,
  ROUTE_BYTES,
} from "./model";
import {
  segmentAt,
  segmentClasses,
  segmentCount,
  segmentEdition,
  segmentKey,
  segmentKind,
  segmentLength,
  segmentLevel,
  segmentRoute,
} from "./segment";

// What the walk found, and what it was of.
let weighed: usize = 0;
let weighedModel: u32 = 0;
let weighedSegments: u32 = 0;
let attack: i32 = 0;
let structure: i32 = 0;
let attackRow: i32 = -1;
let structureRow: i32 = -1;
let structureSign: i32 = 0;

/** The row that begins with a key, of `count` rows ascending by it, or 0: binary search, at most 11 steps. */
function rowOf(rows: usize, count: i32, bytes: i32, key: u64): usize {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    const row = rows + <usize>(middle * bytes);
    const found = load<u64>(row);
    if (found == key) return row;
    if (found < key) low = middle + 1;
    else high = middle;
  }
  return 0;
}

/** Excess of a segment's level, which it has. */
function attackOf(body: usize, row: usize, context: usize): i32 {
  const level = segmentLevel(row);
  if (context != 0) return level - <i32>load<i16>(context, 8);
  return level - max<i32>(0, load<i16>(modelKind(body, segmentKind(row))));
}

let sign: i32 = 0;

/** Surprise of a segment in 1/16 nat; what it is about in `sign`. */
function surpriseOf(body: usize, row: usize, context: usize): i32 {
  if (context == 0) {
    sign = NEW_NAME;
    return load<u8>(modelKind(body, segmentKind(row)), 2);
  }
  const length = segmentLength(row);
  const isNew = (segmentClasses(row) & ~(<u32>load<u16>(context, 10))) != 0;
  const isUnusual = length < <u32>load<u8>(context, 12) || length > <u32>load<u8>(context, 13);
  const ofClasses: i32 = isNew ? <i32>load<u8>(context, 14) : 0;
  const ofLength: i32 = isUnusual ? <i32>load<u8>(context, 15) : 0;
  sign = ofClasses >= ofLength ? NEW_CHARACTERS : UNUSUAL_LENGTH;
  return max<i32>(ofClasses, ofLength);
}

/** Surprise of the route in 1/16 nat. */
function routeSurprise(body: usize): i32 {
  const count = modelRouteCount(body);
  const key = segmentRoute();
  if (count == 0 || key == 0 || rowOf(modelRoutes(body), count, ROUTE_BYTES, key) != 0) return 0;
  return load<u8>(modelKind(body, KIND_ROUTE), 2);
}

/** Walks the segments, then looks at the route, under a body, unless that was done last. */
function weigh(body: usize): void {
  if (body == weighed && modelEdition == weighedModel && segmentEdition == weighedSegments) return;
  weighed = body;
  weighedModel = modelEdition;
  weighedSegments = segmentEdition;
  attack = structure = structureSign = 0;
  attackRow = structureRow = -1;
  if (!modelHasKinds(body)) return;
  const segments = segmentCount();
  const contexts = modelContexts(body);
  const contextCount = modelContextCount(body);
  let most = modelStructureBase(body);
  for (let i = 0; i < segments; i++) {
    const row = segmentAt(i);
    const context = rowOf(contexts, contextCount, CONTEXT_BYTES, segmentKey(row));
    if (segmentLevel(row) != NO_LEVEL) {
      const excess = attackOf(body, row, context);
      if (excess > attack) {
        attack = excess;
        attackRow = i;
      }
    }
    const surprise = surpriseOf(body, row, context);
    if (surprise > most) {
      most = surprise;
      structureRow = i;
      structureSign = sign;
    }
  }
  const surprise = routeSurprise(body);
  if (surprise > most) {
    most = surprise;
    structureRow = -1;
    structureSign = NEW_ROUTE;
  }
  attack = min<i32>(EXCESS_MAX, attack);
  structure = most - modelStructureBase(body);
}

/** E of the segments under a body, 0 to 2,047 in 1/32 nat; 0 where nothing has a level. */
export function attackExcess(body: usize): i32 {
  weigh(body);
  return attack;
}

/** X of the segments and the route under a body, 0 to 255 in 1/16 nat. */
export function structureExcess(body: usize): i32 {
  weigh(body);
  return structure;
}

/** Number of the segment that E came from, of the body asked last; -1 if E is 0. */
export function attackAt(): i32 {
  return attackRow;
}

/** Number of the segment that X came from, of the body asked last; -1 if X is 0 or of the route. */
export function structureAt(): i32 {
  return structureRow;
}

/** What X is about: NEW_NAME, NEW_CHARACTERS, UNUSUAL_LENGTH or NEW_ROUTE; 0 if X is 0. */
export function structureFeature(): i32 {
  return structureSign;
}

/** What a distance, which is not NO_SCORE, adds to the score: of what is usual a fifth, of the rest all. */
export function distancePart(distance: u32): u32 {
  return distance - (4 * min<u32>(distance, USUAL_DISTANCE)) / 5;
}

/** The score of a request: the distance's part, E and X; no score where there is no distance. */
export function wholeScore(distance: u32, e: i32, x: i32): u32 {
  if (distance == NO_SCORE) return NO_SCORE;
  return <u32>min<u64>(SCORE_MAX, <u64>distancePart(distance) + ((<u64>e) << 7) + ((<u64>x) << 7));
}
