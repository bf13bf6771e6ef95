// A snapshot as it lies in shared data for all VMs of the process. Little-endian, packed: u32 format, u64 epoch,
// u64 version, u64 nonce, i64 the server's time (ms), u64 monotonic ns at receipt, u32 lengths of manifest,
// signature, settings, model, rules; then these.

import { OK } from "./host/abi";
import { ascii } from "./host/bytes";
import { CONTENT_MAX, resultData, resultSize } from "./host/memory";
import { getShared, getSharedAt, putShared } from "./host/shared";

const FORMAT: u32 = 1;
export const CONTENT_HEAD: u32 = 64;
const LENGTHS: usize = 44;
const PARTS: i32 = 5;
/** Parts by number; a section's is its kind plus one. */
export const PART_MANIFEST: i32 = 0;
export const PART_SIGNATURE: i32 = 1;

const CONTENT = ascii("vedette/1/content");
/** u64 epoch, u64 version, u64 nonce: written after the content, read at each tick. */
const CONTENT_VERSION = ascii("vedette/1/content-version");
const VERSION = memory.data(24, 8);
/** The version last looked at. */
const KNOWN = memory.data(24, 8);

export function contentNonce(at: usize): u64 {
  return load<u64>(at, 20);
}
export function contentServerMs(at: usize): i64 {
  return load<i64>(at, 28);
}
export function contentReceiptNs(at: usize): u64 {
  return load<u64>(at, 36);
}

export function partLength(at: usize, part: i32): u32 {
  return load<u32>(at + LENGTHS + ((<usize>part) << 2));
}

/** Offset of a part. */
export function partOffset(at: usize, part: i32): u32 {
  let offset = CONTENT_HEAD;
  for (let i = 0; i < part; i++) offset += partLength(at, i);
  return offset;
}

export function partAt(at: usize, part: i32): usize {
  return at + partOffset(at, part);
}

export function setPartLength(at: usize, part: i32, length: u32): void {
  store<u32>(at + LENGTHS + ((<usize>part) << 2), length);
}

/** Writes the head, but for the lengths. */
export function writeHead(at: usize, epoch: u64, version: u64, nonce: u64, serverMs: i64, receiptNs: u64): void {
  store<u32>(at, FORMAT);
  store<u64>(at, epoch, 4);
  store<u64>(at, version, 12);
  store<u64>(at, nonce, 20);
  store<i64>(at, serverMs, 28);
  store<u64>(at, receiptNs, 36);
}

/** Whether these bytes have our format and exactly the lengths they say. */
export function isContent(at: usize, size: u32): bool {
  if (size < CONTENT_HEAD || load<u32>(at) != FORMAT) return false;
  let left = size - CONTENT_HEAD;
  for (let part = 0; part < PARTS; part++) {
    if (partLength(at, part) > left) return false;
    left -= partLength(at, part);
  }
  return left == 0;
}

/** Reads the shared content to `at`, which has CONTENT_MAX bytes; false if there is none that is whole. */
export function fetchContent(at: usize): bool {
  return getSharedAt(CONTENT, at, CONTENT_MAX) == OK && resultSize() > 0 && isContent(at, resultSize());
}

/** Whether the shared content is another than that last looked at; from then on it is known. */
export function contentChanged(): bool {
  if (getShared(CONTENT_VERSION) != OK || resultSize() != 24) return false;
  if (memory.compare(resultData(), KNOWN, 24) == 0) return false;
  memory.copy(KNOWN, resultData(), 24);
  return true;
}

/** Writes the content for all VMs, then its version; it is then known here. */
export function shareContent(at: usize): bool {
  if (!putShared(CONTENT, at, partOffset(at, PARTS), 0)) return false;
  memory.copy(VERSION, at + 4, 24);
  memory.copy(KNOWN, VERSION, 24);
  return putShared(CONTENT_VERSION, VERSION, 24, 0);
}
