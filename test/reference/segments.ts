// Section 1 of the law, second half: a target's segments, decoded once or twice, and the text that most features are
// counted over.

import { decodeTimes } from "./decode.ts";
import type { Target } from "./target.ts";

export interface Parameter {
  rawName: string;
  rawValue: string;
  /** The piece had a `=`. */
  hasEquals: boolean;
  /** Decoded as often as the measurement says. */
  name: string;
  value: string;
}

/** A request as one measurement sees it. */
export interface Measured {
  target: Target;
  times: 1 | 2;
  /** Raw and decoded path segments, index by index. */
  rawSegments: string[];
  segments: string[];
  parameters: Parameter[];
  text: string;
}

/** Path segments without decoding. */
export function splitPath(path: string): string[] {
  return (path.startsWith("/") ? path.slice(1) : path).split("/");
}

/** Non-empty pieces of a query. */
export function splitQuery(query: string): string[] {
  return query.split("&").filter((piece) => piece !== "");
}

function parameter(piece: string, times: 1 | 2): Parameter {
  const equals = piece.indexOf("=");
  const rawName = equals < 0 ? piece : piece.slice(0, equals);
  const rawValue = equals < 0 ? "" : piece.slice(equals + 1);
  const name = decodeTimes(rawName, true, times);
  const value = decodeTimes(rawValue, true, times);
  return { rawName, rawValue, hasEquals: equals >= 0, name, value };
}

/** A parameter as it stands in the text. */
export function pieceText(of: Parameter): string {
  return of.name + (of.hasEquals ? "=" : "") + of.value;
}

export function measure(target: Target, times: 1 | 2): Measured {
  const rawSegments = splitPath(target.path);
  const segments = rawSegments.map((segment) => decodeTimes(segment, false, times));
  const parameters = splitQuery(target.query).map((piece) => parameter(piece, times));
  const path = (target.path.startsWith("/") ? "/" : "") + segments.join("/");
  const query = target.query === "" ? "" : `?${parameters.map(pieceText).join("&")}`;
  return { target, times, rawSegments, segments, parameters, text: path + query };
}
