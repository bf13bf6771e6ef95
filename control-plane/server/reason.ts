// Turns the reason of a denial into a sentence for an operator. Names that came from a sidecar are printed with
// everything outside visible ASCII escaped, so that a log or a terminal shows them and does not obey them.

import { type DecisionRecord, type Denial, type Reason, ReasonKind, Verdict } from "../gen/vedette/v1/decision_pb.ts";
import { SegmentKind } from "../gen/vedette/v1/statistics_pb.ts";
import { fromWireMode, hexKey } from "./wire.ts";

/** Features by id, as the table of filter/core/README.md section 3 names them, and in words. */
export const FEATURES: readonly { name: string; words: string }[] = [
  { name: "path_length", words: "length of the path" },
  { name: "value_length_max", words: "longest value" },
  { name: "value_length_mean", words: "mean length of values" },
  { name: "path_segment_length_max", words: "longest path segment" },
  { name: "path_depth", words: "depth of the path" },
  { name: "escapes", words: "percent escapes" },
  { name: "stray_bytes", words: "bytes that are no text" },
  { name: "control_bytes", words: "control characters" },
  { name: "digit_ratio", words: "share of digits" },
  { name: "upper_ratio", words: "share of capitals" },
  { name: "punctuation_ratio", words: "share of punctuation" },
  { name: "quotes", words: "quotes" },
  { name: "angles", words: "angle brackets" },
  { name: "parentheses", words: "parentheses" },
  { name: "calls", words: "function calls" },
  { name: "separators", words: "semicolons, pipes or backslashes" },
  { name: "parent_steps", words: "steps to a parent folder" },
  { name: "entropy", words: "randomness" },
  { name: "symbol_run", words: "symbols in a row" },
  { name: "distinct_symbols", words: "variety of characters" },
  { name: "name_length_max", words: "longest parameter name" },
  { name: "odd_names", words: "odd parameter names" },
  { name: "extra_equals", words: "further equals signs" },
  { name: "braces", words: "braces, brackets or dollar signs" },
  { name: "comments", words: "comment marks" },
  { name: "value_slashes", words: "slashes or colons in values" },
  { name: "needless_escapes", words: "needless escapes" },
  { name: "operators", words: "operators" },
  { name: "hidden_segments", words: "hidden path segments" },
  { name: "odd_value_starts", words: "an odd beginning of a value" },
  { name: "odd_value_ends", words: "an odd end of a value" },
  { name: "value_dots", words: "dots in values" },
];

/** What the other two heads find in a segment or the route, by section 11; the unit of its bin, where it has one. */
export const SIGNS: Readonly<Record<number, { name: string; words: string; unit: string }>> = {
  32: { name: "attack_level", words: "likeness to attacks", unit: "bin" },
  33: { name: "new_name", words: "a name that was hardly ever seen", unit: "" },
  34: { name: "new_characters", words: "characters that are new there", unit: "length bin" },
  35: { name: "unusual_length", words: "a length that is new there", unit: "length bin" },
  36: { name: "new_route", words: "a route that was never seen", unit: "" },
};

/** Features that look at the path as a whole: the index of their segment means nothing. */
const WHOLE: ReadonlySet<string> = new Set(["path_length", "path_depth", "new_route"]);
/** Means travel in 1/64 bin, scores in 1/256. */
const MEAN_UNIT = 64;
const SCORE_UNIT = 256;
/** What an excess of the attack head and of the structure head adds to a score (section 11). */
const ATTACK_UNIT = 128;
const STRUCTURE_UNIT = 128;

/**
 * For instance `query parameter q: function calls (calls: bin 5, usual 0.1) made 61 % of the score 161.1 (deny from
 * 35.2)`, and behind it what the attack and the structure head added, where they did. Segments are counted from 1. A
 * deny that the mode did not act on ends in `; not acted on (mode shadow)`.
 */
export function describe(denial: Denial): string {
  const acted = denial.verdict === Verdict.SHADOW_DENY ? `; not acted on (mode ${modeName(denial)})` : "";
  return describeReason(denial) + acted;
}

function describeReason(denial: Denial): string {
  const { reason } = denial;
  switch (reason?.kind) {
    case ReasonKind.RULE:
      return `rule ${reason.ruleId} matched`;
    case ReasonKind.OVERSIZE:
      return "headers beyond the bound of the filter; oversize requests are denied here";
    case ReasonKind.MODEL:
      return describeModel(denial, reason);
    default:
      return "no reason was told";
  }
}

function describeModel(denial: Denial, reason: Reason): string {
  const share = `${describeFeature(reason)} made ${reason.contributionPercent} % of the score`;
  const { record } = denial;
  if (record === undefined) return share;
  const threshold = record.denyThreshold === 0 ? "" : ` (deny from ${inUnits(record.denyThreshold)})`;
  return `${share} ${inUnits(record.score)}${threshold}${describeExcesses(record)}`;
}

function describeFeature(reason: Reason): string {
  const sign = SIGNS[reason.feature];
  if (sign !== undefined) {
    const bin = sign.unit === "" ? "" : `: ${sign.unit} ${reason.featureBin}`;
    return `${describeSegment(reason, sign.name)}: ${sign.words} (${sign.name}${bin})`;
  }
  const unknown = `feature ${reason.feature}`;
  const { name, words } = FEATURES[reason.feature] ?? { name: unknown, words: unknown };
  const usual = (reason.featureMean / MEAN_UNIT).toFixed(1);
  return `${describeSegment(reason, name)}: ${words} (${name}: bin ${reason.featureBin}, usual ${usual})`;
}

/** For instance `; likeness to attacks added 40.5; structure added 3.0`; empty where they added nothing. */
function describeExcesses({ attackExcess, structureExcess }: DecisionRecord): string {
  const attack = attackExcess === 0 ? [] : [`likeness to attacks added ${inUnits(attackExcess * ATTACK_UNIT)}`];
  const structure = structureExcess === 0 ? [] : [`structure added ${inUnits(structureExcess * STRUCTURE_UNIT)}`];
  return [...attack, ...structure].map((part) => `; ${part}`).join("");
}

/** Squared standard deviations, as people are told scores. */
function inUnits(score: number): string {
  return (score / SCORE_UNIT).toFixed(1);
}

function describeSegment(reason: Reason, feature: string): string {
  switch (reason.segment) {
    case SegmentKind.PATH:
      return WHOLE.has(feature) ? "path" : `path segment ${reason.segmentIndex + 1}`;
    case SegmentKind.QUERY:
      return describeParameter(reason);
    case SegmentKind.HEADER:
      return `header ${segmentName(reason)}`;
    case SegmentKind.BODY:
      return `body field ${segmentName(reason)}`;
    default:
      return "request";
  }
}

function describeParameter(reason: Reason): string {
  const named = reason.segmentName !== "" || reason.segmentKey !== 0n;
  return named ? `query parameter ${segmentName(reason)}` : "query";
}

/** The name, or `#` and its keyed hash while it is held back. */
function segmentName(reason: Reason): string {
  return reason.segmentName === "" ? `#${hexKey(reason.segmentKey)}` : printable(reason.segmentName);
}

function modeName(denial: Denial): string {
  return fromWireMode(denial.mode) ?? "unknown";
}

/** Bytes of UTF-8 outside visible ASCII become `\xNN`; spaces too, unless they are let through. */
export function printable(text: string, spaces = false): string {
  let shown = "";
  for (const byte of Buffer.from(text, "utf8")) {
    const visible = byte >= (spaces ? 0x20 : 0x21) && byte < 0x7f;
    shown += visible ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return shown;
}
