// What is told of a request that is not plainly allowed: the filter state for Envoy's access log, and the denial
// for the control plane.

import { featureName } from "./core/feature";
import { keyOfPair } from "./core/hash";
import { FEATURES, NO_SCORE } from "./core/limits";
import { locatedIndex, locatedKind, locatedName, locatedNameLength, SEGMENT_QUERY } from "./core/locate";
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
import { ascii, lengthOf } from "./host/bytes";
import { requestId, requestIdLength } from "./host/headers";
import { setFilterState } from "./host/properties";
import { beginText, put, putByte, putBytes, putDecimal, textLength } from "./host/text";
import {
  explainScore,
  REASON_OVERSIZE,
  reasonBin,
  reasonFeature,
  reasonMean,
  reasonPercent,
  requestScore,
  ruleIdFound,
  scoredBins,
} from "./judgement";
import { isPlainName } from "./parameters";
import { currentModel, key0, key1, mode } from "./snapshot";

const STATE = ascii("vedette");
const VALUE_MAX: u32 = 256;
const VALUE = memory.data(256, 8);
const NAME_PREFIX = ascii("name:");

/** Whether a judgement is by score: by the model that denies, or by its alert threshold alone. */
function isByScore(judgement: i32): bool {
  return reasonOf(judgement) == REASON_MODEL || (reasonOf(judgement) == REASON_NONE && alertedOf(judgement));
}

/** A name only where it can forge nothing in a log line; else the position. */
function putLocation(): void {
  const inQuery = locatedKind() == SEGMENT_QUERY;
  put(inQuery ? "query:" : "path:");
  if (inQuery && isPlainName(locatedName(), locatedNameLength())) putBytes(locatedName(), locatedNameLength());
  else putDecimal(locatedIndex());
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
  denial.segment = <u8>locatedKind();
  denial.segmentIndex = <u16>locatedIndex();
  const length = locatedNameLength();
  if (length == 0) return;
  denial.segmentKey = keyOfPair(NAME_PREFIX, lengthOf(NAME_PREFIX), locatedName(), length, key0, key1);
  if (!isPlainName(locatedName(), length)) return;
  denial.nameLength = <u8>length;
  memory.copy(denial.name, locatedName(), length);
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
  memory.copy(denial.bins, scoredBins(), FEATURES);
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
