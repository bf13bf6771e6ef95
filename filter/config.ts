// The plugin configuration in force. It is never refused towards Envoy: a good one is installed; a bad update
// leaves the old one in force; a bad first one installs what was good in it, with mode off. The error is kept as a
// text, to be told.

import { putText } from "./core/bytes";
import { ascii } from "./host/bytes";
import { resultData, resultSize } from "./host/memory";
import { getProperty } from "./host/properties";

export const DIRECTION_SERVER: u32 = 1;
export const DIRECTION_CLIENT: u32 = 2;

export const MESH_MAX: u32 = 64;
export const TARGET_MAX: u32 = 256;
export const CLUSTER_MAX: u32 = 256;
export const AUTHORITY_MAX: u32 = 256;
export const PUBLIC_KEY_MAX: u32 = 512;

/** One configuration. Its texts lie behind it, at `mesh`, `target` and so on, with their lengths here. */
@unmanaged
export class Config {
  meshLength: u32 = 0;
  targetLength: u32 = 0;
  clusterLength: u32 = 0;
  authorityLength: u32 = 0;
  publicKeyLength: u32 = 0;
  direction: u32 = 0;
  tickMs: u32 = 0;
  callerHeader: bool = false;
  /** Hooks of the test build; never set in others. */
  testTrap: bool = false;
  testAllocate: bool = false;
  testStallMs: u32 = 0;

  get mesh(): usize {
    return changetype<usize>(this) + 64;
  }
  get target(): usize {
    return this.mesh + MESH_MAX;
  }
  get cluster(): usize {
    return this.target + TARGET_MAX;
  }
  get authority(): usize {
    return this.cluster + CLUSTER_MAX;
  }
  get publicKey(): usize {
    return this.authority + AUTHORITY_MAX;
  }
}

/** 64 bytes of fields, the texts, and room for a public key that is one group of base64 too long. */
const CONFIG_BYTES: i32 = 64 + 64 + 256 + 256 + 256 + 512 + 16;
const SERVING = memory.data(CONFIG_BYTES, 8);
const DRAFT = memory.data(CONFIG_BYTES, 8);

const NAMESPACE = ascii("xds\0node\0metadata\0NAMESPACE");
const WORKLOAD_NAME = ascii("xds\0node\0metadata\0WORKLOAD_NAME");

/** In force. */
export const config: Config = changetype<Config>(SERVING);
/** The one that is being read. */
export const draft: Config = changetype<Config>(DRAFT);

/** Whether a good configuration was ever installed in this VM. */
export let configured: bool = false;
/** Mode off whatever the settings say, because the first configuration was bad. */
export let forcedOff: bool = true;
/** Bad configurations seen by this VM. */
export let configErrors: u32 = 0;

/** Whether a text is `namespace/name`, each of `[a-z0-9.-]`, within its bound. */
export function isTarget(text: usize, length: u32): bool {
  if (length < 3 || length > TARGET_MAX) return false;
  let slash: u32 = 0;
  for (let i: u32 = 0; i < length; i++) {
    const byte = load<u8>(text + i);
    const plain = (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x30 && byte <= 0x39) || byte == 0x2d || byte == 0x2e;
    if (plain) continue;
    // One slash, neither first nor last.
    if (byte != 0x2f || slash != 0 || i == 0 || i == length - 1) return false;
    slash = i;
  }
  return slash != 0;
}

/** `namespace/workload` of the node's metadata, where it has them; else the target stays empty. */
function defaultTarget(): void {
  if (!getProperty(NAMESPACE) || resultSize() > TARGET_MAX - 2) return;
  const size = resultSize();
  memory.copy(draft.target, resultData(), size);
  store<u8>(draft.target + size, 0x2f);
  if (!getProperty(WORKLOAD_NAME) || resultSize() > TARGET_MAX - 1 - size) return;
  memory.copy(draft.target + size + 1, resultData(), resultSize());
  const length = size + 1 + resultSize();
  if (isTarget(draft.target, length)) draft.targetLength = length;
}

/** Fills the draft with the defaults. */
export function beginDraft(): void {
  memory.fill(DRAFT, 0, CONFIG_BYTES);
  draft.direction = DIRECTION_SERVER;
  draft.tickMs = 200;
  draft.meshLength = putText(draft.mesh, "default");
  draft.clusterLength = putText(draft.cluster, "vedette");
  draft.authorityLength = putText(draft.authority, "vedette");
  defaultTarget();
}

/** Whether the draft would count for another workload, in another way, than what is in force. */
export function draftMoves(): bool {
  return (
    draft.direction != config.direction ||
    draft.targetLength != config.targetLength ||
    memory.compare(draft.target, config.target, draft.targetLength) != 0 ||
    draft.meshLength != config.meshLength ||
    memory.compare(draft.mesh, config.mesh, draft.meshLength) != 0
  );
}

/** Ends the reading: whether the draft is to be installed. Where it was bad and a good one serves, it is not. */
export function draftServes(good: bool): bool {
  if (!good) configErrors++;
  return good || !configured;
}

/** Puts the draft in force. */
export function installDraft(good: bool): void {
  memory.copy(SERVING, DRAFT, CONFIG_BYTES);
  configured = good;
  forcedOff = !good;
}
