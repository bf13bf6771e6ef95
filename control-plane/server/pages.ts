// Pages of a list that is ordered by a key. A token names the list, its filter and the last key told, so that it goes
// on at the right place whatever came or went meanwhile, and cannot be used for another list. Opaque to callers,
// checked when it comes back.

import { invalid } from "../errors.ts";

const PAGE_DEFAULT = 100;
const PAGE_MAX = 1000;

export interface PageRequest {
  pageSize: number;
  pageToken: string;
}

export interface Page<T> {
  items: T[];
  /** Empty at the end. */
  nextPageToken: string;
}

/**
 * `items` ascend by `compare` of their keys. `list` names the method and its filter.
 * INVALID_ARGUMENT for a token that is not one of this list.
 */
export function paginate<T, K extends string | number>(
  list: string,
  items: readonly T[],
  keyOf: (item: T) => K,
  request: PageRequest,
): Page<T> {
  const size = pageSize(request);
  const after = request.pageToken === "" ? undefined : decodeToken<K>(list, request.pageToken);
  const start = after === undefined ? 0 : items.findIndex((item) => keyOf(item) > after);
  const page = start < 0 ? [] : items.slice(start, start + size);
  const last = page.at(-1);
  const more = last !== undefined && start + size < items.length;
  return { items: page, nextPageToken: more ? encodeToken(list, keyOf(last)) : "" };
}

/** Entries of one page. */
export function pageSize({ pageSize: asked }: PageRequest): number {
  return asked === 0 ? PAGE_DEFAULT : Math.min(asked, PAGE_MAX);
}

export function encodeToken(list: string, last: string | number): string {
  return Buffer.from(JSON.stringify([list, last])).toString("base64url");
}

/** INVALID_ARGUMENT for a token that is not one of this list. */
export function decodeToken<K extends string | number>(list: string, token: string): K {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(token, "base64url").toString("utf8"));
  } catch {
    throw unknownToken();
  }
  if (!Array.isArray(parsed) || parsed.length !== 2 || parsed[0] !== list) throw unknownToken();
  const last: unknown = parsed[1];
  if (typeof last !== "string" && typeof last !== "number") throw unknownToken();
  return last as K;
}

function unknownToken(): Error {
  return invalid("page_token", "page_token: must be the next_page_token of the same list with the same filter");
}
