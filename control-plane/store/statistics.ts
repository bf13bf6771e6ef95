// The algebra of what is kept: integer sums per key, merged by addition, and sets of caller groups, merged by union.
// Merging is exact, and free of order and grouping; a stratum that is left out leaves the rest as if it had never been.
// Tables of keys have bounds: the lowest keys are kept, the rest goes to the overflow entry, so what is kept does not
// depend on who came first.

import type { CallerCount, ContextSums, Counts, EdgeCount, Moments, RouteSums, Statistics } from "../domain.ts";

/** Keys kept in a merged table. Four times, eight times, and four times what one VM holds: variety across sidecars. */
export const ROUTES_KEPT = 1024;
export const CALLERS_KEPT = 1024;
export const EDGES_KEPT = 4096;
/** Contexts kept; of the others nothing is. Eight times what one window tells, twice what a model holds. */
export const CONTEXTS_KEPT = 2048;

/** The overflow entry of a table. */
export const OVERFLOW = "0".repeat(16);

const RESPONSE_CLASSES = 5;

/** Model ids whose scores are kept; those of models that are gone are left out. */
export type LiveModels = ReadonlySet<string>;

export function emptyCounts(): Counts {
  return {
    seen: 0,
    scored: 0,
    learnt: 0,
    allowed: 0,
    deniedByRule: 0,
    deniedByModel: 0,
    shadowDenied: 0,
    alerted: 0,
    retries: 0,
    answeredBefore: 0,
    responses: new Array<number>(RESPONSE_CLASSES).fill(0),
    skipped: {},
    bounds: {},
    held: 0,
  };
}

export function emptyStatistics(): Statistics {
  return { counts: emptyCounts(), moments: {}, scores: {}, routes: {}, callers: {}, edges: {}, contexts: {} };
}

export function addCounts(a: Counts, b: Counts): Counts {
  return {
    seen: add(a.seen, b.seen),
    scored: add(a.scored, b.scored),
    learnt: add(a.learnt, b.learnt),
    allowed: add(a.allowed, b.allowed),
    deniedByRule: add(a.deniedByRule, b.deniedByRule),
    deniedByModel: add(a.deniedByModel, b.deniedByModel),
    shadowDenied: add(a.shadowDenied, b.shadowDenied),
    alerted: add(a.alerted, b.alerted),
    retries: add(a.retries, b.retries),
    answeredBefore: add(a.answeredBefore, b.answeredBefore),
    responses: addEach(a.responses, b.responses),
    skipped: union(a.skipped, b.skipped, add),
    bounds: union(a.bounds, b.bounds, add),
    // Not there in records of before requests were held back.
    held: add(a.held ?? 0, b.held ?? 0),
  };
}

