// Adopts a snapshot, whole or not at all: verifies manifest, signature, digests and bounds, decodes into the set
// that does not serve, swaps one pointer. What is refused is told by core/refusal.ts. Content may come from anyone
// in the process: nothing in it is trusted.

import { config } from "./config";
import { contentReceiptNs, contentServerMs, PART_MANIFEST, PART_SIGNATURE, partAt, partLength } from "./content";
import {
  manifestDigest,
  manifestEpoch,
  manifestFits,
  manifestFollows,
  manifestIsFor,
  manifestNames,
  manifestRead,
  manifestSize,
  manifestVersion,
  SECTION_MODEL,
  SECTION_RULES,
  SECTION_SETTINGS,
  SECTIONS,
} from "./core/manifest";
import { modelLoad } from "./core/model-section";
import { refusalClear, refuse } from "./core/refusal";
import { rulesLoad } from "./core/rule-section";
import { settingsKey0, settingsKey1, settingsLoad, settingsWindowMs } from "./core/settings";
import { sha256 } from "./core/sha256";
import { isSigned, MANIFEST_MAX, SIGNATURE_MAX } from "./host/signature";
import { incoming, incomingRekeys, incomingRemodels, keyed, serving, swapSnapshot } from "./snapshot";
import { forgetKeys, restartWindow, sealWindow } from "./window";

/** Outcomes of `decodeContent`. */
export const REFUSED: i32 = 0;
/** In the set that does not serve, ready for `commitSnapshot`. */
export const DECODED: i32 = 1;
/** It is what serves. */
export const HELD: i32 = 2;

const DIGEST = memory.data(32, 8);

/**
 * Checks everything of a manifest but its sections; false if refused. Afterwards it is the one core/manifest.ts
 * knows.
 */
export function checkManifest(manifest: usize, size: u32, signature: usize, signatureSize: u32): bool {
  refusalClear();
  if (size > <u32>MANIFEST_MAX) return refuse("manifest", size, "4096 bytes");
  if (signatureSize > <u32>SIGNATURE_MAX) return refuse("signature", signatureSize, "256 bytes");
  if (!manifestRead(manifest, size)) return false;
  if (!manifestIsFor(config.mesh, config.meshLength, config.target, config.targetLength)) return false;
  if (config.publicKeyLength > 0) {
    const signed = isSigned(config.publicKey, config.publicKeyLength, manifest, size, signature, signatureSize);
    if (!signed) return refuse("signature", signatureSize, "signature by the configured key");
  }
  sha256(manifest, size, DIGEST);
  if (keyed && !manifestFollows(DIGEST, serving.epoch, serving.version, serving.manifestDigest)) return false;
  return manifestFits();
}

/** Whether the manifest checked last is that of the snapshot in force. */
export function isHeld(): bool {
  return keyed && memory.compare(DIGEST, serving.manifestDigest, 32) == 0;
}

function namesAll(at: usize): bool {
  for (let kind = 1; kind <= SECTIONS; kind++) {
    if (!manifestNames(kind, partAt(at, kind + 1), partLength(at, kind + 1))) return false;
  }
  return true;
}

function loadAll(at: usize): bool {
  const settings = incoming.settings;
  if (!settingsLoad(partAt(at, SECTION_SETTINGS + 1), partLength(at, SECTION_SETTINGS + 1), settings)) return false;
  if (!modelLoad(partAt(at, SECTION_MODEL + 1), partLength(at, SECTION_MODEL + 1), incoming.models)) return false;
  return rulesLoad(
    partAt(at, SECTION_RULES + 1),
    partLength(at, SECTION_RULES + 1),
    incoming.rules,
    keyed ? serving.rules : 0,
    settingsKey0(settings, 0),
    settingsKey1(settings, 0),
    contentServerMs(at),
    contentReceiptNs(at),
  );
}

/** Verifies and decodes a content: one of the outcomes above. Changes nothing of what serves. */
export function decodeContent(at: usize): i32 {
  const manifest = partAt(at, PART_MANIFEST);
  const signature = partAt(at, PART_SIGNATURE);
  if (!checkManifest(manifest, partLength(at, PART_MANIFEST), signature, partLength(at, PART_SIGNATURE)))
    return REFUSED;
  if (!namesAll(at)) return REFUSED;
  if (isHeld()) return HELD;
  if (!loadAll(at)) return REFUSED;
  incoming.epoch = manifestEpoch();
  incoming.version = manifestVersion();
  memory.copy(incoming.manifestDigest, DIGEST, 32);
  for (let kind = 1; kind <= SECTIONS; kind++) {
    memory.copy(incoming.digest(kind), manifestDigest(kind), 32);
    store<u32>(incoming.sizeAt(kind), manifestSize(kind));
  }
  return DECODED;
}

/**
 * Puts what was decoded in force. What was counted under other keys or models is sealed first; the arena must have
 * room for it.
 */
export function commitSnapshot(nowNs: u64): void {
  const rekeys = incomingRekeys();
  const restarts = !keyed || settingsWindowMs(incoming.settings) != settingsWindowMs(serving.settings);
  if (rekeys || incomingRemodels()) sealWindow(nowNs);
  swapSnapshot();
  if (rekeys) forgetKeys();
  if (restarts) restartWindow(nowNs);
}
