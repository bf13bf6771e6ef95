// Golden vectors of the attack head and the structure head: levels of texts, segments of requests, excesses, whole
// scores and reasons. The attack table is made from a seed, not kept in a file.

import { attackFeatures, levelBin, levelOf } from "../reference/attack.ts";
import { type Body, wholeScore } from "../reference/contexts.ts";
import { extract } from "../reference/features.ts";
import type { Model } from "../reference/model.ts";
import { contextKey, type Header, segmentsOf } from "../reference/request-segments.ts";
import { routeKey, routeOf } from "../reference/route.ts";
import { splitTarget } from "../reference/target.ts";
import { bodyWithHeads, contextBytes, kindBytes, routeBytes, testContexts, testTable } from "../support/heads.ts";
import { testModels } from "../support/models.ts";
import { Prng } from "../support/prng.ts";
import { attackTable, model } from "../support/sections.ts";
import { GOLDEN_REQUESTS, GOLDEN_TEXTS } from "./requests.ts";

/** The mesh's key of all golden contexts: bytes 0 to 15. */
export const GOLDEN_KEY = Uint8Array.from({ length: 16 }, (_, i) => i);
export const GOLDEN_TABLE = testTable(new Prng(4242));

const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const hex64 = (value: bigint) => value.toString(16).padStart(16, "0");

export interface LevelCase {
  text: string;
  /** Distinct indices, ascending. */
  features: number[];
  level: number;
  bin: number;
}

export function levelCases(): LevelCase[] {
  return GOLDEN_TEXTS.map((text) => {
    const level = levelOf(GOLDEN_TABLE, text);
    return { text, features: attackFeatures(text), level, bin: levelBin(level) };
  });
}

export interface SegmentCase {
  target: string;
  headers: readonly Header[];
  /** Kind, place, name, text, length bin, classes, context key, level (null without one). */
  segments: [number, number, string, string, number, number, string, number | null][];
  beyond: boolean;
  /** Key of the route of a GET; 0 for the overflow route. */
  routeKey: string;
}

const routeKeyOf = (target: string) => routeKey(GOLDEN_KEY, routeOf("GET", target, false));

export function segmentCases(): SegmentCase[] {
  return GOLDEN_REQUESTS.map(({ target, headers }) => {
    const { list, beyond } = segmentsOf(splitTarget(target), headers);
    const segments = list.map((one): SegmentCase["segments"][number] => {
      const level = one.text === "" ? null : levelOf(GOLDEN_TABLE, one.text);
      const key = hex64(contextKey(GOLDEN_KEY, one));
      return [one.kind, one.index, one.name, one.text, one.length, one.classes, key, level];
    });
    return { target, headers, segments, beyond, routeKey: hex64(routeKeyOf(target)) };
  });
}

/** That of routes, whose base is not read. */
const ROUTE_KIND = { base: 32767, nameSurprise: 140 };

function goldenModels(): Body[] {
  const prng = new Prng(515);
  const segments = GOLDEN_REQUESTS.flatMap(({ target, headers }) => segmentsOf(splitTarget(target), headers).list);
  const keys = GOLDEN_REQUESTS.map(({ target }) => routeKeyOf(target));
  // The first and the third model have usual scales, so that each head is at times the largest; the second one knows no
  // route, the third one knows half of them and little surprises it as much, the last one has silent heads.
  const [first, second, third, last] = testModels(61, 4);
  const usual = (of: Model): Model => ({ ...of, scale: of.scale.map((scale) => scale % 64) });
  const heads = () => testContexts(prng, segments, GOLDEN_KEY, keys);
  const byRoute = heads();
  const kinds = [...byRoute.kinds.slice(0, 3).map((kind) => ({ ...kind, nameSurprise: 90 })), ROUTE_KIND];
  const silent = { contexts: [], kinds: [], routes: [], structureBase: 0 };
  return [
    { ...usual(first!), ...heads() },
    { ...second!, ...heads(), routes: [] },
    { ...usual(third!), ...byRoute, kinds, structureBase: 40 },
    { ...last!, ...silent },
  ];
}

const MODELS = goldenModels();
const TABLE = attackTable(GOLDEN_TABLE.weights, GOLDEN_TABLE.bias);

/** A section with the model as current, and the golden table. */
export function goldenSection(index: number): Uint8Array {
  return model(bodyWithHeads(MODELS[index]!, TABLE.tableId), undefined, TABLE);
}

export interface BodyCase {
  contexts: string;
  kinds: string;
  routes: string;
  structureBase: number;
  attackId: string;
  modelId: string;
}

/** Heads of the golden bodies and their ids. */
export function bodyCases(): BodyCase[] {
  return MODELS.map((of) => {
    const blobs = { contexts: contextBytes(of.contexts), kinds: kindBytes(of.kinds), routes: routeBytes(of.routes) };
    const [contexts, kinds, routes] = Object.values(blobs).map(hexOf) as [string, string, string];
    const modelId = hex64(bodyWithHeads(of, TABLE.tableId).modelId!);
    return { contexts, kinds, routes, structureBase: of.structureBase, attackId: hex64(TABLE.tableId), modelId };
  });
}

export interface WholeCase {
  /** Index into the cases of segments. */
  request: number;
  /** Index into the bodies. */
  body: number;
  distance: number;
  attack: number;
  structure: number;
  score: number;
  reason: { feature: number; bin: number; percent: number; kind: number; index: number; name: string };
}

export function wholeCases(): WholeCase[] {
  return GOLDEN_REQUESTS.flatMap(({ target, headers }, request) =>
    MODELS.map((of, body) => {
      const split = splitTarget(target);
      const segments = segmentsOf(split, headers);
      const scored = { target: split, extraction: extract(target), segments, routeKey: routeKeyOf(target) };
      return { request, body, ...wholeScore(of, GOLDEN_TABLE, scored, GOLDEN_KEY) };
    }),
  );
}
