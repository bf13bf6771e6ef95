// What the tests of store, ingest, trainer, snapshots and rules share: a prior, an attack table, windows made of
// measured requests, and the parts put together over a simulated disk.

import { type Core, loadCore } from "../../control-plane/core.ts";
import { Cycle, type CycleLinks } from "../../control-plane/cycle.ts";
import type { AttackTable, ContextSums, Mode, Moments, Statistics, WindowReport } from "../../control-plane/domain.ts";
import type { ControlPlaneEvent } from "../../control-plane/events.ts";
import { WindowIngest } from "../../control-plane/ingest/ingest.ts";
import { Publication, type PublicationLinks } from "../../control-plane/publication.ts";
import { RuleBook } from "../../control-plane/rules/rules.ts";
import { GroupStore } from "../../control-plane/store/group.ts";
import { SimulatedDisk } from "../../control-plane/store/memory.ts";
import { addContexts, emptyStatistics } from "../../control-plane/store/statistics.ts";
import type { DayMoments } from "../../control-plane/train/aggregate.ts";
import { tableIdOf } from "../../control-plane/train/attack-table.ts";
import type { Prior } from "../../control-plane/train/prior.ts";
import { TRAIN_DEFAULTS, type TrainSettings } from "../../control-plane/train/settings.ts";
import type { UsualScores } from "../../control-plane/train/usual-scores.ts";
import { WorkloadBook } from "../../control-plane/workloads.ts";
import { ManualClock } from "../support/clock.ts";
import { Prng } from "../support/prng.ts";

export const core: Core = loadCore();
export const TARGET = "shop/catalog";

/** Every feature about 2 with variance 1, neighbours correlated by a half. */
export const prior: Prior = {
  featureHash: core.featureHash.toString(16).padStart(16, "0"),
  mean: new Float64Array(32).fill(2),
  covariance: Float64Array.from({ length: 1024 }, (_, at) => {
    const distance = Math.abs(Math.floor(at / 32) - (at % 32));
    return distance === 0 ? 1 : distance === 1 ? 0.5 : 0;
  }),
};

/** All weights are 0: every level is the bias. */
export const attack: AttackTable = attackTable(-25);

export function attackTable(bias: number): AttackTable {
  const weights = new Uint8Array(32_768);
  return { tableId: tableIdOf(weights, bias), weights, bias };
}

/** A request as the filter sees it: bins, and the group of its caller. */
export interface Measured {
  bins: Uint8Array;
  group: number;
}

const WORDS = ["tea", "green", "mug", "kettle", "spoon", "cup", "honey", "milk", "black", "white"];

/** Ordinary requests of a small shop, from callers of these groups. */
export function requests(seed: number, count: number, groups: readonly number[] = [0, 1, 2, 3, 4]): Measured[] {
  const prng = new Prng(seed);
  return Array.from({ length: count }, () => {
    const word = () => prng.pick(WORDS);
    const target = prng.pick([
      () => `/products/${prng.below(10_000)}`,
      () => `/search?q=${word()}+${word()}&page=${prng.below(20)}`,
      () => `/cart/items?user=${word()}${prng.below(100)}`,
      () => "/healthz",
    ])();
    return { bins: core.binsOf(Buffer.from(target)), group: prng.pick(groups) };
  });
}

/** Key of the caller of a group; its lowest 3 bits are the group. */
export const callerKey = (group: number): string => `00000000000000a${group}`;
export const contextKey = (i: number): string => (0xc0 + i).toString(16).padStart(16, "0");
export const routeKey = (i: number): string => (0xb0 + i).toString(16).padStart(16, "0");

export function momentsOf(list: readonly Measured[]): Record<string, Moments> {
  const moments: Record<string, Moments> = {};
  for (const { bins, group } of list) {
    const cell = moments[group] ?? { n: 0, sums: new Array(32).fill(0), products: new Array(528).fill(0) };
    moments[group] = cell;
    cell.n++;
    let at = 0;
    for (const [i, bin] of bins.entries()) {
      cell.sums[i]! += bin;
      for (let j = 0; j <= i; j++) cell.products[at++]! += bin * bins[j]!;
    }
  }
  return moments;
}

/** Groups of callers enough that what all of them show is believed. */
export const ALL_GROUPS = 0xff;

/** A segment as a context row counts it; without `groups`, callers of every group had a part in it. */
export interface Counted {
  length: number;
  level: number;
  classes: number;
  groups?: number;
}

/** A context in which each segment has one length, one level and the classes of a set. */
export function contextOf(kind: ContextSums["kind"], segments: readonly Counted[]): ContextSums {
  const tally = (size: number, has: (at: number, one: Counted) => boolean) => {
    const shown = Array.from({ length: size }, (_, at) => segments.filter((one) => has(at, one)));
    const groups = shown.map((ones) => ones.reduce((set, one) => set | (one.groups ?? ALL_GROUPS), 0));
    return { counts: shown.map((ones) => ones.length), groups };
  };
  const classes = tally(11, (at, one) => ((one.classes >> at) & 1) === 1);
  const lengths = tally(25, (at, { length }) => length === at);
  const levels = tally(32, (at, { level }) => level === at);
  return {
    kind,
    n: segments.length,
    ...{ classes: classes.counts, lengths: lengths.counts, levels: levels.counts },
    ...{ classGroups: classes.groups, lengthGroups: lengths.groups, levelGroups: levels.groups },
  };
}

