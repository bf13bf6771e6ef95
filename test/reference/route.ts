// Section 6 of the law: the route of a request, from its method and the shapes of its path segments, and its key.

import * as limits from "../../filter/core/limits.ts";
import { count, isDigit, toBytes } from "./bytes.ts";
import { splitPath } from "./segments.ts";
import { keyOf } from "./siphash.ts";
import { splitTarget } from "./target.ts";

/** Whether a segment looks like an id, a hash or a number. */
export function isIdShaped(segment: string): boolean {
  const digits = count(segment, isDigit);
  if (digits >= 3) return true;
  if (digits > 0 && segment.length >= 16) return true;
  if (digits > 0 && segment.length >= 8 && /^[0-9A-Fa-f-]+$/.test(segment)) return true;
  return segment.length >= 33 && !segment.includes(".");
}

function template(segment: string): string {
  return /^[A-Za-z0-9._~-]{1,64}$/.test(segment) && !isIdShaped(segment) ? segment : "*";
}

/** Method (`GRPC` for a gRPC request), a space, path template. */
export function routeOf(method: string, path: string, grpc: boolean): string {
  const shown = method.length > limits.METHOD_MAX ? "OTHER" : method;
  const rawPath = splitTarget(path).rawPath.slice(0, limits.PATH_HEAD);
  const segments = splitPath(rawPath).filter((segment) => segment !== "" && segment !== ".");
  const kept = segments.slice(0, limits.ROUTE_SEGMENTS_MAX).map(template);
  if (segments.length > kept.length) kept.push("**");
  return `${grpc ? "GRPC" : shown} /${kept.join("/")}`;
}

/** Key of a route under the mesh's 16-byte key; 0 for a route above 512 bytes, the overflow route. */
export function routeKey(meshKey: Uint8Array, route: string): bigint {
  return route.length > limits.ROUTE_MAX ? 0n : keyOf(meshKey, toBytes(route));
}
