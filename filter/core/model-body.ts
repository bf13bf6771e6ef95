// A body of the model section as it is read and refused (law 8): the numbers of the three heads and the thresholds.

import { BIN_MAX, CLASSES, MODEL_CONTEXTS_MAX, MODEL_ROUTES_MAX, SCORE_MAX } from "./limits";
import {
  BODY_HAS_KINDS,
  BODY_PRESENT,
  CONTEXT_BYTES,
  modelClip,
  modelContexts,
  modelFactor,
  modelKind,
  modelMean,
  modelRoutes,
  modelScale,
  ROUTE_BYTES,
  ROUTE_COUNT,
  STRUCTURE_BASE,
} from "./model";
import {
  FIXED64,
  isField,
  LENGTH,
  readBegin,
  readContent,
  readErrorOffset,
  readField,
  readLength,
  readOk,
  readValue,
  readValue32,
  VARINT,
} from "./read";
import { refuse } from "./refusal";
import { sha256Add, sha256Begin, sha256End } from "./sha256";

const MEAN_BYTES: i32 = 64;
const FACTOR_BYTES: i32 = 1024;
const SCALE_BYTES: i32 = 128;
const CLIP_BYTES: i32 = 64;
const KINDS_BYTES: i32 = 16;
/** Of means and clips, in 1/64 bin. */
const DEVIATION_MAX: i32 = 2047;
const STRUCTURE_BASE_MAX: u32 = 255;

const DIGEST = memory.data(32, 8);
/** Structure base (u32) and attack id (u64) as they enter the id. */
const ID_TAIL = memory.data(12, 8);

// Fields of the body being read. The arrays point into the section until all of it was found readable.
let id: u64 = 0;
let mean: usize = 0;
let meanLen: i32 = 0;
let factor: usize = 0;
let factorLen: i32 = 0;
let scale: usize = 0;
let scaleLen: i32 = 0;
let clip: usize = 0;
let clipLen: i32 = 0;
let alert: u32 = 0;
let deny: u32 = 0;
let contexts: usize = 0;
let contextsLen: i32 = 0;
let kinds: usize = 0;
let kindsLen: i32 = 0;
let routes: usize = 0;
let routesLen: i32 = 0;
let structureBase: u32 = 0;
let attackId: u64 = 0;

/** Reads one ModelBody into the variables above; false if it is not readable. */
function readBody(ptr: usize, len: i32): bool {
  id = attackId = 0;
  alert = deny = structureBase = 0;
  meanLen = factorLen = scaleLen = clipLen = contextsLen = kindsLen = routesLen = 0;
  readBegin(ptr, len);
  while (readField()) {
    if (isField(1, FIXED64)) id = readValue();
    else if (isField(2, LENGTH)) {
      mean = readContent();
      meanLen = readLength();
    } else if (isField(3, LENGTH)) {
      factor = readContent();
      factorLen = readLength();
    } else if (isField(4, LENGTH)) {
      scale = readContent();
      scaleLen = readLength();
    } else if (isField(5, VARINT)) alert = readValue32();
    else if (isField(6, VARINT)) deny = readValue32();
    else if (isField(7, LENGTH)) {
      clip = readContent();
      clipLen = readLength();
    } else if (isField(8, LENGTH)) {
      contexts = readContent();
      contextsLen = readLength();
    } else if (isField(9, LENGTH)) {
      kinds = readContent();
      kindsLen = readLength();
    } else if (isField(10, VARINT)) structureBase = readValue32();
    else if (isField(11, FIXED64)) attackId = readValue();
    else if (isField(12, LENGTH)) {
      routes = readContent();
      routesLen = readLength();
    }
  }
  return readOk();
}

/** First 8 bytes of SHA-256 of all but the thresholds. */
function contentId(): u64 {
  store<u32>(ID_TAIL, structureBase);
  store<u64>(ID_TAIL, attackId, 4);
  sha256Begin();
  sha256Add(mean, MEAN_BYTES);
  sha256Add(factor, FACTOR_BYTES);
  sha256Add(scale, SCALE_BYTES);
  sha256Add(clip, CLIP_BYTES);
  sha256Add(contexts, contextsLen);
  sha256Add(kinds, kindsLen);
  sha256Add(routes, routesLen);
  sha256Add(ID_TAIL, 12);
  sha256End(DIGEST);
  return load<u64>(DIGEST);
}

