// Makes the content of a snapshot out of an Update: new sections come from the gRPC message, those left out from
// the content that is shared already. One buffer is enough: held sections are moved within it to their new places,
// new ones are fetched into the gaps.

import { checkManifest } from "./adoption";
import {
  CONTENT_HEAD,
  fetchContent,
  PART_MANIFEST,
  PART_SIGNATURE,
  partAt,
  partLength,
  partOffset,
  setPartLength,
  writeHead,
} from "./content";
import {
  manifestEpoch,
  manifestSize,
  manifestVersion,
  SECTION_MODEL,
  SECTION_RULES,
  SECTIONS,
  sectionMax,
} from "./core/manifest";
import { refusalClear, refuse } from "./core/refusal";
import {
  fetch,
  fieldAt,
  fieldEnd,
  fieldKind,
  fieldLength,
  fieldNumber,
  fieldValue,
  LENGTH,
  readFieldAt,
  VARINT,
} from "./host/grpc-message";
import { MANIFEST_MAX, SIGNATURE_MAX } from "./host/signature";

/** Fields of one message that are looked at: more are refused, since each is a hostcall. */
const FIELDS_MAX: i32 = 64;

const MANIFEST = memory.data(MANIFEST_MAX, 8);
const SIGNATURE = memory.data(SIGNATURE_MAX, 8);

// The update at work: offsets in the message, by section kind for the last three.
export let nonce: u64 = 0;
let serverMs: i64 = 0;
let manifestAt: u32 = 0;
let manifestLength: u32 = 0;
let signatureAt: u32 = 0;
let signatureLength: u32 = 0;
let fields: i32 = 0;
let manifestSeen: bool = false;
/** u32 offset and length by kind; offset 0 is a section left out. */
const SECTION_RANGES = memory.data(8 * 4, 8);

function sectionAt(kind: i32): u32 {
  return load<u32>(SECTION_RANGES + ((<usize>kind) << 3));
}

function sectionLength(kind: i32): u32 {
  return load<u32>(SECTION_RANGES + ((<usize>kind) << 3), 4);
}

function unreadable(offset: u32): bool {
  return refuse("update", offset, "readable, of at most 64 fields");
}

/** Reads one Section: only where its content lies. */
function readSection(start: u32, end: u32): bool {
  let kind: u64 = 0;
  let contentAt: u32 = start;
  let length: u32 = 0;
  for (let at = start; at < end; at = fieldEnd) {
    if (fields++ >= FIELDS_MAX || !readFieldAt(at, end)) return unreadable(at);
    if (fieldNumber == 1 && fieldKind == VARINT) kind = fieldValue;
    else if (fieldNumber == 2 && fieldKind == LENGTH) {
      contentAt = fieldAt;
      length = fieldLength;
    }
  }
  if (kind < 1 || kind > <u64>SECTIONS) return true;
  store<u32>(SECTION_RANGES + ((<usize>kind) << 3), contentAt);
  store<u32>(SECTION_RANGES + ((<usize>kind) << 3), length, 4);
  return true;
}

/** Finds the parts of the Update that lies at [start, end) of the message; false if refused. */
export function readUpdate(start: u32, end: u32): bool {
  refusalClear();
  nonce = 0;
  serverMs = 0;
  manifestLength = signatureLength = 0;
  fields = 0;
  manifestSeen = false;
  memory.fill(SECTION_RANGES, 0, 32);
  for (let at = start; at < end; ) {
    if (fields++ >= FIELDS_MAX || !readFieldAt(at, end)) return unreadable(at);
    // A section is read with the same variables.
    const next = fieldEnd;
    if (fieldNumber == 1 && fieldKind == VARINT) nonce = fieldValue;
    else if (fieldNumber == 2 && fieldKind == VARINT) serverMs = <i64>fieldValue;
    else if (fieldNumber == 3 && fieldKind == LENGTH) {
      manifestAt = fieldAt;
      manifestLength = fieldLength;
    } else if (fieldNumber == 4 && fieldKind == LENGTH) {
      signatureAt = fieldAt;
      signatureLength = fieldLength;
    } else if (fieldNumber == 5 && fieldKind == LENGTH) {
      if (!readSection(fieldAt, fieldEnd)) return false;
    }
    at = next;
  }
  return true;
}

