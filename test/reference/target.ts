// Section 1 of the law, first half: what of a request is looked at. A target becomes a path and a query, each capped to
// a head and a tail.

import * as limits from "../../filter/core/limits.ts";

export interface Target {
  /** The path before caps: routes are made of it. */
  rawPath: string;
  /** What is scanned. */
  path: string;
  query: string;
  /** True lengths in bytes. */
  pathLength: number;
  queryLength: number;
  /** Something was cut. */
  scanned: boolean;
}

/** Cuts scheme and authority off an absolute-form target. */
export function originForm(value: string): string {
  if (value.startsWith("/") || !value.includes("://")) return value;
  const slash = value.indexOf("/", value.indexOf("://") + 3);
  return slash < 0 ? "/" : value.slice(slash);
}

function cap(text: string, head: number, tail: number): string {
  return text.length > head + tail ? text.slice(0, head) + text.slice(text.length - tail) : text;
}

/** Splits the value of `:path`. */
export function splitTarget(value: string): Target {
  const target = originForm(value);
  const mark = target.indexOf("?");
  const rawPath = mark < 0 ? target : target.slice(0, mark);
  const rawQuery = mark < 0 ? "" : target.slice(mark + 1);
  const path = cap(rawPath, limits.PATH_HEAD, limits.PATH_TAIL);
  const query = cap(rawQuery, limits.QUERY_HEAD, limits.QUERY_TAIL);
  return {
    rawPath,
    path,
    query,
    pathLength: rawPath.length,
    queryLength: rawQuery.length,
    scanned: path.length < rawPath.length || query.length < rawQuery.length,
  };
}
