// The manifest (law 8): what a snapshot consists of, checked against the node and what it holds. Static: one manifest
// at a time.

import { sameBytes } from "./bytes";
import { featureHash } from "./feature";
import { MODEL_MAX, RULES_MAX_BYTES, SETTINGS_MAX } from "./limits";
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
import { sha256 } from "./sha256";

export const SECTION_SETTINGS: i32 = 1;
export const SECTION_MODEL: i32 = 2;
export const SECTION_RULES: i32 = 3;
export const SECTIONS: i32 = 3;

const DIGEST_BYTES: i32 = 32;
/** Digests named by the manifest, by kind - 1. */
const DIGESTS = memory.data(SECTIONS * DIGEST_BYTES, 8);
const SIZES = memory.data(4 * SECTIONS, 4);
const COMPUTED = memory.data(DIGEST_BYTES, 8);

let epoch: u64 = 0;
let version: u64 = 0;
let features: u64 = 0;
let mesh: usize = 0;
let meshLen: i32 = 0;
let target: usize = 0;
let targetLen: i32 = 0;
let sections: i32 = 0;
let ordered: bool = true;

export function manifestEpoch(): u64 {
  return epoch;
}

export function manifestVersion(): u64 {
  return version;
}

/** Address of the 32 bytes of the digest of a section. */
export function manifestDigest(kind: i32): usize {
  return DIGESTS + DIGEST_BYTES * (kind - 1);
}

/** Size in bytes of a section. */
export function manifestSize(kind: i32): u32 {
  return load<u32>(SIZES + 4 * (kind - 1));
}

/** Reads one SectionRef; only the next kind in order is kept. */
function readSection(): void {
  let kind: u32 = 0;
  let digest: usize = 0;
  let size: u32 = 0;
  const outer = readEnter();
  while (readField()) {
    if (isField(1, VARINT)) kind = readValue32();
    else if (isField(2, LENGTH)) digest = readLength() == DIGEST_BYTES ? readContent() : 0;
    else if (isField(3, VARINT)) size = readValue32();
  }
  readLeave(outer);
  sections++;
  if (sections > SECTIONS || kind != <u32>sections) {
    ordered = false;
    return;
  }
  // A digest of another length is that of no content.
  if (digest == 0) memory.fill(manifestDigest(sections), 0, DIGEST_BYTES);
  else memory.copy(manifestDigest(sections), digest, DIGEST_BYTES);
  store<u32>(SIZES + 4 * (sections - 1), size);
}

/** Reads a manifest; false if refused, see refusal.ts. Its texts stay in `ptr`. */
export function manifestRead(ptr: usize, len: i32): bool {
  epoch = version = features = 0;
  meshLen = targetLen = sections = 0;
  ordered = true;
  readBegin(ptr, len);
  while (readField()) {
    if (isField(1, LENGTH)) {
      mesh = readContent();
      meshLen = readLength();
    } else if (isField(2, LENGTH)) {
      target = readContent();
      targetLen = readLength();
    } else if (isField(3, VARINT)) epoch = readValue();
    else if (isField(4, VARINT)) version = readValue();
    else if (isField(5, LENGTH)) readSection();
    else if (isField(6, FIXED64)) features = readValue();
  }
  if (!readOk()) return refuse("manifest", readErrorOffset(), "readable");
  return true;
}

/** True if the manifest just read is for this mesh and target; else refused. */
export function manifestIsFor(nodeMesh: usize, nodeMeshLen: i32, nodeTarget: usize, nodeTargetLen: i32): bool {
  if (meshLen != nodeMeshLen || !sameBytes(mesh, nodeMesh, meshLen))
    return refuse("manifest.mesh", meshLen, "mesh of the node");
  if (targetLen != nodeTargetLen || !sameBytes(target, nodeTarget, targetLen)) {
    return refuse("manifest.target", targetLen, "target of the node");
  }
  return true;
}

/**
 * True if the manifest just read may follow what is held: (epoch, version) above it, or equal with an equal digest
 * (`digest` is the SHA-256 of the manifest, 32 bytes, `heldDigest` that of the one held, 0 for none); else refused.
 */
export function manifestFollows(digest: usize, heldEpoch: u64, heldVersion: u64, heldDigest: usize): bool {
  if (epoch < heldEpoch || (epoch == heldEpoch && version < heldVersion)) {
    return refuse("manifest.version", version, "version held or above");
  }
  if (heldDigest == 0) return true;
  if (epoch == heldEpoch && version == heldVersion && !sameBytes(digest, heldDigest, DIGEST_BYTES)) {
    return refuse("manifest.version", version, "digest held for this version");
  }
  return true;
}

/**
 * True if the manifest just read was made for this filter's features and names the three sections in order; else
 * refused.
 */
export function manifestFits(): bool {
  if (features != featureHash()) return refuse("manifest.feature_hash", features, "feature hash of the filter");
  if (sections != SECTIONS || !ordered) return refuse("manifest.sections", sections, "settings, model, rules");
  return true;
}

/**
 * True if these bytes are the section that the manifest just read names; else refused. `ptr` 0 stands for a missing
 * section.
 */
export function manifestNames(kind: i32, ptr: usize, len: i32): bool {
  if (ptr == 0) return refuse("manifest.digest", kind, "section present");
  if (<u32>len != manifestSize(kind)) return refuse("manifest.digest", len, "size named");
  sha256(ptr, len, COMPUTED);
  if (!sameBytes(COMPUTED, manifestDigest(kind), DIGEST_BYTES)) return refuse("manifest.digest", kind, "digest named");
  return true;
}

/** Most bytes of a section of this kind. */
export function sectionMax(kind: i32): i32 {
  return kind == SECTION_SETTINGS ? SETTINGS_MAX : kind == SECTION_MODEL ? MODEL_MAX : RULES_MAX_BYTES;
}
