// Section 5 of the law, Location: which segment of a request the top feature points at.

import { PARAMETERS_MAX, PATH_SEGMENTS_MAX } from "../../filter/core/limits.ts";
import { type ByteClass, count, isControl, isDigit, isPunctuation, isUpper } from "./bytes.ts";
import { decode } from "./decode.ts";
import * as features from "./features.ts";
import type { Measured } from "./segments.ts";
import { lengthOf, symbolsOf } from "./symbols.ts";

export interface Location {
  kind: "path" | "query";
  /** Of the path segment or the parameter; 0 for the path or the query as a whole. */
  index: number;
  /** Of the parameter, decoded once; empty for a path segment and for the whole. */
  name: string;
}

/** A segment, ready to be measured; of a path segment the name is absent. */
interface Part {
  name: string | undefined;
  value: string;
  raw: string[];
  rawValue: string;
}

const PATH_ONLY = [3, 28];
const QUERY_ONLY = [1, 2, 20, 21, 22, 25, 29, 30, 31];
const PATH_WHOLE = [0, 4];

type Measure = (part: Part) => number;

const strings = (part: Part) => [part.name ?? "", part.value];
const total = (texts: string[], of: (text: string) => number) => texts.reduce((sum, text) => sum + of(text), 0);
const bytesOf =
  (inClass: ByteClass): Measure =>
  (part) =>
    total(strings(part), (text) => count(text, inClass));
const inBoth =
  (of: (text: string) => number): Measure =>
  (part) =>
    total(strings(part), of);
const inRaw =
  (of: (raw: string) => number): Measure =>
  (part) =>
    total(part.raw, of);
const yes = (is: boolean) => (is ? 1 : 0);

/** The measure of each feature on a segment; of 0 and 4 there is none. */
const MEASURES: Record<number, Measure> = {
  1: (part) => lengthOf(part.value),
  2: (part) => lengthOf(part.value),
  3: (part) => lengthOf(part.value),
  5: inRaw(features.escapes),
  6: inBoth((text) => symbolsOf(text).strays),
  7: bytesOf(isControl),
  8: bytesOf(isDigit),
  9: bytesOf(isUpper),
  10: bytesOf(isPunctuation),
  11: bytesOf(features.isQuote),
  12: bytesOf(features.isAngle),
  13: bytesOf(features.isParenthesis),
  14: inBoth(features.calls),
  15: bytesOf(features.isSeparator),
  16: inBoth(features.parentSteps),
  17: inBoth(lengthOf),
  18: inBoth(lengthOf),
  19: inBoth(lengthOf),
  20: (part) => lengthOf(part.name!),
  21: (part) => yes(features.isOddName(part.name!)),
  22: (part) => features.equalsSigns(part.rawValue),
  23: bytesOf(features.isBrace),
  24: inBoth(features.comments),
  25: (part) => count(part.value, features.isSlash),
  26: inRaw(features.needlessEscapes),
  27: bytesOf(features.isOperator),
  28: (part) => yes(features.isHidden(part.value)),
  29: (part) => yes(features.hasOddStart(part.value)),
  30: (part) => yes(features.hasOddEnd(part.value)),
  31: (part) => count(part.value, features.isDot),
};

/** The segment that the feature points at, in the measurement that was judged. */
export function locate(request: Measured, feature: number): Location {
  if (PATH_WHOLE.includes(feature)) return { kind: "path", index: 0, name: "" };
  const path = request.segments.slice(0, PATH_SEGMENTS_MAX).map((value, index): [Location, Part] => {
    const raw = request.rawSegments[index]!;
    const part = { name: undefined, value, raw: [raw], rawValue: raw };
    return [{ kind: "path", index, name: "" }, part];
  });
  const query = request.parameters.slice(0, PARAMETERS_MAX).map((one, index): [Location, Part] => {
    const { name, value, rawName, rawValue } = one;
    return [
      { kind: "query", index, name: decode(rawName, true) },
      { name, value, raw: [rawName, rawValue], rawValue },
    ];
  });
  const looked = [...(QUERY_ONLY.includes(feature) ? [] : path), ...(PATH_ONLY.includes(feature) ? [] : query)];
  let found: Location | undefined;
  let most = 0;
  for (const [location, part] of looked) {
    const measured = MEASURES[feature]!(part);
    if (measured > most) {
      most = measured;
      found = location;
    }
  }
  return found ?? { kind: request.target.query === "" ? "path" : "query", index: 0, name: "" };
}
