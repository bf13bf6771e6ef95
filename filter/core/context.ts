// The attack and the structure head (law 11): what the segments of a request have beyond what a model body knows of
// their contexts, and the whole score. Looks at the segments of segment.ts; both heads in one walk.

import { NO_LEVEL } from "./attack";
import { NEW_CHARACTERS, NEW_NAME, UNUSUAL_LENGTH } from "./feature";
import { EXCESS_MAX, NO_SCORE, SCORE_MAX } from "./limits";
import {
  CONTEXT_BYTES,
  modelContextCount,
  modelContexts,
  modelEdition,
  modelHasKinds,
  modelKind,
  modelStructureBase,
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

/** Row of the context that fits a key, or 0: binary search, at most 11 steps. */
function contextOf(body: usize, key: u64): usize {
  const rows = modelContexts(body);
  let low = 0;
  let high = modelContextCount(body);
  while (low < high) {
    const middle = (low + high) >> 1;
    const row = rows + <usize>middle * CONTEXT_BYTES;
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

/** Walks the segments under a body, unless that was done last. */
function weigh(body: usize): void {
  if (body == weighed && modelEdition == weighedModel && segmentEdition == weighedSegments) return;
  weighed = body;
  weighedModel = modelEdition;
  weighedSegments = segmentEdition;
  attack = structure = structureSign = 0;
  attackRow = structureRow = -1;
  if (!modelHasKinds(body)) return;
  const segments = segmentCount();
  let most = modelStructureBase(body);
  for (let i = 0; i < segments; i++) {
    const row = segmentAt(i);
    const context = contextOf(body, segmentKey(row));
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
  attack = min<i32>(EXCESS_MAX, attack);
  structure = most - modelStructureBase(body);
}

/** E of the segments under a body, 0 to 2,047 in 1/32 nat; 0 where nothing has a level. */
export function attackExcess(body: usize): i32 {
  weigh(body);
  return attack;
}

/** X of the segments under a body, 0 to 255 in 1/16 nat. */
export function structureExcess(body: usize): i32 {
  weigh(body);
  return structure;
}

/** Number of the segment that E came from, of the body asked last; -1 if E is 0. */
export function attackAt(): i32 {
  return attackRow;
}

/** Number of the segment that X came from, of the body asked last; -1 if X is 0. */
export function structureAt(): i32 {
  return structureRow;
}

/** What X is about: NEW_NAME, NEW_CHARACTERS or UNUSUAL_LENGTH; 0 if X is 0. */
export function structureFeature(): i32 {
  return structureSign;
}

/** The score of a request: the distance, E and X; no score where there is no distance. */
export function wholeScore(distance: u32, e: i32, x: i32): u32 {
  if (distance == NO_SCORE) return NO_SCORE;
  return <u32>min<u64>(SCORE_MAX, <u64>distance + ((<u64>e) << 7) + ((<u64>x) << 7));
}
