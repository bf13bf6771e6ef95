// Reads a plugin configuration into the draft: every key with its bound, unknown keys warned of, the first error
// kept as a text `field: value is not bound`. Values that are bad leave the default, so that the error itself can
// still be told on the stream.

import {
  AUTHORITY_MAX,
  beginDraft,
  CLUSTER_MAX,
  DIRECTION_CLIENT,
  DIRECTION_SERVER,
  draft,
  isTarget,
  MESH_MAX,
  PUBLIC_KEY_MAX,
  TARGET_MAX,
} from "./config";
import { isText } from "./core/bytes";
import { endLine, line, WARN } from "./host/log";
import { beginText, put, putByte, putDecimal, putForeign, textLength } from "./host/text";
import {
  FALSE,
  INTEGER,
  isKey,
  jsonBegin,
  jsonInteger,
  jsonKey,
  jsonKeyLength,
  jsonKind,
  jsonMember,
  jsonOffset,
  jsonOk,
  jsonText,
  jsonTextLength,
  STRING,
  TRUE,
} from "./json";

/** Bound of a configuration's text; Envoy itself has none. */
export const CONFIGURATION_MAX: u32 = 65536;
const UNKNOWN_KEYS_TOLD: i32 = 8;

const ERROR_MAX: u32 = 256;
const ERROR = memory.data(256, 8);
export const configError: usize = ERROR;
export let configErrorLength: u32 = 0;

let good: bool = true;

function beginError(field: string): bool {
  if (!good) return false;
  good = false;
  beginText(ERROR, ERROR_MAX);
  put(field);
  put(": ");
  return true;
}

function endError(bound: string): void {
  put(" is not ");
  put(bound);
  configErrorLength = textLength();
}

/** Refuses the value of the member just read. */
function refuse(field: string, bound: string): void {
  if (!beginError(field)) return;
  if (jsonKind() == STRING) {
    putByte(0x22);
    putForeign(jsonText(), min<u32>(jsonTextLength(), 64));
    putByte(0x22);
  } else if (jsonKind() == INTEGER) {
    putDecimal(jsonInteger());
  } else {
    put(jsonKind() == TRUE ? "true" : jsonKind() == FALSE ? "false" : "a value of another kind");
  }
  endError(bound);
}

/** Refuses the text as a whole. */
function refuseText(what: string, value: u64, bound: string): void {
  if (!beginError("configuration")) return;
  put(what);
  putDecimal(value);
  endError(bound);
}

function lengthWithin(least: u32, most: u32): bool {
  return jsonKind() == STRING && jsonTextLength() >= least && jsonTextLength() <= most;
}

/** Lower-case letters, digits and the bytes of `more`; capitals too where `upper`. */
function consistsOf(more: string, upper: bool): bool {
  for (let i: u32 = 0; i < jsonTextLength(); i++) {
    const byte: u32 = load<u8>(jsonText() + i);
    const plain = (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x30 && byte <= 0x39);
    if (!plain && !(upper && byte >= 0x41 && byte <= 0x5a) && !contains(more, byte)) return false;
  }
  return true;
}

function contains(literal: string, byte: u32): bool {
  for (let i = 0; i < literal.length; i++)
    if (<u32>load<u8>(changetype<usize>(literal) + ((<usize>i) << 1)) == byte) return true;
  return false;
}

function isVisible(): bool {
  for (let i: u32 = 0; i < jsonTextLength(); i++) {
    const byte = load<u8>(jsonText() + i);
    if (byte <= 0x20 || byte >= 0x7f) return false;
  }
  return true;
}

function isNamedTarget(): bool {
  return lengthWithin(3, TARGET_MAX) && isTarget(jsonText(), jsonTextLength());
}

function base64Digit(byte: u32): i32 {
  if (byte >= 0x41 && byte <= 0x5a) return byte - 0x41;
  if (byte >= 0x61 && byte <= 0x7a) return byte - 0x47;
  if (byte >= 0x30 && byte <= 0x39) return byte + 4;
  return byte == 0x2b ? 62 : byte == 0x2f ? 63 : -1;
}

/**
 * Decodes the string just read to `to`: its size, or -1 if it is not padded base64 of a DER SEQUENCE within the
 * bound.
 */
