// Who sends the request: the SPIFFE id of the verified client certificate; else, only where the configuration says
// so, the URI of the last element of x-forwarded-client-cert, which the nearest proxy wrote; else the peer's
// address. Nothing else a client sends counts.

import { config } from "./config";
import { callerGroup, keyOf, keyOfPair } from "./core/hash";
import { CALLER_MAX } from "./core/limits";
import { ascii, lengthOf } from "./host/bytes";
import { resultData, resultSize } from "./host/memory";
import { getProperty } from "./host/properties";
import { key0, key1 } from "./snapshot";

/** CallerClass. */
export const CALLER_ATTESTED: u8 = 1;
export const CALLER_HEADER: u8 = 2;
export const CALLER_ADDRESS: u8 = 3;

const URI_SAN = ascii("connection\0uri_san_peer_certificate");
const SOURCE_ADDRESS = ascii("source\0address");
const ATTESTED_PREFIX = ascii("attested:");
const HEADER_PREFIX = ascii("header:");
const ADDRESS_PREFIX = ascii("address:");

/** Of the last caller read; 0 for unknown. */
export let callerClass: u8 = 0;
export let callerName: usize = 0;
export let callerLength: u32 = 0;
/** Key of the caller string, 0 for unknown. */
export let callerKey: u64 = 0;

/** Key of the name alone, as rules have it. */
export function callerNameKey(): u64 {
  return callerKey == 0 ? 0 : keyOf(callerName, callerLength, key0, key1);
}

/** 0 to 7, or -1 for unknown. */
export function callerGroupOf(key: u64): i32 {
  return key == 0 ? -1 : callerGroup(key);
}

/** Nobody is known. */
export function forgetCaller(): void {
  callerClass = 0;
  callerLength = 0;
  callerKey = 0;
}

/**
 * Reads the caller: one hostcall with a client certificate, else two. `header` is x-forwarded-client-cert, where it
 * is at hand.
 */
export function readCaller(header: usize, headerLength: i32): void {
  forgetCaller();
  if (getProperty(URI_SAN) && resultSize() > 0) {
    take(CALLER_ATTESTED, ATTESTED_PREFIX, resultData(), resultSize());
  } else if (config.callerHeader && findUri(header, headerLength)) {
    take(CALLER_HEADER, HEADER_PREFIX, uri, uriLength);
  } else if (getProperty(SOURCE_ADDRESS) && resultSize() > 0) {
    takeAddress(resultData(), resultSize());
  }
}

function take(kind: u8, prefix: usize, name: usize, length: u32): void {
  callerClass = kind;
  callerName = name;
  callerLength = min<u32>(length, CALLER_MAX);
  callerKey = keyOfPair(prefix, lengthOf(prefix), callerName, callerLength, key0, key1);
}

/** Cuts the port, and the brackets of an IPv6 address; the path of a Unix socket stays. */
function takeAddress(address: usize, size: u32): void {
  let end = size;
  while (end > 0 && load<u8>(address + end - 1) != 0x3a) end--;
  let length = end == 0 ? size : end - 1;
  let from = address;
  if (length >= 2 && load<u8>(from) == 0x5b && load<u8>(from + length - 1) == 0x5d) {
    from++;
    length -= 2;
  }
  if (length > 0) take(CALLER_ADDRESS, ADDRESS_PREFIX, from, length);
}

let uri: usize = 0;
let uriLength: u32 = 0;

/** Finds the first URI of the last element. Quotes hide commas and semicolons; a backslash hides a quote. */
function findUri(header: usize, length: i32): bool {
  uriLength = 0;
  let pair: i32 = 0;
  let quoted = false;
  for (let i = 0; i <= length; i++) {
    const byte: i32 = i < length ? load<u8>(header + i) : 0x2c;
    if (i < length && quoted) {
      if (byte == 0x5c) i++;
      else if (byte == 0x22) quoted = false;
      continue;
    }
    if (byte == 0x22) quoted = true;
    if (byte != 0x2c && byte != 0x3b) continue;
    if (uriLength == 0) takeUri(header + pair, i - pair);
    pair = i + 1;
    // An element in front of another was written by someone further away.
    if (byte == 0x2c && i < length) uriLength = 0;
  }
  return uriLength > 0;
}

/** Keeps the value of `URI=value`, without quotes around it. */
function takeUri(at: usize, size: i32): void {
  let from = at;
  let left = size;
  while (left > 0 && load<u8>(from) <= 0x20) {
    from++;
    left--;
  }
  if (left <= 4 || (load<u8>(from) | 0x20) != 0x75 || (load<u8>(from + 1) | 0x20) != 0x72) return;
  if ((load<u8>(from + 2) | 0x20) != 0x69 || load<u8>(from + 3) != 0x3d) return;
  from += 4;
  left -= 4;
  if (left >= 2 && load<u8>(from) == 0x22 && load<u8>(from + left - 1) == 0x22) {
    from++;
    left -= 2;
  }
  uri = from;
  uriLength = left;
}