function fetchManifest(): bool {
  if (manifestLength > <u32>MANIFEST_MAX) return refuse("manifest", manifestLength, "4096 bytes");
  if (signatureLength > <u32>SIGNATURE_MAX) return refuse("signature", signatureLength, "256 bytes");
  if (!fetch(manifestAt, manifestLength, MANIFEST) || !fetch(signatureAt, signatureLength, SIGNATURE))
    return unreadable(manifestAt);
  manifestSeen = true;
  return checkManifest(MANIFEST, manifestLength, SIGNATURE, signatureLength);
}

function boundOf(kind: i32): string {
  return kind == SECTION_RULES ? "1048576 bytes" : kind == SECTION_MODEL ? "131072 bytes" : "65536 bytes";
}

/** False if a section is beyond its bound. */
function checkLengths(): bool {
  for (let kind = 1; kind <= SECTIONS; kind++) {
    const length = lengthOf(kind);
    if (length > <u32>sectionMax(kind)) return refuse("section.size", length, boundOf(kind));
  }
  return true;
}

function isNew(kind: i32): bool {
  return sectionAt(kind) != 0;
}

/** Length of a section as it will lie in the content. */
function lengthOf(kind: i32): u32 {
  return isNew(kind) ? sectionLength(kind) : manifestSize(kind);
}

/** Offset of a section in the content to come. */
function placeOf(kind: i32): u32 {
  let offset = CONTENT_HEAD + manifestLength + signatureLength;
  for (let before = 1; before < kind; before++) offset += lengthOf(before);
  return offset;
}

/** Whether a section must be taken from the content that is shared. */
function isKept(kind: i32): bool {
  return !isNew(kind) && lengthOf(kind) > 0;
}

/**
 * Moves the sections kept from where they lie to their new places: those to the right from the last, then the
 * others from the first.
 */
function moveKept(at: usize): bool {
  let any = false;
  for (let kind = 1; kind <= SECTIONS; kind++) any = any || isKept(kind);
  if (!any) return true;
  const shared = fetchContent(at);
  for (let kind = 1; kind <= SECTIONS; kind++) {
    if (!isKept(kind)) continue;
    if (!shared || partLength(at, kind + 1) != lengthOf(kind))
      return refuse("manifest.digest", kind, "section present");
  }
  const settingsAt = partOffset(at, 2);
  const modelAt = partOffset(at, 3);
  const rulesAt = partOffset(at, 4);
  for (let kind = SECTIONS; kind >= 1; kind--) {
    const from = kind == 1 ? settingsAt : kind == 2 ? modelAt : rulesAt;
    if (isKept(kind) && placeOf(kind) > from) memory.copy(at + placeOf(kind), at + from, lengthOf(kind));
  }
  for (let kind = 1; kind <= SECTIONS; kind++) {
    const from = kind == 1 ? settingsAt : kind == 2 ? modelAt : rulesAt;
    if (isKept(kind) && placeOf(kind) < from) memory.copy(at + placeOf(kind), at + from, lengthOf(kind));
  }
  return true;
}

function fetchNew(at: usize): bool {
  for (let kind = 1; kind <= SECTIONS; kind++) {
    if (isNew(kind) && !fetch(sectionAt(kind), sectionLength(kind), at + placeOf(kind)))
      return unreadable(sectionAt(kind));
  }
  return true;
}

/** Assembles the update read last at `at`, which has CONTENT_MAX bytes; false if refused. */
export function assemble(at: usize, receiptNs: u64): bool {
  if (!fetchManifest() || !checkLengths() || !moveKept(at) || !fetchNew(at)) return false;
  writeHead(at, manifestEpoch(), manifestVersion(), nonce, serverMs, receiptNs);
  setPartLength(at, PART_MANIFEST, manifestLength);
  setPartLength(at, PART_SIGNATURE, signatureLength);
  for (let kind = 1; kind <= SECTIONS; kind++) setPartLength(at, kind + 1, lengthOf(kind));
  memory.copy(partAt(at, PART_MANIFEST), MANIFEST, manifestLength);
  memory.copy(partAt(at, PART_SIGNATURE), SIGNATURE, signatureLength);
  return true;
}

/** Epoch and version that the update's manifest names, for a nack; 0 where it was not read. */
export function updateEpoch(): u64 {
  return manifestSeen ? manifestEpoch() : 0;
}

export function updateVersion(): u64 {
  return manifestSeen ? manifestVersion() : 0;
}
