// The headers of a request in one hostcall, parsed where they lie: u32 count, then u32 lengths of name and value a
// pair, then each name and value with a zero byte behind. One pass finds what the filter needs; every length is
// checked, whatever the host says. What was read can be walked again until the end of the callback.

import { isText, startsWith } from "../core/bytes";
import { HEADERS_MAX } from "../core/limits";
import { OK, proxy_get_header_map_pairs } from "./abi";
import { expectResult, overflows, RESULT_DATA, RESULT_SIZE, resultData, resultSize } from "./memory";

const REQUEST_HEADERS: u32 = 0;
const REQUEST_ID_MAX: u32 = 64;

/** Outcomes of `readHeaders`. */
export const HEADERS_READ: i32 = 0;
export const HEADERS_FAILED: i32 = 1;
/** Beyond HEADERS_MAX. What was asked for may still be known. */
export const HEADERS_OVERSIZE: i32 = 2;

// Addresses and lengths; lengths are 0 for what is absent.
export let path: usize = 0;
export let pathLength: i32 = 0;
export let method: usize = 0;
export let methodLength: i32 = 0;
export let requestId: usize = 0;
export let requestIdLength: u32 = 0;
/** x-forwarded-client-cert; of several the last. */
export let clientCert: usize = 0;
export let clientCertLength: i32 = 0;
const SLASH: u8 = 0x2f;
/** Longer than any service and method that are used: what is longer is judged. */
const GRPC_PATH_MAX: u32 = 512;
/** content-type begins with application/grpc. */
let grpcContent: bool = false;
let upgradeNamed: bool = false;
let connectionUpgrades: bool = false;
/** x-envoy-attempt-count is above 1. */
export let isRetry: bool = false;
/** The test build's trap. */
export let isTrap: bool = false;

/** The block that was read last, whole and checked; 0 for none. */
let pairs: usize = 0;
let pairCount: u32 = 0;
/** Of the walk: the number of the next pair, and where it is. */
let nextPair: u32 = 0;
let nextAt: usize = 0;
/** The header that the walk stands at. */
export let headerName: usize = 0;
export let headerNameLength: i32 = 0;
export let headerValue: usize = 0;
export let headerValueLength: i32 = 0;

/**
 * gRPC as the protocol has it: a POST to `/package.Service/Method` and nothing else, so that a content type leads no
 * attack in a path or a query around the model.
 */
export function isGrpc(): bool {
  return grpcContent && isText(method, methodLength, "POST") && isGrpcPath(path, pathLength);
}

function isGrpcPath(at: usize, length: u32): bool {
  if (length > GRPC_PATH_MAX || length == 0 || load<u8>(at) != SLASH) return false;
  let names: u32 = 0;
  let nameLength: u32 = 0;
  for (let i: u32 = 1; i < length; i++) {
    const byte = load<u8>(at + i);
    if (byte == SLASH) {
      if (nameLength == 0 || ++names > 1) return false;
      nameLength = 0;
    } else if (isNameByte(byte)) nameLength++;
    else return false;
  }
  return names == 1 && nameLength > 0;
}

/** Of protobuf names: letters, digits, `_`, `.`. */
function isNameByte(byte: u8): bool {
  const letter = byte | 0x20;
  return (letter >= 0x61 && letter <= 0x7a) || (byte >= 0x30 && byte <= 0x39) || byte == 0x5f || byte == 0x2e;
}

/** CONNECT names an authority instead of a path: there is nothing to measure. */
export function isConnect(): bool {
  return isText(method, methodLength, "CONNECT");
}

/** An upgrade as Envoy sees it: both headers, or CONNECT. */
export function isUpgrade(): bool {
  return (upgradeNamed && connectionUpgrades) || isConnect();
}

function forget(): void {
  path = method = requestId = clientCert = pairs = 0;
  pairCount = 0;
  pathLength = methodLength = clientCertLength = 0;
  requestIdLength = 0;
  grpcContent = upgradeNamed = connectionUpgrades = isRetry = isTrap = false;
}

/** Reads the request's headers. */
export function readHeaders(): i32 {
  forget();
  expectResult();
  const refusedBefore = overflows;
  const status = proxy_get_header_map_pairs(REQUEST_HEADERS, RESULT_DATA, RESULT_SIZE);
  if (overflows != refusedBefore) return HEADERS_OVERSIZE;
  if (status != OK || resultData() == 0) return HEADERS_FAILED;
  if (!parse(resultData(), resultSize())) return HEADERS_FAILED;
  return resultSize() > <u32>HEADERS_MAX ? HEADERS_OVERSIZE : HEADERS_READ;
}

