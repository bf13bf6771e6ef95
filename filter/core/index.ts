// Entry of core.wasm: the law alone, for the control plane and tests. No imports, no allocation. Addresses are i32, u64
// and i64 are BigInt, u32 come out signed (use >>> 0). Functions are documented where they are defined; in short:
//
//   law 1, 3  extract(target, len) -> flags, fills BINS and SECOND_BINS; featureHash(), putFeatureLines(out)
//   law 2     bin(n), ratio(a, n), linear(n), log2(k), entropyBin(n, sum)
//   law 4     moments* on cells of CELL_BYTES; bucketOf(score), bucketLow(bucket)
//   law 5     score(body, bins), then contribution(body, j), topFeature(body), topPercent(); body is CURRENT or
//             CANDIDATE; locate(target, len, feature, twice), then located*()
//   law 6     putRoute(method, len, target, len, grpc, out); sipHash13, keyOf, keyOfPair; sha256(ptr, len, out)
//   law 7     loadRules(...), then rulesMatch(set, ...) -> record; judge(...), taken apart by verdictOf, reasonOf,
//             alertedOf
//   law 8     checkSection(kind, len), checkManifest(len) and manifest*; refusalValue(), putRefusalField(out),
//             putRefusalBound(out)
//   law 9, 11 measureRequest(target, len, headers, len, k0, k1, table, route key) -> segments; then segmentAt(i) ->
//             row, segmentsBeyond(), segmentRoute(), scoreRequest(body), requestDistance(body), distancePart(distance),
//             attackExcess(body), structureExcess(body), attackAt(), structureAt(), structureFeature(),
//             locateSegment(kind, index), locatePath(); attackTable() -> table
//   law 10    attackFeatures(len, out), attackLevel(len) of the text at INPUT; levelBin(level)
//   limits    every constant of limits.ts as a global under its own name
//   tests     byteClass(byte), the table of law 3; write*, the writer of protobuf

import { cutText, levelOf, NO_LEVEL, putAttackFeatures } from "./attack";
import { RULES_MAX_BYTES } from "./limits";
import { manifestRead, SECTION_MODEL, SECTION_RULES, SECTION_SETTINGS } from "./manifest";
import { MODEL_BODY_BYTES, MODEL_SLOT_BYTES, modelAttackTable } from "./model";
import { modelLoad } from "./model-section";
import { refusalClear, refuse } from "./refusal";
import { RULES_SET_BYTES } from "./rule";
import { rulesLoad } from "./rule-section";
import { SETTINGS_SLOT_BYTES, settingsLoad } from "./settings";

export { ATTACK_TABLE_BYTES, levelBin, levelOf, NO_LEVEL, putAttackFeatures } from "./attack";
export { bin, entropyBin, linear, ratio } from "./bin";
export { byteClass } from "./byte-class";
export {
  attackAt,
  attackExcess,
  distancePart,
  structureAt,
  structureExcess,
  structureFeature,
  wholeScore,
} from "./context";
export { BEYOND_TABLE, BINS, extract, HAS_SECOND, SECOND_BINS, WAS_CUT } from "./extract";
export { featureHash, putFeatureLines } from "./feature";
export { callerGroup, keyOf, keyOfPair, sipHash13 } from "./hash";
export { bucketLow, bucketOf } from "./histogram";
export * from "./limits";
export { locate, locatedIndex, locatedKind, locatedName, locatedNameLength, locatePath, locateSegment } from "./locate";
export { log2 } from "./log2";
export { manifestFits, manifestFollows, manifestIsFor, manifestNames } from "./manifest";
export {
  modelAlert,
  modelContextCount,
  modelContexts,
  modelDeny,
  modelHasKinds,
  modelId,
  modelKind,
  modelPresent,
  modelRouteCount,
  modelRoutes,
  modelStructureBase,
} from "./model";
export {
  CELL_BYTES,
  CELL_PRODUCTS,
  CELL_SUMS,
  momentsAdd,
  momentsCount,
  momentsMerge,
  momentsReset,
  momentsSubtract,
} from "./moments";
export {
  putRefusalBound,
  putRefusalField,
  REFUSAL_TEXT_MAX,
  refusalClear,
  refusalValue,
  refused,
} from "./refusal";
export { putRoute, ROUTE_BUFFER } from "./route";
export { ruleAction, ruleAt, ruleDeadline, ruleId, rulesCount } from "./rule";
export { rulesMatch } from "./rule-match";
export { contribution, score, topFeature, topPercent } from "./score";
export {
  addHeaderSegment,
  addTargetSegments,
  beginSegments,
  SEGMENT_BYTES,
  segmentAt,
  segmentCount,
  segmentRoute,
  segmentsBeyond,
} from "./segment";
export {
  settingsKey0,
  settingsKey1,
  settingsKeyId,
  settingsKeys,
  settingsMode,
  settingsOversizeDeny,
  settingsPulseMs,
  settingsWindowMs,
} from "./settings";
export { sha256 } from "./sha256";
export { splitTarget } from "./target";
export { alertedOf, headsAgree, judge, reasonOf, verdictOf } from "./verdict";
export { measureRequest, requestDistance, requestSecond, scoreRequest } from "./whole-request";
export {
  writeBegin,
  writeBytes,
  writeClose,
  writeEnd,
  writeFixed64,
  writeOpen,
  writePackedU32,
  writePackedU64,
  writeVarint,
} from "./write";

