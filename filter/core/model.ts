// The model section (law 8), decoded into a slot of the caller: the current model, and the candidate that is scored
// beside it. A refused section leaves the slot undefined: it must not serve.
//
// Slot: two bodies, current and candidate. Body, little-endian: 0 u32 present, 4 u32 alert threshold, 8 u32 deny
// threshold, 16 u64 model id, 32 mean (32 x i16), 96 scale (32 x u32), 224 clip (32 x i16), 288 factor (32 x 32 x
// i8). Aligned to 16 if the slot is.

import { MODEL_MAX, SCORE_MAX } from "./limits";
import {
  FIXED64,
  isField,
  LENGTH,
  readBegin,
  readContent,
  readEnter,
  readErrorOffset,
  readField,
  readLeave,
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
/** Of means and clips, in 1/64 bin. */
const DEVIATION_MAX: i32 = 2047;
const MEAN: usize = 32;
const SCALE: usize = 96;
const CLIP: usize = 224;
const FACTOR: usize = 288;
/** Size of a body in bytes: where the candidate begins in a slot. */
export const MODEL_BODY_BYTES: i32 = 1312;
/** Size of a slot in bytes. */
export const MODEL_SLOT_BYTES: i32 = 2 * MODEL_BODY_BYTES;

const DIGEST = memory.data(32, 8);

/** Body of the model that judges. */
export function modelCurrent(slot: usize): usize {
  return slot;
}

/** Body of the candidate. */
export function modelCandidate(slot: usize): usize {
  return slot + MODEL_BODY_BYTES;
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

/** Names the factor; never 0 in a body that is present. */
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

/** Makes a slot without a model. */
export function modelClear(slot: usize): void {
  memory.fill(slot, 0, MODEL_SLOT_BYTES);
}

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

/** Reads one ModelBody into the variables above; false if it is not readable. */
function readBody(ptr: usize, len: i32): bool {
  id = 0;
  alert = deny = 0;
  meanLen = factorLen = scaleLen = clipLen = 0;
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
    }
  }
  return readOk();
}

/** First 8 bytes of SHA-256 of mean, factor, scale and clip. */
function contentId(): u64 {
  sha256Begin();
  sha256Add(mean, MEAN_BYTES);
  sha256Add(factor, FACTOR_BYTES);
  sha256Add(scale, SCALE_BYTES);
  sha256Add(clip, CLIP_BYTES);
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

function checkBody(): bool {
  if (!checkNumbers()) return false;
  if (id == 0) return refuse("model.model_id", 0, "not 0");
  if (id != contentId()) return refuse("model.model_id", id, "SHA-256 of mean, factor, scale, clip");
  if (deny > SCORE_MAX) return refuse("model.deny_threshold", deny, "2147483647");
  if (deny != 0 && (alert == 0 || deny < alert)) return refuse("model.deny_threshold", deny, "alert_threshold or more");
  return true;
}

function storeBody(body: usize): void {
  store<u32>(body, 1);
  store<u32>(body, alert, 4);
  store<u32>(body, deny, 8);
  store<u64>(body, id, 16);
  memory.copy(body + MEAN, mean, MEAN_BYTES);
  memory.copy(body + SCALE, scale, SCALE_BYTES);
  memory.copy(body + CLIP, clip, CLIP_BYTES);
  memory.copy(body + FACTOR, factor, FACTOR_BYTES);
}

/** Decodes `len` bytes of a ModelSection into `slot`; false if refused, see refusal.ts. */
export function modelLoad(ptr: usize, len: i32, slot: usize): bool {
  if (len > MODEL_MAX) return refuse("section.size", len, "131072 bytes");
  modelClear(slot);
  let current: usize = 0;
  let currentLen = 0;
  let candidate: usize = 0;
  let candidateLen = 0;
  readBegin(ptr, len);
  while (readField()) {
    if (isField(1, LENGTH)) {
      current = readContent();
      currentLen = readLength();
    } else if (isField(2, LENGTH)) {
      candidate = readContent();
      candidateLen = readLength();
    }
  }
  if (!readOk()) return refuse("section", readErrorOffset(), "readable");
  return loadBody(ptr, current, currentLen, slot) && loadBody(ptr, candidate, candidateLen, modelCandidate(slot));
}

function loadBody(section: usize, ptr: usize, len: i32, body: usize): bool {
  if (ptr == 0) return true;
  if (!readBody(ptr, len)) return refuse("section", <u64>(ptr - section) + readErrorOffset(), "readable");
  if (!checkBody()) return false;
  storeBody(body);
  return true;
}
