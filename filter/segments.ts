// The segments of the request at work (law 9), as core/segment.ts lays them down: of its target, then of its headers.
// Needs the mesh key.

import { modelAttackTable } from "./core/model";
import { addHeaderSegment, addTargetSegments, beginSegments } from "./core/segment";
import { beginHeaders, headerName, headerNameLength, headerValue, headerValueLength, nextHeader } from "./host/headers";
import { key0, key1, serving } from "./snapshot";

/** Takes the segments of the target that was measured last, decoded `twice` or once, and of its headers. */
export function takeSegments(twice: bool): void {
  beginSegments(key0, key1, modelAttackTable(serving.models));
  addTargetSegments(twice);
  beginHeaders();
  while (nextHeader()) addHeaderSegment(headerName, headerNameLength, headerValue, headerValueLength);
}
