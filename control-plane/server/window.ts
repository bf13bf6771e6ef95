// A window off the wire becomes a WindowReport. What it cannot mean (a key twice, counts beside their buckets, a number
// above 2^53 - 1) is INVALID_ARGUMENT naming the field. Whether its numbers are plausible is for ingest to say.

import { create } from "@bufbuild/protobuf";
import type {
  ContextSums,
  Counts,
  EdgeCount,
  Identity,
  Moments,
  RouteSums,
  Statistics,
  WindowReport,
} from "../domain.ts";
import { invalid } from "../errors.ts";
import {
  type ContextStatistics,
  Direction,
  type EdgeStatistics,
  type GroupMoments,
  type RouteStatistics,
  type ScoreHistogram,
  SegmentKind,
  type Window,
  WindowSchema,
  type CallerStatistics as WireCaller,
  type Counts as WireCounts,
} from "../gen/vedette/v1/statistics_pb.ts";
import { checkTarget, count, counts as countEach, fromWireClass, hexKey } from "./wire.ts";

const RESPONSE_CLASSES = 5;
const SCORE_BUCKETS = 128;
const CLASSES = 11;
const LENGTHS = 25;
const LEVELS = 32;
const FEATURES = 32;

/** `window` has passed validation. */
export function toReport(identity: Identity, node: string, window: Window): WindowReport {
  const startMs = count("window.start_ms", window.startMs);
  const endMs = count("window.end_ms", window.endMs);
  if (endMs < startMs) throw invalid("window.end_ms", `window.end_ms: ${endMs}, must not be below start_ms ${startMs}`);
  return {
    identity,
    node,
    vmBootId: hexKey(window.vmBootId),
    windowSeq: count("window.window_seq", window.windowSeq),
    startMs,
    endMs,
    target: checkTarget("window.target", window.target),
    hashKeyId: window.hashKeyId,
    windowsDropped: count("window.windows_dropped", window.windowsDropped),
    // What a workload calls is not what it is asked: a client-side window is kept by its number, and adds nothing.
    statistics: toStatistics(window.direction === Direction.CLIENT ? create(WindowSchema, { counts: {} }) : window),
  };
}

function toStatistics(window: Window): Statistics {
  const { counts } = window;
  if (counts === undefined) throw invalid("window.counts", "window.counts: missing");
  return {
    counts: toCounts(counts),
    moments: keyed("window.moments", window.moments, (one) => String(one.group), toMoments),
    scores: keyed("window.scores", window.scores, (one) => hexKey(one.modelId), toBuckets),
    routes: keyed("window.routes", window.routes, (one) => hexKey(one.key), toRoute),
    callers: keyed("window.callers", window.callers, (one) => hexKey(one.key), toCaller),
    edges: keyed("window.edges", window.edges, (one) => `${hexKey(one.callerKey)}/${hexKey(one.routeKey)}`, toEdge),
    contexts: keyed("window.contexts", window.contexts, (one) => hexKey(one.key), toContext),
  };
}

function toCounts(counts: WireCounts): Counts {
  const field = "window.counts";
  const responses = countEach(`${field}.responses`, counts.responses);
  while (responses.length < RESPONSE_CLASSES) responses.push(0);
  return {
    seen: count(`${field}.seen`, counts.seen),
    scored: count(`${field}.scored`, counts.scored),
    learnt: count(`${field}.learnt`, counts.learnt),
    allowed: count(`${field}.allowed`, counts.allowed),
    deniedByRule: count(`${field}.denied_by_rule`, counts.deniedByRule),
    deniedByModel: count(`${field}.denied_by_model`, counts.deniedByModel),
    shadowDenied: count(`${field}.shadow_denied`, counts.shadowDenied),
    alerted: count(`${field}.alerted`, counts.alerted),
    retries: count(`${field}.retries`, counts.retries),
    answeredBefore: count(`${field}.answered_before`, counts.answeredBefore),
    responses,
    skipped: keyed(`${field}.skipped`, counts.skipped, reasonOf, toCount),
    bounds: keyed(`${field}.bounds`, counts.bounds, reasonOf, toCount),
    held: count(`${field}.held`, counts.held),
  };
}

function reasonOf(one: { reason: number }): string {
  return String(one.reason);
}

function toCount(one: { count: bigint }, field: string): number {
  return count(`${field}.count`, one.count);
}

function toMoments(one: GroupMoments, field: string): Moments {
  return {
    n: count(`${field}.n`, one.n),
    sums: countEach(`${field}.sums`, one.sums),
    products: countEach(`${field}.products`, one.products),
  };
}