function decodeKey(to: usize): i32 {
  const length = jsonTextLength();
  if (jsonKind() != STRING || length % 4 != 0 || length > ((PUBLIC_KEY_MAX + 2) / 3) * 4) return -1;
  let size = length;
  for (let i = 0; i < 2 && size > 0 && load<u8>(jsonText() + size - 1) == 0x3d; i++) size--;
  let bits: u32 = 0;
  let out: u32 = 0;
  for (let i: u32 = 0; i < size; i++) {
    const digit = base64Digit(load<u8>(jsonText() + i));
    if (digit < 0) return -1;
    bits = (bits << 6) | <u32>digit;
    if ((i & 3) != 0) store<u8>(to + out++, <u8>(bits >> (6 - 2 * (i & 3))));
  }
  if (out == 0) return 0;
  return out <= PUBLIC_KEY_MAX && load<u8>(to) == 0x30 ? <i32>out : -1;
}

/** Keeps the string just read as a text of the draft; its length. */
function keep(to: usize): u32 {
  memory.copy(to, jsonText(), jsonTextLength());
  return jsonTextLength();
}

function readName(): bool {
  if (isKey("mesh")) {
    if (lengthWithin(1, MESH_MAX) && consistsOf(".-", false)) draft.meshLength = keep(draft.mesh);
    else refuse("mesh", "1 to 64 bytes of [a-z0-9.-]");
  } else if (isKey("target")) {
    if (isNamedTarget()) draft.targetLength = keep(draft.target);
    else refuse("target", "namespace/name of at most 256 bytes of [a-z0-9.-]");
  } else if (isKey("cluster")) {
    if (lengthWithin(1, CLUSTER_MAX) && consistsOf("._|:/-", true)) draft.clusterLength = keep(draft.cluster);
    else refuse("cluster", "1 to 256 bytes of [A-Za-z0-9._|:/-]");
  } else if (isKey("authority")) {
    if (lengthWithin(1, AUTHORITY_MAX) && isVisible()) draft.authorityLength = keep(draft.authority);
    else refuse("authority", "1 to 256 visible ASCII bytes");
  } else if (isKey("publicKey")) {
    const size = decodeKey(draft.publicKey);
    if (size >= 0) draft.publicKeyLength = size;
    else refuse("publicKey", "base64 of a SubjectPublicKeyInfo of at most 512 bytes");
  } else return false;
  return true;
}

function isString(literal: string): bool {
  return jsonKind() == STRING && isText(jsonText(), jsonTextLength(), literal);
}

function readOption(): bool {
  if (isKey("direction")) {
    if (isString("server")) draft.direction = DIRECTION_SERVER;
    else if (isString("client")) draft.direction = DIRECTION_CLIENT;
    else refuse("direction", "server or client");
  } else if (isKey("callerHeader")) {
    if (jsonKind() == TRUE || jsonKind() == FALSE) draft.callerHeader = jsonKind() == TRUE;
    else refuse("callerHeader", "true or false");
  } else if (isKey("tickMs")) {
    if (jsonKind() == INTEGER && jsonInteger() >= 50 && jsonInteger() <= 5000) draft.tickMs = <u32>jsonInteger();
    else refuse("tickMs", "50 to 5000");
  } else {
    if (isDefined(VEDETTE_TEST)) return readTestHook();
    return false;
  }
  return true;
}

/** Keys that only the test build knows. */
function readTestHook(): bool {
  if (isKey("testStallMs")) draft.testStallMs = <u32>min<u64>(jsonInteger(), 60000);
  else if (isKey("testTrap")) draft.testTrap = jsonKind() == TRUE;
  else if (isKey("testAllocate")) draft.testAllocate = jsonKind() == TRUE;
  else return false;
  return true;
}

/** Reads a configuration into the draft; false if anything in it is bad: `configError` then says what. */
export function readConfiguration(text: usize, size: u32): bool {
  good = true;
  configErrorLength = 0;
  beginDraft();
  let unknown = 0;
  jsonBegin(text, size);
  while (jsonMember()) {
    if (readName() || readOption()) continue;
    if (unknown++ >= UNKNOWN_KEYS_TOLD) continue;
    line("unknown configuration key=");
    putForeign(jsonKey(), min<u32>(jsonKeyLength(), 64));
    endLine(WARN);
  }
  if (!jsonOk()) refuseText("byte ", jsonOffset(), "JSON of one object");
  if (draft.targetLength == 0 && beginError("target")) {
    put("nothing");
    endError("namespace/name, in the configuration or as NAMESPACE and WORKLOAD_NAME of the node's metadata");
  }
  return good;
}

/** A configuration that could not be had, or is beyond its bound: always false. */
export function refuseConfiguration(size: u32): bool {
  good = true;
  configErrorLength = 0;
  beginDraft();
  refuseText("size ", size, "at most 65536 bytes");
  return false;
}
