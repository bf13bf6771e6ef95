// Turns the reason of a denial into a sentence for an operator. Names that came from a sidecar are printed with
// everything outside visible ASCII escaped, so that a log or a terminal shows them and does not obey them.

import { type Denial, type Reason, ReasonKind, SegmentKind, Verdict } from "../gen/vedette/v1/decision_pb.ts";
import { fromWireMode, hexKey } from "./wire.ts";

/** Feature names by id: the table of filter/core/README.md section 3. */
export const FEATURES: readonly string[] = [
  "path_length",
  "value_length_max",
  "value_length_mean",
  "path_segment_length_max",
  "path_depth",
  "escapes",
  "stray_bytes",
  "control_bytes",
  "digit_ratio",
  "upper_ratio",
  "punctuation_ratio",
  "quotes",
  "angles",
  "parentheses",
  "calls",
  "separators",
  "parent_steps",
  "entropy",
  "symbol_run",
  "distinct_symbols",
  "name_length_max",
  "odd_names",
  "extra_equals",
  "braces",
  "comments",
  "value_slashes",
  "needless_escapes",
  "operators",
  "hidden_segments",
  "odd_value_starts",
  "odd_value_ends",
  "value_dots",
];

/** Features that look at the path as a whole: the index of their segment means nothing. */
const WHOLE: ReadonlySet<string> = new Set(["path_length", "path_depth"]);
/** Means travel in 1/64 bin. */
const MEAN_UNIT = 64;

/**
 * For instance `query parameter q: quotes (bin 5, usual 0.1) made 61 % of the score 41234 (deny from 9000)`. Segments
 * are counted from 1. A deny that the mode did not act on ends in `; not acted on (mode shadow)`.
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
  const feature = FEATURES[reason.feature] ?? `feature ${reason.feature}`;
  const usual = (reason.featureMean / MEAN_UNIT).toFixed(1);
  const share = `${describeSegment(reason, feature)}: ${feature} (bin ${reason.featureBin}, usual ${usual})`;
  const { record } = denial;
  if (record === undefined) return `${share} made ${reason.contributionPercent} % of the score`;
  const threshold = record.denyThreshold === 0 ? "" : ` (deny from ${record.denyThreshold})`;
  return `${share} made ${reason.contributionPercent} % of the score ${record.score}${threshold}`;
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
