// What is told of a request that is not plainly allowed: the filter state for Envoy's access log, and the denial
// for the control plane.

import { countedBins } from "./core/distance";
import { featureName } from "./core/feature";
import { FEATURES, NO_SCORE } from "./core/limits";
import { SEGMENT_HEADER, SEGMENT_QUERY } from "./core/locate";
import { modelDeny, modelId } from "./core/model";
import {
  alertedOf,
  REASON_MODEL,
  REASON_NONE,
  REASON_RULE,
  reasonOf,
  VERDICT_DENY,
  VERDICT_SHADOW_DENY,
  verdictOf,
} from "./core/verdict";
import { addDenial, Denial } from "./denials";
import { ascii } from "./host/bytes";
import { requestId, requestIdLength } from "./host/headers";
import { setFilterState } from "./host/properties";
import { beginText, put, putByte, putBytes, putDecimal, textLength } from "./host/text";
import { excessOfAttack, excessOfStructure, REASON_OVERSIZE, requestScore, ruleIdFound } from "./judgement";
import { isPlainName } from "./parameters";
import {
  explainScore,
  reasonBin,
  reasonFeature,
  reasonIndex,
  reasonKind,
  reasonMean,
  reasonName,
  reasonNameKey,
  reasonNameLength,
  reasonPercent,
} from "./reason";
import { currentModel, mode } from "./snapshot";

const STATE = ascii("vedette");
const VALUE_MAX: u32 = 256;
const VALUE = memory.data(256, 8);

/** Whether a judgement is by score: by the model that denies, or by its alert threshold alone. */
function isByScore(judgement: i32): bool {
  return reasonOf(judgement) == REASON_MODEL || (reasonOf(judgement) == REASON_NONE && alertedOf(judgement));
}

/** A name only where it can forge nothing in a log line; else the position. */
function putLocation(): void {
  put(reasonKind == SEGMENT_QUERY ? "query:" : reasonKind == SEGMENT_HEADER ? "header:" : "path:");
  if (isPlainName(reasonName, reasonNameLength)) putBytes(reasonName, reasonNameLength);
  else putDecimal(reasonIndex);
}

/** `verdict;reason;location;score`. */
function setState(judgement: i32): void {
  const verdict = verdictOf(judgement);
  beginText(VALUE, VALUE_MAX);
  put(
    verdict == VERDICT_DENY
      ? "deny;"
      : verdict == VERDICT_SHADOW_DENY
        ? "shadow_deny;"
        : alertedOf(judgement)
          ? "alert;"
          : "allow;",
  );
  if (isByScore(judgement)) {
    put("model:");
    put(featureName(reasonFeature));
    putByte(0x3b);
    putLocation();
  } else {
    if (reasonOf(judgement) == REASON_OVERSIZE) put("oversize");
    else if (reasonOf(judgement) == REASON_RULE) {
      put("rule:");
      putDecimal(ruleIdFound);
    }
    putByte(0x3b);
  }
  putByte(0x3b);
  if (requestScore != NO_SCORE) putDecimal(requestScore);
  setFilterState(STATE, VALUE, textLength());
}

function noteModelReason(denial: Denial): void {
  denial.feature = <u8>reasonFeature;
  denial.featureBin = <u8>reasonBin;
  denial.mean = reasonMean;
  denial.percent = <u8>reasonPercent;
  denial.segment = <u8>reasonKind;
  denial.segmentIndex = <u16>reasonIndex;
  denial.segmentKey = reasonNameKey;
  if (!isPlainName(reasonName, reasonNameLength)) return;
  denial.nameLength = <u8>reasonNameLength;
  memory.copy(denial.name, reasonName, reasonNameLength);
}

function noteDenial(judgement: i32, routeKey: u64): void {
  const denial = addDenial();
  denial.verdict = <u8>verdictOf(judgement);
  denial.mode = <u8>mode();
  denial.routeKey = routeKey;
  denial.reason = <u8>reasonOf(judgement);
  denial.ruleId = ruleIdFound;
  denial.requestIdLength = <u8>requestIdLength;
  memory.copy(denial.requestId, requestId, requestIdLength);
  if (isByScore(judgement)) noteModelReason(denial);
  const body = currentModel();
  if (body == 0 || requestScore == NO_SCORE) return;
  denial.modelId = modelId(body);
  denial.denyThreshold = modelDeny(body);
  denial.score = requestScore;
  denial.attackExcess = <u16>excessOfAttack;
  denial.structureExcess = <u16>excessOfStructure;
  memory.copy(denial.bins, countedBins(), FEATURES);
}

/** Whether there is nothing to tell. */
export function isPlain(judgement: i32): bool {
  return verdictOf(judgement) == 1 && reasonOf(judgement) == REASON_NONE && !alertedOf(judgement);
}

/** Tells what is not plain. The caller must have been read for a denial. */
export function tell(judgement: i32, routeKey: u64): void {
  if (isByScore(judgement)) explainScore();
  setState(judgement);
  if (verdictOf(judgement) != 1) noteDenial(judgement, routeKey);
}
