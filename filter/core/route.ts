// The route of a request (law 6): method and path template, where segments that look like ids become `*`.

import { byteClass, DIGIT, IS_HEX, IS_UNRESERVED } from "./byte-class";
import { putText } from "./bytes";
import { METHOD_MAX, PATH_HEAD, ROUTE_SEGMENT_MAX, ROUTE_SEGMENTS_MAX } from "./limits";
import { splitTarget, wholePath, wholePathLen } from "./target";

const SLASH: i32 = 0x2f;
const DOT: i32 = 0x2e;
const DASH: i32 = 0x2d;

/** Room that a route needs while it is written; above ROUTE_MAX it counts as the overflow route. */
export const ROUTE_BUFFER: i32 = METHOD_MAX + 1 + (ROUTE_SEGMENTS_MAX + 1) * (ROUTE_SEGMENT_MAX + 1);

const MANY_DIGITS: i32 = 3;
const LONG_WITH_DIGIT: i32 = 16;
const LONG_HEX: i32 = 8;
const LONG_WITHOUT_DOT: i32 = 33;

/** True if a segment stays as it is: usual bytes, not too long, not shaped like an id. */
function isKept(ptr: usize, len: i32): bool {
  if (len < 1 || len > ROUTE_SEGMENT_MAX) return false;
  let digits = 0;
  let dots = 0;
  let hex = 0;
  for (let i = 0; i < len; i++) {
    const byte: i32 = load<u8>(ptr + i);
    const properties = byteClass(byte);
    if ((properties & IS_UNRESERVED) == 0) return false;
    if ((properties & 15) == DIGIT) digits++;
    if (byte == DOT) dots++;
    if ((properties & IS_HEX) != 0 || byte == DASH) hex++;
  }
  if (digits >= MANY_DIGITS) return false;
  if (digits > 0 && (len >= LONG_WITH_DIGIT || (len >= LONG_HEX && hex == len))) return false;
  return len < LONG_WITHOUT_DOT || dots > 0;
}

/** Writes the route of a request into ROUTE_BUFFER bytes at `out`; returns its length. */
export function putRoute(method: usize, methodLen: i32, target: usize, targetLen: i32, isGrpc: bool, out: usize): i32 {
  let size = 0;
  if (isGrpc) size = putText(out, "GRPC");
  else if (methodLen > METHOD_MAX) size = putText(out, "OTHER");
  else {
    memory.copy(out, method, methodLen);
    size = methodLen;
  }
  size += putText(out + size, " ");
  splitTarget(target, targetLen);
  const end = wholePath + min<i32>(wholePathLen, PATH_HEAD);
  const start = size;
  let kept = 0;
  let from = wholePath;
  while (from < end) {
    let to = from;
    while (to < end && <i32>load<u8>(to) != SLASH) to++;
    const len = <i32>(to - from);
    if (len > 1 || (len == 1 && <i32>load<u8>(from) != DOT)) {
      if (kept == ROUTE_SEGMENTS_MAX) return size + putText(out + size, "/**");
      size += putText(out + size, "/");
      size += putSegment(out + size, from, len);
      kept++;
    }
    from = to + 1;
  }
  return size == start ? size + putText(out + size, "/") : size;
}

function putSegment(out: usize, ptr: usize, len: i32): i32 {
  if (!isKept(ptr, len)) return putText(out, "*");
  memory.copy(out, ptr, len);
  return len;
}