/** As if each request had one path segment, and a parameter that tells its punctuation. */
function contextsOf(list: readonly Measured[]): Record<string, ContextSums> {
  const contexts: Record<string, ContextSums> = {};
  contexts[contextKey(0)] = contextOf(
    1,
    list.map(({ bins, group }) => ({
      ...{ length: bins[3]!, level: 14, classes: 1 + 4 * Math.min(1, bins[8]!) },
      groups: 1 << group,
    })),
  );
  const values = list.filter(({ bins }) => bins[1]! > 0);
  for (const [i, { bins, group }] of values.entries()) {
    const key = contextKey(1 + (bins[10]! % 3));
    const shown = { length: bins[1]!, level: 12 + (i % 4), classes: 1 << (bins[10]! % 11), groups: 1 << group };
    const one = contextOf(2, [shown]);
    contexts[key] = addContexts({ [key]: one }, contexts[key] === undefined ? {} : { [key]: contexts[key] })[key]!;
  }
  return contexts;
}

/** A day of which only the moments are known. */
export function dayOf(day: number, moments: Record<string, Moments>): DayMoments {
  return { day, moments, contexts: {}, routes: {} };
}

/** Scores that fall off exponentially, by a mean of 4 above 8: 1,000,000 of them, of models of any age. */
export const usual: UsualScores = { ages: [{ learnt: 0, counts: exponentialCounts(1e6, 8, 4) }] };

/** How many of so many scores fall into each bucket, where the share above t is e^(-(t - from) / mean). */
export function exponentialCounts(total: number, from: number, mean: number): number[] {
  const { SCORE_BUCKETS } = core.limits;
  const above = (t: number) => Math.floor(total * Math.min(1, Math.exp(-(t - from) / mean)) + 0.5);
  const ends = Array.from({ length: SCORE_BUCKETS }, (_, bucket) => above(core.bucketEnd(bucket) / 256));
  return ends.map((end, bucket) => (bucket === 0 ? total : (ends[bucket - 1] as number)) - end);
}

/** Statistics of requests that were all learnt; scored under no model. */
export function statisticsOf(list: readonly Measured[]): Statistics {
  const statistics = emptyStatistics();
  const { counts, callers, edges, routes } = statistics;
  counts.seen = counts.learnt = counts.allowed = list.length;
  counts.skipped["2"] = list.length;
  counts.responses = [0, list.length, 0, 0, 0];
  statistics.moments = momentsOf(list);
  if (list.length > 0) statistics.contexts = contextsOf(list);
  for (const [group, { n }] of Object.entries(statistics.moments)) {
    const key = callerKey(Number(group));
    callers[key] = { name: `spiffe://cluster.local/ns/shop/sa/c${group}`, class: "attested", group: Number(group), n };
    edges[`${key}/${routeKey(0)}`] = { n, denied: 0, failures: 0 };
  }
  routes[routeKey(0)] = { name: "GET /products/*", n: list.length, sums: new Array(32).fill(0), failures: 0 };
  return statistics;
}

/** The same requests, scored under a model as the filter would have. */
export function scored(statistics: Statistics, modelId: string, scores: readonly number[]): Statistics {
  const buckets = new Array<number>(128).fill(0);
  for (const score of scores) buckets[core.bucketOf(score)]!++;
  return { ...statistics, scores: { [modelId]: buckets } };
}

export interface WindowSpec {
  statistics: Statistics;
  node?: string;
  vmBootId?: string;
  windowSeq?: number;
  startMs: number;
  target?: string;
  windowsDropped?: number;
}

export function windowOf(spec: WindowSpec): WindowReport {
  return {
    identity: "spiffe://cluster.local/ns/shop/sa/catalog",
    node: spec.node ?? "sidecar~10.0.0.1~catalog-1.shop",
    vmBootId: spec.vmBootId ?? "00000000000000f1",
    windowSeq: spec.windowSeq ?? 1,
    startMs: spec.startMs,
    endMs: spec.startMs + 1000,
    target: spec.target ?? TARGET,
    hashKeyId: 1,
    windowsDropped: spec.windowsDropped ?? 0,
    statistics: spec.statistics,
  };
}

export interface PlaneSpec {
  disk?: SimulatedDisk;
  clock?: ManualClock;
  settings?: Partial<TrainSettings>;
  defaultMode?: Mode;
  signingKey?: PublicationLinks["signingKey"];
  train?: CycleLinks["train"];
  attack?: AttackTable;
}

export type Plane = Awaited<ReturnType<typeof openPlane>>;

/** The parts as main.ts puts them together, over a simulated disk. */
export async function openPlane(spec: PlaneSpec = {}) {
  const { disk = new SimulatedDisk(), clock = new ManualClock(), defaultMode = "learn", attack: table = attack } = spec;
  const events: ControlPlaneEvent[] = [];
  const observe = (event: ControlPlaneEvent) => void events.push(event);
  const store = new GroupStore(disk);
  const prng = new Prng(7);
  const random = { bytes: (size: number) => prng.bytes(size), unit: () => prng.next() / 2 ** 32 };
  const settings: TrainSettings = { ...TRAIN_DEFAULTS, ...spec.settings };
  const publication = await Publication.open({
    ...{ store, core, clock, random, observe, mesh: "default", windowMs: 60_000, pulseMs: 5000, oversize: "allow" },
    ...{ attack: table, signingKey: spec.signingKey },
  });
  const workloads = new WorkloadBook({ store, clock, publication, settings, defaultMode, observe });
  const rules = new RuleBook({ store, core, clock, publisher: publication, workloads, observe });
  const ingest = new WindowIngest({ store, core, clock });
  const cycle = new Cycle({
    ...{ store, core, clock, publication, prior, attack: table, usual, settings, observe, trainEveryMs: 1000 },
    ...(spec.train === undefined ? {} : { train: spec.train }),
  });
  return { disk, clock, store, publication, workloads, rules, ingest, cycle, events };
}
