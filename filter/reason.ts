// Why a request has its score (law 11, Reason): the head with the largest part of it, and where in the request that
// comes from. Only for what is told; the results stay until the next request.

import { levelBin } from "./core/attack";
import { distancePart } from "./core/context";
import { countedBins, fromSecond } from "./core/distance";
import { ATTACK_LEVEL, NEW_NAME, NEW_ROUTE } from "./core/feature";
import { keyOfPair } from "./core/hash";
import {
  locate,
  locatedIndex,
  locatedKind,
  locatedName,
  locatedNameLength,
  locatePath,
  locateSegment,
  SEGMENT_HEADER,
} from "./core/locate";
import { modelMean } from "./core/model";
import { score, topFeature, topPercent } from "./core/score";
import { segmentAt, segmentIndex, segmentKey, segmentKind, segmentLength, segmentLevel } from "./core/segment";
import { ascii, lengthOf } from "./host/bytes";
import { path, pathLength } from "./host/headers";
import {
  attackSegment,
  distance,
  excessOfAttack,
  excessOfStructure,
  requestScore,
  structureSegment,
  structureSign,
} from "./judgement";
import { currentModel, key0, key1 } from "./snapshot";

const NAME_PREFIX = ascii("name:");

/** The feature that contributed most to the score, with its share, bin and mean in 1/64 bin. */
export let reasonFeature: i32 = 0;
export let reasonPercent: u32 = 0;
export let reasonBin: u32 = 0;
export let reasonMean: i32 = 0;
/** Where: SegmentKind, place within the kind; name of a parameter or header (else length 0) and its key (else 0). */
export let reasonKind: i32 = 0;
export let reasonIndex: i32 = 0;
export let reasonName: usize = 0;
export let reasonNameLength: i32 = 0;
export let reasonNameKey: u64 = 0;

/** Takes over what core/locate.ts found. */
function takeLocated(): void {
  reasonKind = locatedKind();
  reasonIndex = locatedIndex();
  reasonName = locatedName();
  reasonNameLength = locatedNameLength();
  reasonNameKey = 0;
  if (reasonNameLength == 0) return;
  reasonNameKey = keyOfPair(NAME_PREFIX, lengthOf(NAME_PREFIX), reasonName, reasonNameLength, key0, key1);
}

/** The feature of the distance that contributed most, and its place. */
function explainDistance(body: usize): void {
  const bins = countedBins();
  score(body, bins);
  reasonFeature = topFeature(body);
  reasonPercent = topPercent();
  reasonBin = load<u8>(bins + reasonFeature);
  reasonMean = load<i16>(modelMean(body) + ((<usize>reasonFeature) << 1));
  locate(path, pathLength, reasonFeature, fromSecond);
  takeLocated();
}

/** What E and X say: no feature of the model, so there is no mean. */
function explainExcess(feature: i32, part: u64): void {
  reasonFeature = feature;
  reasonPercent = <u32>((100 * part) / requestScore);
  reasonBin = 0;
  reasonMean = 0;
}

/** The segment that E or X came from. Header names are known by their context, as they are counted by it. */
function explainSegment(number: i32, feature: i32, part: u64): void {
  const row = segmentAt(number);
  explainExcess(feature, part);
  if (feature == ATTACK_LEVEL) reasonBin = levelBin(segmentLevel(row));
  else if (feature != NEW_NAME) reasonBin = segmentLength(row);
  locateSegment(segmentKind(row), segmentIndex(row));
  takeLocated();
  if (reasonKind == SEGMENT_HEADER) reasonNameKey = segmentKey(row);
}

/** The route that X came from: no segment has it. */
function explainRoute(part: u64): void {
  explainExcess(NEW_ROUTE, part);
  locatePath();
  takeLocated();
}

/** Explains the score under the model that judges. */
export function explainScore(): void {
  const body = currentModel();
  if (body == 0) return;
  const attack = (<u64>excessOfAttack) << 7;
  const structure = (<u64>excessOfStructure) << 7;
  const part = distancePart(distance);
  if (part >= attack && part >= structure) explainDistance(body);
  else if (attack >= structure) explainSegment(attackSegment, ATTACK_LEVEL, attack);
  else if (structureSign == NEW_ROUTE) explainRoute(structure);
  else explainSegment(structureSegment, structureSign, structure);
}
