// Section 9 of the law: the segments that the attack head and the structure head look at, with what each of them sees
// of a segment: its name, its text, its length and its classes.

import * as limits from "../../filter/core/limits.ts";
import { bin } from "./bins.ts";
import { among, type ByteClass, isControl, isDigit, isUpper, toBytes } from "./bytes.ts";
import { decode } from "./decode.ts";
import { isDoublyEscaped } from "./features.ts";
import { measure } from "./segments.ts";
import { keyOf } from "./siphash.ts";
import type { Target } from "./target.ts";

/** As the host hands them over; strings of bytes. */
export type Header = readonly [name: string, value: string];
/** 1 path segment, 2 parameter, 3 header. */
export type SegmentKind = 1 | 2 | 3;

export interface Segment {
  kind: SegmentKind;
  /** Place among the segments of its kind. */
  index: number;
  /** What its context is named by. */
  name: string;
  /** What a reason tells as its name: empty for a path segment, of a parameter the name decoded once. */
  toldName: string;
  /** Decoded, at most 512 bytes. */
  text: string;
  /** Bin of the whole text's bytes. */
  length: number;
  /** Set of 11 bits. */
  classes: number;
}

export interface Segments {
  list: Segment[];
  /** There were more of a kind than are looked at. */
  beyond: boolean;
}

const PREFIXES = ["p:", "q:", "h:"];
const LAST_PLACE = 7;

/** Begin of names, and whole names, of headers that the mesh or the connection makes. */
const MADE_PREFIXES = [":", "x-envoy-", "x-b3-"];
const MADE_NAMES = [
  "host",
  "content-length",
  "date",
  "if-match",
  "if-none-match",
  "if-modified-since",
  "if-unmodified-since",
  "if-range",
  "x-request-id",
  "traceparent",
  "tracestate",
  "b3",
  "x-forwarded-proto",
  "x-forwarded-client-cert",
];

const isLower: ByteClass = (byte) => byte >= 0x61 && byte <= 0x7a;
const LISTED: ByteClass[] = [
  isLower,
  isUpper,
  isDigit,
  among(" "),
  isControl,
  (byte) => byte >= 0x80,
  among("'\"`<>;|\\"),
  among("/."),
  among("(){}[]$*"),
  among("-_~,:@"),
];

/** Whether the heads look at a header of that name. */
export function isLookedAt(name: string): boolean {
  return !MADE_PREFIXES.some((prefix) => name.startsWith(prefix)) && !MADE_NAMES.includes(name);
}

/** Bits of the classes that occur in a text; the last one is of every byte that no other has. */
export function classesOf(text: string): number {
  let classes = 0;
  for (const byte of toBytes(text)) {
    const at = LISTED.findIndex((inClass) => inClass(byte));
    classes |= 1 << (at < 0 ? LISTED.length : at);
  }
  return classes;
}

function cut(text: string, head: number, tail: number): string {
  return text.length > head + tail ? text.slice(0, head) + text.slice(text.length - tail) : text;
}

function segment(kind: SegmentKind, index: number, name: string, toldName: string, whole: string): Segment {
  const text = cut(whole, limits.TEXT_HEAD, limits.TEXT_TAIL);
  const named = name.slice(0, limits.CONTEXT_NAME_MAX);
  return { kind, index, name: named, toldName, text, length: bin(whole.length), classes: classesOf(text) };
}

/** A header value is decoded once, without `+`; of a very long one the head and the tail. */
function decodeHeader(value: string): string {
  return decode(cut(value, limits.HEADER_VALUE_HEAD, limits.HEADER_VALUE_TAIL), false);
}

/** All segments of a request in the order of the law. */
export function segmentsOf(target: Target, headers: readonly Header[]): Segments {
  const request = measure(target, isDoublyEscaped(target) ? 2 : 1);
  const path = request.segments.map((text, i) => segment(1, i, String(Math.min(i, LAST_PLACE)), "", text));
  const parameters = request.parameters.map((one, i) => {
    const told = decode(one.rawName, true);
    return one.hasEquals ? segment(2, i, one.name, told, one.value) : segment(2, i, "", told, one.name);
  });
  const looked = headers.filter(([name]) => isLookedAt(name));
  const named = looked.map(([name, value], i) =>
    segment(3, i, name, name.slice(0, limits.CONTEXT_NAME_MAX), decodeHeader(value)),
  );
  const bounded = [
    [path, limits.PATH_SEGMENTS_MAX],
    [parameters, limits.PARAMETERS_MAX],
    [named, limits.HEADER_SEGMENTS_MAX],
  ] as const;
  return {
    list: bounded.flatMap(([list, most]) => list.slice(0, most)),
    beyond: bounded.some(([list, most]) => list.length > most),
  };
}

/** Names the context of a segment under the mesh's 16-byte key. */
export function contextKey(meshKey: Uint8Array, of: Pick<Segment, "kind" | "name">): bigint {
  return keyOf(meshKey, toBytes(PREFIXES[of.kind - 1]! + of.name));
}
