// Models as they serve: a slot of the caller holds the current model, the candidate that is scored beside it, and the
// attack table of both. model-section.ts fills it.
//
// Slot: two bodies, then the attack table: 32,768 weights (i8), the bias (i32), 4 bytes of nothing, its id (u64), which
// is 0 without a table. Aligned to 16 if the slot is. Body, little-endian: 0 u32 present (bit 0), with kinds (bit 1),
// 4 u32 alert threshold, 8 u32 deny threshold, 12 u32 contexts, 16 u64 model id, 24 u64 attack id, 32 mean (32 x i16),
// 96 scale (32 x u32), 224 clip (32 x i16), 288 factor (32 x 32 x i8), 1312 kinds (4 x 4 bytes), 1328 u32 structure
// base, 1332 u32 routes, 1336 8 bytes of nothing, 1344 contexts (rows of 16 bytes), 17728 routes (u64).

import { ATTACK_WEIGHTS, MODEL_CONTEXTS_MAX, MODEL_ROUTES_MAX } from "./limits";

/** Of the first word of a body. */
export const BODY_PRESENT: u32 = 1;
export const BODY_HAS_KINDS: u32 = 2;
const MEAN: usize = 32;
const SCALE: usize = 96;
const CLIP: usize = 224;
const FACTOR: usize = 288;
const KINDS: usize = 1312;
export const STRUCTURE_BASE: usize = 1328;
export const ROUTE_COUNT: usize = 1332;
const CONTEXTS: i32 = 1344;
/** Size of a row of a context. */
export const CONTEXT_BYTES: i32 = 16;
/** Size of the key of a route. */
export const ROUTE_BYTES: i32 = 8;
const ROUTES: i32 = CONTEXTS + MODEL_CONTEXTS_MAX * CONTEXT_BYTES;
/** Size of a body in bytes: where the candidate begins in a slot. */
export const MODEL_BODY_BYTES: i32 = ROUTES + MODEL_ROUTES_MAX * ROUTE_BYTES;
/** The kind that routes are, beside those of segments. */
export const KIND_ROUTE: i32 = 4;
const TABLE: i32 = 2 * MODEL_BODY_BYTES;
const TABLE_ID: i32 = TABLE + ATTACK_WEIGHTS + 8;
/** Size of a slot in bytes. */
export const MODEL_SLOT_BYTES: i32 = TABLE_ID + 8;

/** Changes whenever a slot does: what was worked out with a model or a table is then forgotten. */
export let modelEdition: u32 = 0;

/** Body of the model that judges. */
export function modelCurrent(slot: usize): usize {
  return slot;
}

/** Body of the candidate. */
export function modelCandidate(slot: usize): usize {
  return slot + MODEL_BODY_BYTES;
}

/** Address of the attack table: 32,768 weights (i8), then the bias (i32); 0 if the section had none. */
export function modelAttackTable(slot: usize): usize {
  return load<u64>(slot, TABLE_ID) == 0 ? 0 : slot + TABLE;
}

/** Takes an attack table into a slot: weights (i8), bias, and its id, which is not 0. */
export function modelSetAttackTable(slot: usize, weights: usize, bias: i32, id: u64): void {
  memory.copy(slot + TABLE, weights, ATTACK_WEIGHTS);
  store<i32>(slot, bias, TABLE + ATTACK_WEIGHTS);
  store<u64>(slot, id, TABLE_ID);
}

/** Makes a slot without a model. */
export function modelClear(slot: usize): void {
  modelEdition++;
  memory.fill(slot, 0, MODEL_SLOT_BYTES);
}

/** True if the section had this body. */
export function modelPresent(body: usize): bool {
  return load<u32>(body) != 0;
}

/** Scores at or above are told; 0 = not calibrated. */
export function modelAlert(body: usize): u32 {
  return load<u32>(body, 4);
}

/** Scores at or above are denied; 0 = not calibrated. */
export function modelDeny(body: usize): u32 {
  return load<u32>(body, 8);
}

/** Names the model; never 0 in a body that is present. */
export function modelId(body: usize): u64 {
  return load<u64>(body, 16);
}

/** Address of the 32 means, i16, in 1/64 bin. */
export function modelMean(body: usize): usize {
  return body + MEAN;
}

/** Address of the 32 scales, u32. */
export function modelScale(body: usize): usize {
  return body + SCALE;
}

/** Address of the 32 clips, i16, in 1/64 bin; 1 to 2,047. */
export function modelClip(body: usize): usize {
  return body + CLIP;
}

/** Address of the factor, 32 rows of 32 i8. */
export function modelFactor(body: usize): usize {
  return body + FACTOR;
}

/** True if the attack and the structure head speak: the body has kinds. */
export function modelHasKinds(body: usize): bool {
  return (load<u32>(body) & BODY_HAS_KINDS) != 0;
}

/** Address of what is known of a kind of segments, 1 to 3, or of routes: base (i16), name surprise (u8), a spare. */
export function modelKind(body: usize, kind: i32): usize {
  return body + KINDS + ((<usize>(kind - 1)) << 2);
}

/** What structure surprises are counted from, in 1/16 nat; 0 to 255. */
export function modelStructureBase(body: usize): i32 {
  return load<i32>(body, STRUCTURE_BASE);
}

/** Number of contexts. */
export function modelContextCount(body: usize): i32 {
  return load<i32>(body, 12);
}

/** Address of the contexts: rows of 16 bytes (law 11), ascending by key. */
export function modelContexts(body: usize): usize {
  return body + CONTEXTS;
}

/** Number of routes. */
export function modelRouteCount(body: usize): i32 {
  return load<i32>(body, ROUTE_COUNT);
}

/** Address of the route keys (u64), ascending. */
export function modelRoutes(body: usize): usize {
  return body + ROUTES;
}
