// What is measured: made targets by size, worst-case targets, rules, and real requests. All seeded. Texts stand for
// their latin1 bytes.

import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { PATH_HEAD, PATH_TAIL, QUERY_HEAD, QUERY_TAIL } from "../../filter/core/limits.ts";
import { Prng } from "../../test/support/prng.ts";
import { rule, rules } from "../../test/support/sections.ts";
import { INPUT } from "../prior.ts";
import { readLines } from "../quality/set.ts";

/** Bytes of path and query. 8 KiB is 2 KiB of path and 6 KiB of query: just all of it is scanned. */
export const SIZES = [32, 128, 256, 1024, 4096, 8192] as const;
/** Targets of each size, measured in turn. */
export const VARIANTS = 16;
/** Real requests that are measured one by one, evenly over the file. */
const SAMPLE = 3000;

const PATH_ROOM = PATH_HEAD + PATH_TAIL;
const QUERY_ROOM = QUERY_HEAD + QUERY_TAIL;

const SEGMENTS = "api v1 v2 users orders items search cart checkout static product en-GB index.html".split(" ");
const NAMES = "id q page sort lang user session_id callback utm_source ref filter".split(" ");
const VALUES = "true en-GB blue+shirt caf%C3%A9 2026-11-24T10:00:00Z Mozilla%2F5.0 9f86d081884c7d659a2feaa0".split(" ");

/** A plausible target of exactly `size` bytes, a quarter of it path. */
export function sized(prng: Prng, size: number): string {
  const id = () => (prng.oneIn(2) ? String(prng.below(1e6)) : prng.next().toString(16));
  let path = "";
  while (path.length < size / 4) path += `/${prng.oneIn(3) ? id() : prng.pick(SEGMENTS)}`;
  let query = "";
  const room = size - size / 4 - 1;
  while (query.length < room) query += `&${prng.pick(NAMES)}=${prng.oneIn(2) ? id() : prng.pick(VALUES)}`;
  return `${path.slice(0, size / 4)}?${query.slice(1, 1 + room).padEnd(room, "x")}`;
}

export function sizedTargets(size: number): string[] {
  const prng = new Prng(size);
  return Array.from({ length: VARIANTS }, () => sized(prng, size));
}

/** Path and query filled to what is scanned. */
function filled(path: string, query: string): string {
  const fill = (text: string, room: number) => text.repeat(Math.ceil(room / text.length)).slice(0, room);
  return `${fill(path, PATH_ROOM)}?${fill(query, QUERY_ROOM)}`;
}

/** What an attacker would send to make the filter work, by name. */
export function worstTargets(): Map<string, string> {
  const prng = new Prng(9);
  const noise = Array.from({ length: 4096 }, () => prng.pick([..."aZ09%25uU+;'\"<(=&/.-_~é"])).join("");
  return new Map([
    ["all escapes", filled("/%41%2f", "q=%27%e4%b8%ad")],
    ["double escapes", filled("/%2541%252f", "%2561=%2527%25e4")],
    ["escapes of 4 digits", filled("/%u0041", "a=%u0027")],
    ["256 parameters", `/search?${Array.from({ length: 256 }, (_, i) => `p${i}=%27${i}`).join("&")}`],
    ["most parameters", filled("/", "a&")],
    ["most segments", filled("/a", "a=/b")],
    ["longest scan", filled(`/${noise.replaceAll("?", "")}`, noise)],
    ["60 KiB", `/${"%2527".repeat(4096)}?${noise.repeat(10)}`],
  ]);
}

export const RULES = [0, 10, 1000, 10_000] as const;
/**
 * Kinds of rule sets, with what each is made of. Rules of `mixed` set the 16 combinations of caller, group, method and
 * route in turn, and any score; those of `scores` differ in the score alone, each asks for less than all before.
 */
export const RULE_KINDS = {
  caller: "for callers",
  any: "for any caller",
  mixed: "of all combinations",
  scores: "of one route by score",
} as const;
export type RuleKind = keyof typeof RULE_KINDS;

const MATCHES = {
  caller: (i: number) => ({ caller: caller(i) }),
  any: (i: number) => ({ route: route(i) }),
  mixed: (i: number, count: number) => ({
    ...(i & 1 && { caller: caller(i) }),
    ...(i & 2 && { callerGroupPlusOne: group(i) + 1 }),
    ...(i & 4 && { method: method(i) }),
    ...(i & 8 && { route: route(i) }),
    scoreMin: 1 + ((7919 * i) % (2 * count)),
  }),
  scores: (i: number, count: number) => ({ route: route(0), scoreMin: 2 * (count - i) }),
};

/** Denial rules of a kind. */
export function rulesOf(kind: RuleKind, count: number): Uint8Array {
  const match = MATCHES[kind];
  const bodies = Array.from({ length: count }, (_, i) => rule({ id: BigInt(i + 1), method: "", ...match(i, count) }));
  return rules(...bodies);
}

export const caller = (i: number): string => `spiffe://cluster.local/ns/shop/sa/web-${i}`;
export const group = (i: number): number => (i >> 4) & 7;
export const method = (i: number): string => `METHOD-${i}`;
export const route = (i: number): string => `GET /api/v1/items-${i}/*`;

/** Targets of the real requests, and how many there are in all. Throws where the file is not there. */
export function realTargets(data: string): { targets: string[]; all: number } {
  const path = statSync(data).isDirectory() ? join(data, INPUT) : data;
  if (!existsSync(path)) throw new Error(`--data: ${data} holds no ${INPUT}`);
  const lines = readLines(path);
  const count = Math.min(SAMPLE, lines.length);
  const targets = Array.from({ length: count }, (_, i) => {
    const { u } = JSON.parse(lines[Math.floor((i * lines.length) / count)]!) as { u?: unknown };
    if (typeof u !== "string") throw new Error(`${path}: u: ${JSON.stringify(u)}, must be a text`);
    return u;
  });
  return { targets, all: lines.length };
}
