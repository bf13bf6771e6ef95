// What the golden files hold, computed from the reference. Each is a list of cases, one a line in its file; bytes are
// latin1 strings where they are text and hex where they are numbers; 64-bit numbers are decimal or hex strings.

import { bin, LOG2_TABLE, log2 } from "../reference/bins.ts";
import { toBytes } from "../reference/bytes.ts";
import { extract, FEATURE_NAMES, featureHash } from "../reference/features.ts";
import { bucketOf, lowerEdge } from "../reference/histogram.ts";
import { locate } from "../reference/location.ts";
import { contributions, judge, topFeature } from "../reference/model.ts";
import { routeOf } from "../reference/route.ts";
import { decidingRule, type Request } from "../reference/rules.ts";
import { readRules } from "../reference/sections.ts";
import { measure } from "../reference/segments.ts";
import { callerGroup, keyOf, sipHash13 } from "../reference/siphash.ts";
import { splitTarget } from "../reference/target.ts";
import { modelBytes, testModels } from "../support/models.ts";
import { Prng } from "../support/prng.ts";
import { method } from "../support/requests.ts";
import { idOf } from "../support/sections.ts";
import { bodyCases, levelCases, segmentCases, wholeCases } from "./heads.ts";
import { NOW_MS, RULE_REQUESTS, RULES_SECTION } from "./rules.ts";
import { GOLDEN_TARGETS } from "./targets.ts";

const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
export const hex64 = (value: bigint) => value.toString(16).padStart(16, "0");

export interface ExtractionCase {
  target: string;
  first: number[];
  /** null without double escapes. */
  second: number[] | null;
  scanned: boolean;
}

export function extractionCases(): ExtractionCase[] {
  return GOLDEN_TARGETS.map((target) => {
    const { first, second, scanned } = extract(target);
    return { target, first, second: second ?? null, scanned };
  });
}

export interface NumberCase {
  /** What is computed of the arguments. */
  of: "bin" | "log2" | "bucket" | "edge";
  argument: number;
  result: number;
}

const POWERS = Array.from({ length: 32 }, (_, e) => 2 ** e);
const AROUND = [...new Set(POWERS.flatMap((power) => [power - 1, power, power + 1, Math.floor(power * 1.6)]))];

export function numberCases(): NumberCase[] {
  const arguments_ = AROUND.filter((n) => n >= 0 && n < 2 ** 31).sort((a, b) => a - b);
  const cases = (of: NumberCase["of"], list: number[], result: (argument: number) => number): NumberCase[] =>
    list.map((argument) => ({ of, argument, result: result(argument) }));
  return [
    ...cases(
      "bin",
      arguments_.filter((n) => n <= 1 << 20),
      bin,
    ),
    ...cases(
      "log2",
      [...LOG2_TABLE.keys()].map((i) => 256 + i),
      log2,
    ),
    ...cases(
      "log2",
      arguments_.filter((n) => n > 0),
      log2,
    ),
    ...cases("bucket", arguments_, bucketOf),
    ...cases("edge", [...Array(128).keys()], lowerEdge),
  ];
}

export interface ModelCase {
  mean: string;
  factor: string;
  scale: string;
  clip: string;
  /** Of a body with silent heads and without an attack table. */
  modelId: string;
}

const MODELS = testModels(41, 8);

export function modelCases(): ModelCase[] {
  return MODELS.map((model) => {
    const { mean, factor, scale, clip } = modelBytes(model);
    const modelId = hex64(idOf({ mean, factor, scale, clip }));
    return { mean: hexOf(mean), factor: hexOf(factor), scale: hexOf(scale), clip: hexOf(clip), modelId };
  });
}

export interface ScoreCase {
  target: string;
  /** Index into the models. */
  model: number;
  score: number;
  /** The measurement that counts. */
  times: 1 | 2;
  contributions: string[];
  feature: number;
  percent: number;
  kind: "path" | "query";
  index: number;
  name: string;
}

