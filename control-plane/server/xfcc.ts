// Reads `x-forwarded-client-cert`, as an Envoy beside us writes it. Under APPEND_FORWARD what a client sent stays in
// front, and Envoy appends what it has seen itself: so only the last element counts, and where it begins must be beyond
// doubt. The grammar is therefore strict: a quote opens a value at its first character and closes it at its last, a
// backslash escapes only inside quotes, and a header with anything else in it is refused whole.

import { unauthenticated } from "./identity.ts";

/** Envoy bounds all headers to 60 KiB by default; a chain of certificates in here is none we ask for. */
const HEADER_MAX = 16_384;
const KEY = /[A-Za-z]{1,16}=/y;
const PLAIN = /[^",;]*/y;
const QUOTED = /"(?:[^"\\]|\\.)*"/sy;

/** URIs of the last element, in order. UNAUTHENTICATED where the header is missing, there twice, or not well formed. */
export function forwardedUris(values: readonly (string | Buffer)[]): string[] {
  const [header] = values;
  if (values.length !== 1 || typeof header !== "string") {
    throw unauthenticated(`x-forwarded-client-cert: ${values.length} headers, must be exactly 1`);
  }
  if (header.length > HEADER_MAX) {
    throw unauthenticated(`x-forwarded-client-cert: ${header.length} characters, at most ${HEADER_MAX}`);
  }
  let uris: string[] = [];
  let at = 0;
  for (;;) {
    const key = match(KEY, header, at);
    const value = match(header[at + key.length] === '"' ? QUOTED : PLAIN, header, at + key.length);
    if (key.toLowerCase() === "uri=") uris.push(unquote(value));
    at += key.length + value.length;
    if (at === header.length) return uris;
    const separator = header[at++];
    if (separator === ",") {
      uris = [];
      while (header[at] === " ") at++;
    } else if (separator !== ";") throw malformed(at - 1);
  }
}

function match(pattern: RegExp, header: string, at: number): string {
  pattern.lastIndex = at;
  const found = pattern.exec(header)?.[0];
  if (found === undefined) throw malformed(at);
  return found;
}

function unquote(value: string): string {
  return value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/gs, "$1") : value;
}

function malformed(at: number): Error {
  return unauthenticated(`x-forwarded-client-cert: not well formed at character ${at}`);
}