function toBuckets(one: ScoreHistogram, field: string): number[] {
  return spread({ bins: one.buckets, counts: one.counts, size: SCORE_BUCKETS }, field, "buckets", "counts");
}

function toContext(one: ContextStatistics, field: string): ContextSums {
  if (one.classes.length !== CLASSES) {
    throw invalid(`${field}.classes`, `${field}.classes: ${one.classes.length} counts, must be ${CLASSES}`);
  }
  const { lengths, lengthCounts, levels, levelCounts } = one;
  return {
    kind: kindOf(one.kind, `${field}.kind`),
    n: count(`${field}.n`, one.n),
    classes: countEach(`${field}.classes`, one.classes),
    lengths: spread({ bins: lengths, counts: lengthCounts, size: LENGTHS }, field, "lengths", "length_counts"),
    levels: spread({ bins: levels, counts: levelCounts, size: LEVELS }, field, "levels", "level_counts"),
    classGroups: groupsOf(one.classGroups, [...one.classes.keys()], CLASSES, `${field}.class_groups`),
    lengthGroups: groupsOf(one.lengthGroups, lengths, LENGTHS, `${field}.length_groups`),
    levelGroups: groupsOf(one.levelGroups, levels, LEVELS, `${field}.level_groups`),
  };
}

/** A byte for each bin that is told; bins were checked. */
function groupsOf(bytes: Uint8Array, bins: readonly number[], size: number, field: string): number[] {
  if (bytes.length !== bins.length) throw invalid(field, `${field}: ${bytes.length} bytes, must be ${bins.length}`);
  const whole = new Array<number>(size).fill(0);
  for (const [i, bin] of bins.entries()) whole[bin] = bytes[i] ?? 0;
  return whole;
}

function kindOf(kind: SegmentKind, field: string): ContextSums["kind"] {
  switch (kind) {
    case SegmentKind.PATH:
    case SegmentKind.QUERY:
    case SegmentKind.HEADER:
      return kind;
    default:
      throw invalid(field, `${field}: ${kind}, must be path, query or header`);
  }
}

/** Counts of bins that ascend become a list of all bins. */
function spread(
  { bins, counts, size }: { bins: readonly number[]; counts: readonly bigint[]; size: number },
  field: string,
  binsName: string,
  countsName: string,
): number[] {
  if (bins.length !== counts.length) {
    throw invalid(field, `${field}: ${counts.length} ${countsName}, must be as many as ${binsName}, ${bins.length}`);
  }
  const whole = new Array<number>(size).fill(0);
  let last = -1;
  for (const [i, bin] of bins.entries()) {
    if (bin <= last || bin >= size) {
      const name = `${field}.${binsName}[${i}]`;
      throw invalid(name, `${name}: ${bin}, must ascend and be at most ${size - 1}`);
    }
    whole[bin] = count(`${field}.${countsName}[${i}]`, counts[i] ?? 0n);
    last = bin;
  }
  return whole;
}

function toRoute(one: RouteStatistics, field: string): RouteSums {
  if (one.sums.length !== 0 && one.sums.length !== FEATURES) {
    throw invalid(`${field}.sums`, `${field}.sums: ${one.sums.length} sums, must be 0 or ${FEATURES}`);
  }
  return {
    name: one.name,
    n: count(`${field}.n`, one.n),
    sums: countEach(`${field}.sums`, one.sums),
    failures: count(`${field}.failures`, one.failures),
  };
}

function toCaller(one: WireCaller, field: string): Statistics["callers"][string] {
  return { name: one.name, class: fromWireClass(one.class), group: one.group, n: count(`${field}.n`, one.n) };
}

function toEdge(one: EdgeStatistics, field: string): EdgeCount {
  return {
    n: count(`${field}.n`, one.n),
    denied: count(`${field}.denied`, one.denied),
    failures: count(`${field}.failures`, one.failures),
  };
}

function keyed<T, U>(
  field: string,
  list: readonly T[],
  key: (one: T) => string,
  value: (one: T, field: string) => U,
): Record<string, U> {
  const record: Record<string, U> = {};
  for (const [i, one] of list.entries()) {
    const name = key(one);
    if (Object.hasOwn(record, name)) throw invalid(`${field}[${i}]`, `${field}[${i}]: ${name}, must not come twice`);
    record[name] = value(one, `${field}[${i}]`);
  }
  return record;
}