function checkNumbers(): bool {
  if (meanLen != MEAN_BYTES) return refuse("model.mean", meanLen, "64 bytes");
  for (let at: usize = 0; at < <usize>MEAN_BYTES; at += 2) {
    const m: i32 = load<i16>(mean + at);
    if (m < 0 || m > DEVIATION_MAX) return refuse("model.mean", <u64>(m & 0xffff), "0..2047");
  }
  if (factorLen != FACTOR_BYTES) return refuse("model.factor", factorLen, "1024 bytes");
  if (scaleLen != SCALE_BYTES) return refuse("model.scale", scaleLen, "128 bytes");
  for (let at: usize = 0; at < <usize>SCALE_BYTES; at += 4) {
    const s = load<u32>(scale + at);
    if (s > SCORE_MAX) return refuse("model.scale", s, "2147483647");
  }
  if (clipLen != CLIP_BYTES) return refuse("model.clip", clipLen, "64 bytes");
  for (let at: usize = 0; at < <usize>CLIP_BYTES; at += 2) {
    const k: i32 = load<i16>(clip + at);
    if (k < 1 || k > DEVIATION_MAX) return refuse("model.clip", <u64>(k & 0xffff), "1..2047");
  }
  return true;
}

function checkContexts(): bool {
  if (contextsLen % CONTEXT_BYTES != 0) return refuse("model.contexts", contextsLen, "rows of 16 bytes");
  if (contextsLen > MODEL_CONTEXTS_MAX * CONTEXT_BYTES) return refuse("model.contexts", contextsLen, "16384 bytes");
  let last: u64 = 0;
  const end = contexts + contextsLen;
  for (let row = contexts; row < end; row += CONTEXT_BYTES) {
    const key = load<u64>(row);
    if (key <= last) return refuse("model.contexts", key, "keys ascending, not 0");
    last = key;
    const classes: u32 = load<u16>(row, 10);
    const shortest: i32 = load<u8>(row, 12);
    if (shortest > BIN_MAX) return refuse("model.contexts", shortest, "lengths up to 24");
    if (shortest > <i32>load<u8>(row, 13)) return refuse("model.contexts", shortest, "the longest or below");
    if (classes >> CLASSES != 0) return refuse("model.contexts", classes, "11 classes");
  }
  return true;
}

function checkKinds(): bool {
  const isSilent = kindsLen == 0 && contextsLen == 0 && routesLen == 0;
  return kindsLen == KINDS_BYTES || isSilent || refuse("model.kinds", kindsLen, "16 bytes");
}

function checkRoutes(): bool {
  if (routesLen % ROUTE_BYTES != 0) return refuse("model.routes", routesLen, "keys of 8 bytes");
  if (routesLen > MODEL_ROUTES_MAX * ROUTE_BYTES) return refuse("model.routes", routesLen, "8192 bytes");
  let last: u64 = 0;
  const end = routes + routesLen;
  for (let at = routes; at < end; at += ROUTE_BYTES) {
    const key = load<u64>(at);
    if (key <= last) return refuse("model.routes", key, "keys ascending, not 0");
    last = key;
  }
  return true;
}

/** `tableId`: of the section's attack table, 0 without one. */
function checkBody(tableId: u64): bool {
  if (!checkNumbers() || !checkContexts() || !checkKinds() || !checkRoutes()) return false;
  if (structureBase > STRUCTURE_BASE_MAX) return refuse("model.structure_base", structureBase, "255");
  if (attackId != tableId) return refuse("model.attack_id", attackId, "that of the attack table");
  if (id == 0) return refuse("model.model_id", 0, "not 0");
  if (id != contentId()) return refuse("model.model_id", id, "SHA-256 of all but the thresholds");
  if (deny > SCORE_MAX) return refuse("model.deny_threshold", deny, "2147483647");
  if (deny != 0 && (alert == 0 || deny < alert)) return refuse("model.deny_threshold", deny, "alert_threshold or more");
  return true;
}

function storeBody(body: usize): void {
  store<u32>(body, kindsLen != 0 ? BODY_PRESENT | BODY_HAS_KINDS : BODY_PRESENT);
  store<u32>(body, alert, 4);
  store<u32>(body, deny, 8);
  store<i32>(body, contextsLen / CONTEXT_BYTES, 12);
  store<u64>(body, id, 16);
  store<u64>(body, attackId, 24);
  memory.copy(modelMean(body), mean, MEAN_BYTES);
  memory.copy(modelScale(body), scale, SCALE_BYTES);
  memory.copy(modelClip(body), clip, CLIP_BYTES);
  memory.copy(modelFactor(body), factor, FACTOR_BYTES);
  memory.copy(modelKind(body, 1), kinds, kindsLen);
  store<u32>(body, structureBase, STRUCTURE_BASE);
  store<i32>(body, routesLen / ROUTE_BYTES, ROUTE_COUNT);
  memory.copy(modelContexts(body), contexts, contextsLen);
  memory.copy(modelRoutes(body), routes, routesLen);
}

/**
 * Decodes a ModelBody of `len` bytes at `ptr`, which lies in `section`, into `body`; 0 for `ptr` is none and leaves the
 * body as it is. `tableId` is that of the section's attack table, 0 without one. False if refused.
 */
export function modelBodyLoad(section: usize, ptr: usize, len: i32, tableId: u64, body: usize): bool {
  if (ptr == 0) return true;
  if (!readBody(ptr, len)) return refuse("section", <u64>(ptr - section) + readErrorOffset(), "readable");
  if (!checkBody(tableId)) return false;
  storeBody(body);
  return true;
}
