// Section 3 of the law: the 32 features of a request. One entry of the table below is one row of the law's table, in
// its order.

import { PARAMETERS_MAX, PATH_SEGMENTS_MAX } from "../../filter/core/limits.ts";
import { bin, entropyBin, linear, ratio } from "./bins.ts";
import { among, count, isAlnum, isControl, isDigit, isPunctuation, isUpper, places, toBytes } from "./bytes.ts";
import { escapedBytes } from "./decode.ts";
import { type Measured, measure, type Parameter } from "./segments.ts";
import { sipHash13 } from "./siphash.ts";
import { isWordSymbol, lengthOf, longestRun, type Symbols, symbolsOf } from "./symbols.ts";
import { splitTarget, type Target } from "./target.ts";

export const isQuote = among("'\"`");
export const isAngle = among("<>");
export const isParenthesis = among("()");
export const isSeparator = among(";|\\");
export const isBrace = among("{}[]$");
export const isOperator = among("*!^%~");
export const isSlash = among("/\\:");
export const isDot = among(".");
const isNeedless = (byte: number) => isAlnum(byte) || "-._~".includes(String.fromCharCode(byte));

/** Escapes that decode to a byte below 0x80, but for the space. */
export const escapes = (raw: string) => escapedBytes(raw).filter((byte) => byte < 0x80 && byte !== 0x20).length;
export const needlessEscapes = (raw: string) => escapedBytes(raw).filter(isNeedless).length;
export const parentSteps = (text: string) => places(text, /\.\.(?=[/\\])/g);
export const comments = (text: string) => places(text, /-(?=-)|\/(?=\*)|#/g);
export const equalsSigns = (text: string) => count(text, among("="));

const isExpressionEnd = among("_)]}");
const OPENING = "(".charCodeAt(0);

/** Places where `(` is the symbol after a letter, a digit or what ends an expression. */
export function calls(text: string): number {
  const { values } = symbolsOf(text);
  const follows = (i: number) => i >= 0 && (isWordSymbol(values[i]!) || isExpressionEnd(values[i]!));
  return values.filter((value, i) => value === OPENING && follows(i - 1)).length;
}

export const isOddName = (name: string) => /[^A-Za-z0-9_.\-[\]]/.test(name);
export const isHidden = (segment: string) => /^[.~@]/.test(segment);
/** A non-empty value whose first or last byte is an ASCII one that values seldom begin or end with. */
export const hasOddStart = (value: string) => value !== "" && isOddAscii(value.charAt(0), /[A-Za-z0-9\-/_+]/);
export const hasOddEnd = (value: string) => value !== "" && isOddAscii(value.slice(-1), /[A-Za-z0-9\-/_=. ]/);
const isOddAscii = (byte: string, usual: RegExp) => byte.charCodeAt(0) < 0x80 && !usual.test(byte);

const sum = (numbers: number[]) => numbers.reduce((total, one) => total + one, 0);
const largest = (numbers: number[]) => numbers.reduce((most, one) => Math.max(most, one), 0);

function meanValueLength(parameters: Parameter[]): number {
  if (parameters.length === 0) return 0;
  return Math.floor(sum(parameters.map((one) => lengthOf(one.value))) / parameters.length);
}

/** `=` beyond the first of each raw piece. */
function extraEquals(parameters: Parameter[]): number {
  const pieces = parameters.map((one) => one.rawName + (one.hasEquals ? "=" : "") + one.rawValue);
  return sum(pieces.map((piece) => Math.max(0, equalsSigns(piece) - 1)));
}

/** What a feature is measured on. */
interface Views {
  request: Measured;
  text: string;
  symbols: Symbols;
  /** Number of symbols of the text. */
  n: number;
  /** Path and query as they came, with `?` between them, which no escape can bridge. */
  raw: string;
}

type Feature = [name: string, measure: (views: Views) => number];

const FEATURES: Feature[] = [
  ["path_length", ({ request }) => bin(request.target.pathLength)],
  ["value_length_max", ({ request }) => bin(largest(request.parameters.map((one) => lengthOf(one.value))))],
  ["value_length_mean", ({ request }) => bin(meanValueLength(request.parameters))],
  ["path_segment_length_max", ({ request }) => bin(largest(request.segments.map(lengthOf)))],
  ["path_depth", ({ request }) => linear(request.segments.length)],
  ["escapes", ({ raw }) => bin(escapes(raw))],
  ["stray_bytes", ({ symbols }) => bin(symbols.strays)],
  ["control_bytes", ({ text }) => bin(count(text, isControl))],
  ["digit_ratio", ({ text, n }) => ratio(count(text, isDigit), n)],
  ["upper_ratio", ({ text, n }) => ratio(count(text, isUpper), n)],
  ["punctuation_ratio", ({ text, n }) => ratio(count(text, isPunctuation), n)],
  ["quotes", ({ text }) => bin(count(text, isQuote))],
  ["angles", ({ text }) => bin(count(text, isAngle))],
  ["parentheses", ({ text }) => bin(count(text, isParenthesis))],
  ["calls", ({ text }) => bin(calls(text))],
  ["separators", ({ text }) => bin(count(text, isSeparator))],
  ["parent_steps", ({ text }) => bin(parentSteps(text))],
  ["entropy", ({ symbols }) => entropyBin(symbols.values)],
  ["symbol_run", ({ symbols }) => linear(longestRun(symbols.values, (value) => !isWordSymbol(value)))],
  ["distinct_symbols", ({ symbols }) => bin(new Set(symbols.values).size)],
  ["name_length_max", ({ request }) => bin(largest(request.parameters.map((one) => lengthOf(one.name))))],
  ["odd_names", ({ request }) => bin(request.parameters.filter((one) => isOddName(one.name)).length)],
  ["extra_equals", ({ request }) => bin(extraEquals(request.parameters))],
  ["braces", ({ text }) => bin(count(text, isBrace))],
  ["comments", ({ text }) => bin(comments(text))],
  ["value_slashes", ({ request }) => bin(sum(request.parameters.map((one) => count(one.value, isSlash))))],
  ["needless_escapes", ({ raw }) => bin(needlessEscapes(raw))],
  ["operators", ({ text }) => bin(count(text, isOperator))],
  ["hidden_segments", ({ request }) => bin(request.segments.filter(isHidden).length)],
  ["odd_value_starts", ({ request }) => bin(request.parameters.filter((one) => hasOddStart(one.value)).length)],
  ["odd_value_ends", ({ request }) => bin(request.parameters.filter((one) => hasOddEnd(one.value)).length)],
  ["value_dots", ({ request }) => bin(sum(request.parameters.map((one) => count(one.value, isDot))))],
];

/** Names in the order of their ids. */
export const FEATURE_NAMES: readonly string[] = FEATURES.map(([name]) => name);
/** And what else a reason may name (section 11). */
export const REASON_NAMES = [
  ...FEATURE_NAMES,
  "attack_level",
  "new_name",
  "new_characters",
  "unusual_length",
  "new_route",
];

export interface Extraction {
  /** 32 bins of the first measurement. */
  first: number[];
  /** 32 bins of the second measurement; absent without double escapes. */
  second: number[] | undefined;
  /** The target was longer than is scanned. */
  scanned: boolean;
  /** More path segments or parameters than a reason can point at. */
  beyondTable: boolean;
}

const rawOf = (target: Target) => `${target.path}?${target.query}`;

/** Whether a request is measured again. */
export function isDoublyEscaped(target: Target): boolean {
  return /%25([0-9A-Fa-f]{2}|[uU][0-9A-Fa-f]{4})/.test(rawOf(target));
}

/** Bins of one measurement. */
function bins(request: Measured): number[] {
  const symbols = symbolsOf(request.text);
  const views = { request, text: request.text, symbols, n: symbols.values.length, raw: rawOf(request.target) };
  return FEATURES.map(([, measureFeature]) => measureFeature(views));
}

/** Features of the value of `:path`, given as a string of bytes. */
export function extract(value: string): Extraction {
  const target = splitTarget(value);
  const request = measure(target, 1);
  const beyondTable = request.segments.length > PATH_SEGMENTS_MAX || request.parameters.length > PARAMETERS_MAX;
  // Features 0, 5 and 26 are those of the first measurement by their definition: they look at the raw target.
  const second = isDoublyEscaped(target) ? bins(measure(target, 2)) : undefined;
  return { first: bins(request), second, scanned: target.scanned, beyondTable };
}

/** What a model must have been trained for. */
export function featureHash(): bigint {
  const lines = FEATURE_NAMES.map((name, id) => `${id} ${name}\n`).join("");
  return sipHash13(
    Uint8Array.from({ length: 16 }, (_, i) => i),
    toBytes(lines),
  );
}
