// What serves: settings, models and rules of one snapshot, decoded. Two sets take turns: a new snapshot is decoded
// into the one that does not serve and put in force by one pointer, so it is adopted whole or not at all.

import { forcedOff } from "./config";
import { ATTACK_TABLE_BYTES } from "./core/attack";
import { MODEL_SLOT_BYTES, modelAttackTable, modelCandidate, modelCurrent, modelId, modelPresent } from "./core/model";
import { RULES_SET_BYTES } from "./core/rule";
import {
  MODE_LEARN,
  MODE_OFF,
  SETTINGS_SLOT_BYTES,
  settingsKey0,
  settingsKey1,
  settingsKeyId,
  settingsMode,
} from "./core/settings";

/** Head of a set: what its manifest says; then settings, models, rules. */
@unmanaged
export class Snapshot {
  epoch: u64 = 0;
  version: u64 = 0;

  /** SHA-256 of the manifest. */
  get manifestDigest(): usize {
    return changetype<usize>(this) + 16;
  }
  /** Digest of a section, by its kind from 1. */
  digest(kind: i32): usize {
    return changetype<usize>(this) + 48 + 32 * (<usize>kind - 1);
  }
  /** Where the size of a section is, by its kind from 1. */
  sizeAt(kind: i32): usize {
    return changetype<usize>(this) + 144 + 4 * (<usize>kind - 1);
  }
  get settings(): usize {
    return changetype<usize>(this) + HEAD_BYTES;
  }
  get models(): usize {
    return this.settings + SETTINGS_ROOM;
  }
  get rules(): usize {
    return this.models + MODEL_SLOT_BYTES;
  }
}

const HEAD_BYTES: i32 = 160;
/** Rounded up, so that the models behind are aligned. */
const SETTINGS_ROOM: i32 = (SETTINGS_SLOT_BYTES + 15) & ~15;
const SET_BYTES: i32 = HEAD_BYTES + SETTINGS_ROOM + MODEL_SLOT_BYTES + RULES_SET_BYTES;
const SETS = memory.data(2 * SET_BYTES, 16);

/** The snapshot in force; its epoch is 0 before the first. */
export let serving: Snapshot = changetype<Snapshot>(SETS);
/** The one to decode into. */
export let incoming: Snapshot = changetype<Snapshot>(SETS + SET_BYTES);

/** Mesh key of the tables in force; `keyed` says whether there is one. */
export let keyed: bool = false;
export let key0: u64 = 0;
export let key1: u64 = 0;
export let keyId: u32 = 0;

/** Changes when a model id does: scores of another generation belong to other histograms. */
export let generation: u32 = 0;

/**
 * The mode that counts: before the first snapshot requests are measured and learnt from, as far as that goes
 * without a key.
 */
export function mode(): i32 {
  if (forcedOff) return MODE_OFF;
  return keyed ? settingsMode(serving.settings) : MODE_LEARN;
}

/** Body of the model that judges, or 0. */
export function currentModel(): usize {
  const body = modelCurrent(serving.models);
  return keyed && modelPresent(body) ? body : 0;
}

/** Body of the model that is scored beside it, or 0. */
export function candidateModel(): usize {
  const body = modelCandidate(serving.models);
  return keyed && modelPresent(body) ? body : 0;
}

function modelIdIn(body: usize): u64 {
  return modelPresent(body) ? modelId(body) : 0;
}

/** Whether the incoming snapshot hashes with another key. */
export function incomingRekeys(): bool {
  const settings = incoming.settings;
  return (
    !keyed ||
    settingsKey0(settings, 0) != key0 ||
    settingsKey1(settings, 0) != key1 ||
    settingsKeyId(settings, 0) != keyId
  );
}

/** Whether the incoming snapshot has the same attack table, also where no model names it: levels are counted by it. */
function keepsAttackTable(): bool {
  const held = modelAttackTable(serving.models);
  const next = modelAttackTable(incoming.models);
  return held == 0 || next == 0 ? held == next : memory.compare(held, next, ATTACK_TABLE_BYTES) == 0;
}

/** Whether the incoming snapshot has other models: thresholds aside. */
export function incomingRemodels(): bool {
  return (
    !keepsAttackTable() ||
    modelIdIn(modelCurrent(incoming.models)) != modelIdIn(modelCurrent(serving.models)) ||
    modelIdIn(modelCandidate(incoming.models)) != modelIdIn(modelCandidate(serving.models))
  );
}

/** Puts the incoming snapshot in force. */
export function swapSnapshot(): void {
  if (incomingRemodels()) generation++;
  const old = serving;
  serving = incoming;
  incoming = old;
  keyed = true;
  key0 = settingsKey0(serving.settings, 0);
  key1 = settingsKey1(serving.settings, 0);
  keyId = settingsKeyId(serving.settings, 0);
}

/** For a new target: nothing is held. */
export function forgetSnapshot(): void {
  memory.fill(changetype<usize>(serving), 0, HEAD_BYTES + SETTINGS_ROOM + MODEL_SLOT_BYTES + 16);
  keyed = false;
  key0 = key1 = 0;
  keyId = 0;
  generation++;
}
