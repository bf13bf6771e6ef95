// The segments of the request at work (law 9), as core/segment.ts lays them down: of its target, then of its headers.
// Needs the mesh key. The route stands beside them, as the structure head looks at it too.

import { modelAttackTable } from "./core/model";
import { addHeaderSegment, addTargetSegments, beginSegments } from "./core/segment";
import { beginHeaders, headerName, headerNameLength, headerValue, headerValueLength, nextHeader } from "./host/headers";
import { key0, key1, serving } from "./snapshot";

/**
 * Takes the segments of the target that was measured last, decoded `twice` or once, and of its headers; and the key
 * of its route.
 */
export function takeSegments(twice: bool, routeKey: u64): void {
  beginSegments(key0, key1, modelAttackTable(serving.models), routeKey);
  addTargetSegments(twice);
  beginHeaders();
  while (nextHeader()) addHeaderSegment(headerName, headerNameLength, headerValue, headerValueLength);
}
