// A whole request for tests and the control plane (core.wasm only): target and headers in, segments and the score of
// all heads out, as the filter makes them.

import { attackExcess, structureExcess, wholeScore } from "./context";
import { distanceOf, fromSecond } from "./distance";
import { extract, HAS_SECOND } from "./extract";
import { NO_SCORE } from "./limits";
import { modelPresent } from "./model";
import { addHeaderSegment, addTargetSegments, beginSegments, segmentCount } from "./segment";

let flags: i32 = 0;

/**
 * Adds the headers of a block in the pairs format of proxy-wasm: u32 count, for each u32 length of name and value, then
 * each name and value with a zero behind. False if the block is not of `len` bytes at least.
 */
function addHeaders(block: usize, len: i32): bool {
  if (len < 4) return len == 0;
  const pairs = load<u32>(block);
  if (pairs > <u32>(len - 4) / 8) return false;
  const end: u64 = <u64>block + len;
  let at: u64 = <u64>block + 4 + 8 * <u64>pairs;
  for (let i: u32 = 0; i < pairs; i++) {
    const lengths = block + 4 + 8 * <usize>i;
    const nameLen = load<u32>(lengths);
    const valueLen = load<u32>(lengths, 4);
    const value = at + nameLen + 1;
    const next = value + valueLen + 1;
    if (next > end) return false;
    addHeaderSegment(<usize>at, nameLen, <usize>value, valueLen);
    at = next;
  }
  return true;
}

/**
 * Measures a request: its target, its header block (0 bytes: none), the mesh key, the attack table (0: no levels), and
 * the key of its route (0: the overflow route). Returns how many segments it has, -1 if the header block is not
 * readable. Then scoreRequest, segmentAt, locateSegment ask about it, as long as target and headers lie where they do.
 */
export function measureRequest(
  target: usize,
  targetLen: i32,
  headers: usize,
  headersLen: i32,
  k0: u64,
  k1: u64,
  table: usize,
  routeKey: u64,
): i32 {
  flags = extract(target, targetLen);
  beginSegments(k0, k1, table, routeKey);
  addTargetSegments((flags & HAS_SECOND) != 0);
  return addHeaders(headers, headersLen) ? segmentCount() : -1;
}

/**
 * Distance of the request measured last under a body: the higher of its measurements, which topFeature then is about;
 * NO_SCORE without a body.
 */
export function requestDistance(body: usize): u32 {
  return modelPresent(body) ? distanceOf(body, flags) : NO_SCORE;
}

/** True if the second measurement gave the distance asked last. */
export function requestSecond(): bool {
  return fromSecond;
}

/** Score of the request measured last under a body, by all heads; E and X by attackExcess and structureExcess. */
export function scoreRequest(body: usize): u32 {
  const distance = requestDistance(body);
  return distance == NO_SCORE ? NO_SCORE : wholeScore(distance, attackExcess(body), structureExcess(body));
}