function parse(data: usize, size: u32): bool {
  if (size < 4) return false;
  const count = load<u32>(data);
  if (count > (size - 4) / 8) return false;
  let left = size - 4 - 8 * count;
  let at = data + 4 + ((<usize>count) << 3);
  for (let i: u32 = 0; i < count; i++) {
    const lengths = data + 4 + ((<usize>i) << 3);
    const nameLength = load<u32>(lengths);
    const valueLength = load<u32>(lengths, 4);
    if (<u64>nameLength + <u64>valueLength + 2 > <u64>left) return false;
    take(at, nameLength, at + nameLength + 1, valueLength);
    at += nameLength + valueLength + 2;
    left -= nameLength + valueLength + 2;
  }
  pairs = data;
  pairCount = count;
  return methodLength > 0;
}

/** Begins a walk over the headers read last, pseudo-headers included, in the order in which they came. */
export function beginHeaders(): void {
  nextPair = 0;
  nextAt = pairs + 4 + ((<usize>pairCount) << 3);
}

/** Goes on to the next header; false behind the last one. */
export function nextHeader(): bool {
  if (nextPair >= pairCount) return false;
  const lengths = pairs + 4 + ((<usize>nextPair) << 3);
  nextPair++;
  headerName = nextAt;
  headerNameLength = load<i32>(lengths);
  headerValue = nextAt + headerNameLength + 1;
  headerValueLength = load<i32>(lengths, 4);
  nextAt = headerValue + headerValueLength + 1;
  return true;
}

/** Keeps a header that is wanted. Host names of headers are in lower case. */
function take(name: usize, nameLength: u32, value: usize, length: u32): void {
  switch (nameLength) {
    case 5:
      if (path == 0 && isText(name, 5, ":path")) {
        path = value;
        pathLength = length;
      }
      break;
    case 7:
      if (method == 0 && isText(name, 7, ":method")) {
        method = value;
        methodLength = length;
      } else if (isText(name, 7, "upgrade")) upgradeNamed = true;
      break;
    case 10:
      if (isText(name, 10, "connection")) connectionUpgrades = connectionUpgrades || namesUpgrade(value, length);
      break;
    case 12:
      if (isText(name, 12, "content-type")) grpcContent = startsWith(value, length, "application/grpc");
      else if (requestId == 0 && isText(name, 12, "x-request-id")) takeRequestId(value, length);
      break;
    case 14:
      if (isDefined(VEDETTE_TEST)) takeTestHeader(name, value, length);
      break;
    case 21:
      if (isText(name, 21, "x-envoy-attempt-count")) isRetry = isAboveOne(value, length);
      break;
    case 23:
      if (isText(name, 23, "x-forwarded-client-cert")) {
        clientCert = value;
        clientCertLength = length;
      }
      break;
    default:
      break;
  }
}

function takeTestHeader(name: usize, value: usize, length: u32): void {
  if (isText(name, 14, "x-vedette-test")) isTrap = isText(value, length, "trap");
}

/** Only `[A-Za-z0-9-]`, at most 64 bytes: the beginning that is. */
function takeRequestId(value: usize, length: u32): void {
  requestId = value;
  let n: u32 = 0;
  while (n < min<u32>(length, REQUEST_ID_MAX) && isIdByte(load<u8>(value + n))) n++;
  requestIdLength = n;
}

function isIdByte(byte: u32): bool {
  const lower = byte | 0x20;
  return (lower >= 0x61 && lower <= 0x7a) || (byte >= 0x30 && byte <= 0x39) || byte == 0x2d;
}

/** Whether a comma-separated list has the token `upgrade`, in any case. */
function namesUpgrade(value: usize, length: u32): bool {
  let start: u32 = 0;
  for (let i: u32 = 0; i <= length; i++) {
    if (i < length && load<u8>(value + i) != 0x2c) continue;
    let from = start;
    let to = i;
    while (from < to && load<u8>(value + from) <= 0x20) from++;
    while (to > from && load<u8>(value + to - 1) <= 0x20) to--;
    if (to - from == 7 && isUpgradeToken(value + from)) return true;
    start = i + 1;
  }
  return false;
}

/** The seven letters u p g r a d e, in any case. */
function isUpgradeToken(at: usize): bool {
  const wanted = changetype<usize>("upgrade");
  for (let i: usize = 0; i < 7; i++) if ((load<u8>(at + i) | 0x20) != load<u8>(wanted + (i << 1))) return false;
  return true;
}

/** A decimal number of more than 1; more digits than 9 are more than 1 too. */
function isAboveOne(value: usize, length: u32): bool {
  let number: u32 = 0;
  for (let i: u32 = 0; i < min<u32>(length, 9); i++) {
    const digit = load<u8>(value + i) - 0x30;
    if (digit > 9) return false;
    number = number * 10 + digit;
  }
  return number > 1;
}
