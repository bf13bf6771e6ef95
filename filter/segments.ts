// The segments of the request at work (law 9), as core/segment.ts lays them down: of its target, then of its headers.
// Needs the mesh key.

import { modelAttackTable } from "./core/model";
import { addHeaderSegment, addTargetSegments, beginSegments } from "./core/segment";
import { beginHeaders, headerName, headerNameLength, headerValue, headerValueLength, nextHeader } from "./host/headers";
import { key0, key1, serving } from "./snapshot";

// What a row says: key of the context, attack level, set of classes, length bin, kind, place within the kind.
export function segmentKey(row: usize): u64 {
  return load<u64>(row);
}
export function segmentLevel(row: usize): i32 {
  return load<i16>(row, 8);
}
export function segmentClasses(row: usize): u32 {
  return load<u16>(row, 10);
}
export function segmentLength(row: usize): u32 {
  return load<u8>(row, 12);
}
export function segmentKind(row: usize): i32 {
  return load<u8>(row, 13);
}
export function segmentIndex(row: usize): i32 {
  return load<u16>(row, 14);
}

/** Takes the segments of the target that was measured last, decoded `twice` or once, and of its headers. */
export function takeSegments(twice: bool): void {
  beginSegments(key0, key1, modelAttackTable(serving.models));
  addTargetSegments(twice);
  beginHeaders();
  while (nextHeader()) addHeaderSegment(headerName, headerNameLength, headerValue, headerValueLength);
}
