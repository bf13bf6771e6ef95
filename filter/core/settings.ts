// The settings section (law 8), decoded into a slot of the caller. A refused section leaves the slot undefined: it
// must not serve.
//
// Slot, little-endian: 0 u32 mode, 4 u32 hash keys, 8 u32 window_ms, 12 u32 pulse_ms, 16 u32 oversize, 24 hash keys
// of 24 bytes each: 16 bytes of key, u32 id.

import { HASH_KEYS_MAX, PULSE_MS_MAX, PULSE_MS_MIN, SETTINGS_MAX, WINDOW_MS_MAX, WINDOW_MS_MIN } from "./limits";
import {
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
  readValue32,
  VARINT,
} from "./read";
import { outside, refuse } from "./refusal";

export const MODE_OFF: i32 = 1;
export const MODE_LEARN: i32 = 2;
export const MODE_SHADOW: i32 = 3;
export const MODE_ENFORCE: i32 = 4;
export const OVERSIZE_DENY: i32 = 2;

const KEYS: usize = 24;
const KEY_BYTES: usize = 24;
/** Size of a slot in bytes. */
export const SETTINGS_SLOT_BYTES: i32 = 72;

/** MODE_OFF to MODE_ENFORCE. */
export function settingsMode(slot: usize): i32 {
  return load<i32>(slot);
}

/** Number of hash keys, 1 or 2; the first is used for new tables. */
export function settingsKeys(slot: usize): i32 {
  return load<i32>(slot, 4);
}

/** Low and high word of hash key i, and its id. */
export function settingsKey0(slot: usize, i: i32): u64 {
  return load<u64>(slot + KEYS + KEY_BYTES * i);
}

export function settingsKey1(slot: usize, i: i32): u64 {
  return load<u64>(slot + KEYS + KEY_BYTES * i, 8);
}

export function settingsKeyId(slot: usize, i: i32): u32 {
  return load<u32>(slot + KEYS + KEY_BYTES * i, 16);
}

/** Length of a window in milliseconds. */
export function settingsWindowMs(slot: usize): u32 {
  return load<u32>(slot, 8);
}

/** Time between pulses in milliseconds. */
export function settingsPulseMs(slot: usize): u32 {
  return load<u32>(slot, 12);
}

/** True if requests beyond the header bound are to be denied. */
export function settingsOversizeDeny(slot: usize): bool {
  return load<i32>(slot, 16) == OVERSIZE_DENY;
}

/** Reads one HashKey into place i; for i beyond the places it is only read. Returns the length of its key. */
function readKey(slot: usize, i: i32): i32 {
  const place = slot + KEYS + KEY_BYTES * i;
  let length = 0;
  const outer = readEnter();
  while (readField()) {
    if (isField(1, VARINT)) {
      if (i < HASH_KEYS_MAX) store<u32>(place, readValue32(), 16);
    } else if (isField(2, LENGTH)) {
      length = readLength();
      if (i < HASH_KEYS_MAX && length == 16) memory.copy(place, readContent(), 16);
    }
  }
  readLeave(outer);
  return length;
}

/** Decodes `len` bytes of a SettingsSection into `slot`; false if refused, see refusal.ts. */
export function settingsLoad(ptr: usize, len: i32, slot: usize): bool {
  if (len > SETTINGS_MAX) return refuse("section.size", len, "65536 bytes");
  memory.fill(slot, 0, SETTINGS_SLOT_BYTES);
  let mode: u32 = 0;
  let keys = 0;
  let badKeyLength = -1;
  let windowMs: u32 = 0;
  let pulseMs: u32 = 0;
  let oversize: u32 = 0;
  readBegin(ptr, len);
  while (readField()) {
    if (isField(1, VARINT)) mode = readValue32();
    else if (isField(2, LENGTH)) {
      const length = readKey(slot, keys);
      if (length != 16 && badKeyLength < 0) badKeyLength = length;
      keys++;
    } else if (isField(3, VARINT)) windowMs = readValue32();
    else if (isField(4, VARINT)) pulseMs = readValue32();
    else if (isField(5, VARINT)) oversize = readValue32();
  }
  if (!readOk()) return refuse("section", readErrorOffset(), "readable");
  if (outside(mode, MODE_OFF, MODE_ENFORCE)) return refuse("settings.mode", mode, "1..4");
  if (keys < 1 || keys > HASH_KEYS_MAX) return refuse("settings.hash_keys", keys, "1..2");
  if (badKeyLength >= 0) return refuse("settings.hash_keys.key", badKeyLength, "16 bytes");
  if (outside(windowMs, WINDOW_MS_MIN, WINDOW_MS_MAX)) return refuse("settings.window_ms", windowMs, "1000..600000");
  if (outside(pulseMs, PULSE_MS_MIN, PULSE_MS_MAX)) return refuse("settings.pulse_ms", pulseMs, "500..60000");
  store<u32>(slot, mode);
  store<u32>(slot, keys, 4);
  store<u32>(slot, windowMs, 8);
  store<u32>(slot, pulseMs, 12);
  store<u32>(slot, oversize == OVERSIZE_DENY ? OVERSIZE_DENY : 1, 16);
  return true;
}