export function scoreCases(): ScoreCase[] {
  return GOLDEN_TARGETS.filter((target) => target.length < 2000).map((target, i) => {
    const model = i % MODELS.length;
    const extraction = extract(target);
    const judged = judge(MODELS[model], extraction);
    const shares = contributions(MODELS[model]!, judged.times === 1 ? extraction.first : extraction.second!);
    const top = topFeature(shares);
    const location = locate(measure(splitTarget(target), judged.times), top.feature);
    return { target, model, ...judged, contributions: shares.map(String), ...top, ...location };
  });
}

export interface RouteCase {
  method: string;
  target: string;
  grpc: boolean;
  route: string;
  /** Under the key of bytes 0 to 15. */
  key: string;
  /** The group of a caller that had this key. */
  group: number;
}

const ROUTE_TARGETS = [
  "/a/b/c/d/e/f/g/h",
  "/a/b/c/d/e/f/g/h/i",
  "/a//b/./c/../d",
  "/v1/12/123/1a2b3c",
  "/deadbeef/deadbee1/dead-be1/abcdefgh/abcdefg-h",
  "/aaaaaaaaaaaaaaa1/aaaaaaaaaaaaaa1/aaaaaaaaaaaaaaaa",
  `/${"z".repeat(32)}/${"z".repeat(33)}/${"z".repeat(32)}.js/${"z".repeat(62)}.js`,
  "/caf\xc3\xa9/caf%C3%A9/a+b/a%20b/a~b/a_b/A.B-C",
  "/a/?b=/c/d",
  `/${"a/".repeat(1023)}bcd`,
  `/${"/".repeat(2044)}abcdef`,
  `/${Array.from({ length: 9 }, (_, i) => "abcdefghijklmnop.".repeat(4).slice(0, 63) + "st"[i % 2]).join("/")}`,
];
const COUNTING_KEY = Uint8Array.from({ length: 16 }, (_, i) => i);

export function routeCases(): RouteCase[] {
  const prng = new Prng(17);
  return [...ROUTE_TARGETS, ...GOLDEN_TARGETS.filter((target) => target.length < 500)].map((target, i) => {
    const asked = { method: method(prng), target, grpc: i % 9 === 8 };
    const route = routeOf(asked.method, target, asked.grpc);
    const key = keyOf(COUNTING_KEY, toBytes(route));
    return { ...asked, route, key: hex64(key), group: callerGroup(key) };
  });
}

export interface HashCase {
  key: string;
  message: string;
  hash: string;
}

export function hashCases(): HashCase[] {
  const prng = new Prng(13);
  return Array.from({ length: 70 }, (_, length) => {
    const key = prng.bytes(16);
    const message = prng.bytes(length < 66 ? length : length * 61);
    return { key: hexOf(key), message: hexOf(message), hash: hex64(sipHash13(key, message)) };
  });
}

export interface FeatureListCase {
  hash: string;
  names: readonly string[];
}

export function featureListCases(): FeatureListCase[] {
  return [{ hash: hex64(featureHash()), names: FEATURE_NAMES }];
}

export interface RuleCase extends Request {
  /** 0 if none decides. */
  decidedBy: string;
  action: "allow" | "deny" | "none";
}

export function ruleCases(): RuleCase[] {
  const rules = readRules(RULES_SECTION);
  return RULE_REQUESTS.map((request) => {
    const rule = decidingRule(rules, request, NOW_MS);
    return { ...request, decidedBy: String(rule?.id ?? 0n), action: rule?.action ?? "none" };
  });
}

/** Contents of the golden files by stem. */
export const VECTORS = {
  extraction: extractionCases,
  numbers: numberCases,
  models: modelCases,
  scores: scoreCases,
  routes: routeCases,
  hashes: hashCases,
  features: featureListCases,
  rules: ruleCases,
  levels: levelCases,
  segments: segmentCases,
  bodies: bodyCases,
  wholes: wholeCases,
};