/** All counts of a list together. */
export function totalOf(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

/** How many caller groups a set of them holds. */
export function groupsIn(set: number): number {
  let count = 0;
  for (let rest = set; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/** The sum; neither argument changes. Throws RangeError where a sum would pass 2^53 - 1. */
export function addStatistics(a: Statistics, b: Statistics, live: LiveModels): Statistics {
  return {
    counts: addCounts(a.counts, b.counts),
    moments: union(a.moments, b.moments, addMoments),
    scores: alive(union(a.scores, b.scores, addEach), live),
    routes: capped(union(a.routes, b.routes, addRoutes), ROUTES_KEPT, OVERFLOW, addRoutes, nameless),
    callers: capped(union(a.callers, b.callers, addCallers), CALLERS_KEPT, OVERFLOW, addCallers, nobody),
    edges: capped(union(a.edges, b.edges, addEdges), EDGES_KEPT, `${OVERFLOW}/${OVERFLOW}`, addEdges, (edge) => edge),
    // Not there in records of before there were contexts.
    contexts: addContexts(a.contexts ?? {}, b.contexts ?? {}),
  };
}

/** The sum; the lowest keys of it, which are hashes, so that what is kept is chance and yet free of order. */
export function addContexts(
  a: Readonly<Record<string, ContextSums>>,
  b: Readonly<Record<string, ContextSums>>,
): Record<string, ContextSums> {
  const sum = union(a, b, addContext);
  const keys = Object.keys(sum);
  const kept = keys.length <= CONTEXTS_KEPT ? keys : keys.sort().slice(0, CONTEXTS_KEPT);
  return Object.fromEntries(kept.map((key) => [key, withGroups(sum[key] as ContextSums)]));
}

export function addMoments(a: Moments, b: Moments): Moments {
  return { n: add(a.n, b.n), sums: addEach(a.sums, b.sums), products: addEach(a.products, b.products) };
}

/** In records of before there were groups nobody is told to have had a part. */
function withGroups(context: ContextSums): ContextSums {
  const { classGroups, lengthGroups, levelGroups }: Partial<ContextSums> = context;
  if (classGroups !== undefined && lengthGroups !== undefined && levelGroups !== undefined) return context;
  return {
    ...context,
    classGroups: classGroups ?? context.classes.map(() => 0),
    lengthGroups: lengthGroups ?? context.lengths.map(() => 0),
    levelGroups: levelGroups ?? context.levels.map(() => 0),
  };
}

function addContext(one: ContextSums, other: ContextSums): ContextSums {
  const [a, b] = [withGroups(one), withGroups(other)];
  return {
    // A key names one kind. Where sidecars disagree, the choice must not depend on order.
    kind: (a.kind < b.kind ? a : b).kind,
    n: add(a.n, b.n),
    classes: addEach(a.classes, b.classes),
    lengths: addEach(a.lengths, b.lengths),
    levels: addEach(a.levels, b.levels),
    classGroups: uniteEach(a.classGroups, b.classGroups),
    lengthGroups: uniteEach(a.lengthGroups, b.lengthGroups),
    levelGroups: uniteEach(a.levelGroups, b.levelGroups),
  };
}

function addRoutes(a: RouteSums, b: RouteSums): RouteSums {
  return {
    name: knownName(a.name, b.name),
    n: add(a.n, b.n),
    sums: addEach(a.sums, b.sums),
    failures: add(a.failures, b.failures),
  };
}

function addCallers(a: CallerCount, b: CallerCount): CallerCount {
  // A key names one class, group and name. Where sidecars disagree, the choice must not depend on order.
  const first = a.class <= b.class ? a : b;
  return { ...first, name: knownName(a.name, b.name), group: Math.min(a.group, b.group), n: add(a.n, b.n) };
}

function addEdges(a: EdgeCount, b: EdgeCount): EdgeCount {
  return { n: add(a.n, b.n), denied: add(a.denied, b.denied), failures: add(a.failures, b.failures) };
}

/** The overflow entry has no name of its own. */
function nameless(route: RouteSums): RouteSums {
  return { ...route, name: "" };
}

function nobody(caller: CallerCount): CallerCount {
  return { name: "", class: "address", group: 0, n: caller.n };
}

/**
 * A name that one sidecar may not release yet may come from another; of two different ones the lower, free of order.
 */
function knownName(a: string, b: string): string {
  if (a === "" || b === "") return a + b;
  return a <= b ? a : b;
}

function add(a: number, b: number): number {
  const sum = a + b;
  if (!Number.isSafeInteger(sum)) throw new RangeError(`statistics: ${a} + ${b} is above 2^53 - 1`);
  return sum;
}

/** Sums element by element; a list that is missing counts as zeros. */
function addEach(a: number[], b: number[]): number[] {
  const [long, short] = a.length >= b.length ? [a, b] : [b, a];
  return long.map((value, i) => add(value, short[i] ?? 0));
}

/** Unites sets of groups element by element; in a list that is shorter the rest is empty. */
function uniteEach(a: number[], b: number[]): number[] {
  const [long, short] = a.length >= b.length ? [a, b] : [b, a];
  return long.map((groups, i) => groups | (short[i] ?? 0));
}

function union<T>(
  a: Readonly<Record<string, T>>,
  b: Readonly<Record<string, T>>,
  merge: (x: T, y: T) => T,
): Record<string, T> {
  const sum = { ...a };
  for (const [key, value] of Object.entries(b)) {
    const held = sum[key];
    sum[key] = held === undefined ? value : merge(held, value);
  }
  return sum;
}

function alive(scores: Record<string, number[]>, live: LiveModels): Record<string, number[]> {
  return Object.fromEntries(Object.entries(scores).filter(([modelId]) => live.has(modelId)));
}

/**
 * Keeps the overflow entry and the `kept` lowest other keys. A key that stays was kept since it first came, so its sums
 * are whole.
 */
function capped<T>(
  table: Record<string, T>,
  kept: number,
  overflow: string,
  merge: (x: T, y: T) => T,
  strip: (entry: T) => T,
): Record<string, T> {
  const keys = Object.keys(table).filter((key) => key !== overflow);
  if (keys.length <= kept) return table;
  keys.sort();
  const result: Record<string, T> = {};
  for (const key of keys.slice(0, kept)) result[key] = table[key] as T;
  let rest = table[overflow];
  for (const key of keys.slice(kept)) {
    const entry = strip(table[key] as T);
    rest = rest === undefined ? entry : merge(rest, entry);
  }
  result[overflow] = rest as T;
  return result;
}