/**
 * Buffer for what goes in: sections, targets, bins, cells. Room for the largest section refused by size and some
 * more.
 */
export const INPUT_BYTES: i32 = RULES_MAX_BYTES + 262144;
export const INPUT = memory.data(INPUT_BYTES, 16);
/** Buffer for texts that come out: routes, names, refusals, digests. */
export const OUTPUT_BYTES: i32 = 4096;
export const OUTPUT = memory.data(OUTPUT_BYTES, 16);

/** Slot of settings. */
export const SETTINGS = memory.data(SETTINGS_SLOT_BYTES, 16);
const MODEL = memory.data(MODEL_SLOT_BYTES, 16);
/** The two bodies of the model section decoded last. */
export const CURRENT: usize = MODEL;
export const CANDIDATE: usize = MODEL + MODEL_BODY_BYTES;
/** Two sets of rules: loadRules fills the one given and keeps deadlines of the other. */
export const RULES = memory.data(RULES_SET_BYTES, 16);
export const OTHER_RULES = memory.data(RULES_SET_BYTES, 16);

/**
 * Decodes a section of `len` bytes at INPUT as the filter does: settings to SETTINGS, model to CURRENT and CANDIDATE,
 * rules with their keys zero to RULES. True if the filter would take it; else putRefusalField, refusalValue,
 * putRefusalBound say why not.
 */
export function checkSection(kind: i32, len: i32): bool {
  refusalClear();
  if (kind == SECTION_SETTINGS) return settingsLoad(INPUT, len, SETTINGS);
  if (kind == SECTION_MODEL) return modelLoad(INPUT, len, MODEL);
  if (kind == SECTION_RULES) return rulesLoad(INPUT, len, RULES, 0, 0, 0, 0, 0);
  return refuse("section", kind, "settings, model or rules");
}

/**
 * Reads a manifest of `len` bytes at INPUT; then manifestIsFor, manifestFollows, manifestFits, manifestNames ask
 * about it.
 */
export function checkManifest(len: i32): bool {
  refusalClear();
  return manifestRead(INPUT, len);
}

/**
 * Decodes rules at INPUT into RULES (`other` false) or OTHER_RULES; where `keepsHeld`, a rule of the other set keeps
 * its deadline.
 */
export function loadRules(
  len: i32,
  other: bool,
  keepsHeld: bool,
  k0: u64,
  k1: u64,
  serverNowMs: i64,
  monotonicNs: u64,
): bool {
  refusalClear();
  const set = other ? OTHER_RULES : RULES;
  let held: usize = 0;
  if (keepsHeld) held = other ? RULES : OTHER_RULES;
  return rulesLoad(INPUT, len, set, held, k0, k1, serverNowMs, monotonicNs);
}

/**
 * Features of the text of `len` bytes at INPUT, cut there as law 9 says: their distinct indices, u16, to `out`, at most
 * 1,025. Returns how many.
 */
export function attackFeatures(len: i32, out: usize): i32 {
  return putAttackFeatures(INPUT, cutText(INPUT, len), out);
}

/** The attack table of the model section checked last; 0 without one. */
export function attackTable(): usize {
  return modelAttackTable(MODEL);
}

/** Level by that table of the text of `len` bytes at INPUT, cut there as law 9 says; NO_LEVEL without text or table. */
export function attackLevel(len: i32): i32 {
  const table = attackTable();
  return table == 0 || len == 0 ? NO_LEVEL : levelOf(INPUT, cutText(INPUT, len), table);
}
