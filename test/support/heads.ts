// Seeded contents for the attack head and the structure head: attack tables, contexts of the names that the generator
// of requests uses, headers. Equal seeds give equal contents.

import { ATTACK_WEIGHTS, LENGTHS } from "../../filter/core/limits.ts";
import type { AttackTable } from "../reference/attack.ts";
import type { Body, Context, Contexts } from "../reference/contexts.ts";
import { contextKey, type Header, type Segment } from "../reference/request-segments.ts";
import { modelBytes } from "./models.ts";
import type { Prng } from "./prng.ts";
import { shortTarget } from "./requests.ts";
import { modelBody } from "./sections.ts";

const CLASSES_ALL = (1 << 11) - 1;
const ascending = (a: bigint, b: bigint) => (a < b ? -1 : 1);

/** An attack table; every 4th weight is 0, as in trained ones many are. */
export function testTable(prng: Prng): AttackTable & { weights: Int8Array } {
  const weights = Int8Array.from({ length: ATTACK_WEIGHTS }, () => (prng.oneIn(4) ? 0 : prng.between(-128, 127)));
  return { weights, bias: prng.between(-300, 300) };
}

function context(prng: Prng, key: bigint): Context {
  const shortest = prng.below(6);
  const classSurprise = prng.below(prng.pick([1, 60, 256]));
  return {
    key,
    base: prng.oneIn(12) ? prng.pick([-32768, 32767]) : prng.between(-200, 400),
    classes: prng.oneIn(3) ? CLASSES_ALL : prng.below(CLASSES_ALL + 1),
    shortest,
    longest: Math.min(LENGTHS - 1, shortest + prng.below(12)),
    classSurprise,
    // Often equal, so that ties come.
    lengthSurprise: prng.oneIn(3) ? classSurprise : prng.below(prng.pick([1, 60, 256])),
  };
}

/** Contexts of about two in three of the segments' names, and about two in three of the routes. */
export function testContexts(
  prng: Prng,
  segments: readonly Segment[],
  meshKey: Uint8Array,
  routeKeys: readonly bigint[] = [],
): Contexts {
  const keys = [...new Set(segments.map((segment) => contextKey(meshKey, segment)))].filter(() => !prng.oneIn(3));
  keys.sort(ascending);
  const kind = () => ({ base: prng.between(-200, 400), nameSurprise: prng.pick([0, 20, prng.below(256)]) });
  return {
    contexts: keys.slice(0, 1024).map((key) => context(prng, key)),
    kinds: [kind(), kind(), kind(), kind()],
    routes: [...new Set(routeKeys)].filter((key) => key !== 0n && !prng.oneIn(3)).sort(ascending),
    structureBase: prng.below(prng.pick([1, 100, 256])),
  };
}

/** Rows of 16 bytes as in ModelBody.contexts. */
export function contextBytes(contexts: readonly Context[]): Uint8Array<ArrayBuffer> {
  const bytes = Buffer.alloc(16 * contexts.length);
  for (const [i, row] of contexts.entries()) {
    bytes.writeBigUInt64LE(row.key, 16 * i);
    bytes.writeInt16LE(row.base, 16 * i + 8);
    bytes.writeUInt16LE(row.classes, 16 * i + 10);
    bytes.set([row.shortest, row.longest, row.classSurprise, row.lengthSurprise], 16 * i + 12);
  }
  return Uint8Array.from(bytes);
}

/** Rows of 4 bytes as in ModelBody.kinds; the byte that is not read is 0xEE. */
export function kindBytes(kinds: Contexts["kinds"]): Uint8Array<ArrayBuffer> {
  const bytes = Buffer.alloc(4 * kinds.length);
  for (const [i, kind] of kinds.entries()) {
    bytes.writeInt16LE(kind.base, 4 * i);
    bytes.set([kind.nameSurprise, 0xee], 4 * i + 2);
  }
  return Uint8Array.from(bytes);
}

/** Keys of 8 bytes as in ModelBody.routes. */
export function routeBytes(routes: readonly bigint[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(BigUint64Array.from(routes).buffer);
}

/** A ModelBody with the numbers and heads of a body. */
export function bodyWithHeads(body: Body, attackId: bigint): ReturnType<typeof modelBody> {
  const { contexts, kinds, routes, structureBase } = body;
  const rows = { contexts: contextBytes(contexts), kinds: kindBytes(kinds), routes: routeBytes(routes) };
  const heads = { ...rows, structureBase, attackId };
  return modelBody({ ...modelBytes(body), ...heads });
}

const USUAL = ["accept", "user-agent", "cookie", "x-tenant", "authorization", "referer"];
const SKIPPED = [":path", "host", "x-request-id", "x-b3-traceid", "x-envoy-peer", "b3", "date", "traceparent"];
/** Near a name of the skip list, and yet looked at. */
const NEAR = ["hosts", "x-b3", "b3x", "Date", "x-envoy", "X-Request-Id", "", "n".repeat(64), "n".repeat(65)];

/** Above what is decoded of a value, and so short that all values of a request fit into the core's input. */
const VALUE_MAX = 40_000;

function headerValue(prng: Prng): string {
  const target = shortTarget(prng);
  return prng.oneIn(40) ? target.repeat(prng.between(1, 400)).slice(0, VALUE_MAX) : target;
}

/** Headers of one request: usual, skipped and odd names, each value as strange as a target. */
export function headers(prng: Prng): Header[] {
  const count = prng.oneIn(25) ? prng.between(110, 180) : prng.below(6);
  return Array.from({ length: count }, () => [prng.pick([...USUAL, ...SKIPPED, ...NEAR]), headerValue(prng)] as const);
}
