// What a model knows of contexts and routes (law 11), out of the sums of its days: of each path place, parameter and
// header which characters, lengths and levels are usual, which routes there are, and how much of a surprise what is new
// there would be. What is usual goes by evidence (believed.ts). A pure function of the sums: neither the order of keys
// nor that of days matters.

import type { Core } from "../core.ts";
import type { ContextSums, RouteSums } from "../domain.ts";
import { OVERFLOW, totalOf } from "../store/statistics.ts";
import { believedBase, believedOf, LOWEST_LEVEL, quorumOf } from "./believed.ts";
import { logOf } from "./logarithm.ts";

/** Contexts and routes of a model, as the filter holds them. */
const ROWS_MAX = 1024;
const ROUTES_MAX = 1024;
const ROW_BYTES = 16;
const KIND_BYTES = 4;
const ROUTE_BYTES = 8;
/** Of path segments, parameters and headers. That of routes follows. */
const CONTEXT_KINDS = 3;
const LENGTH_MAX = 24;
/** Of fewer segments nothing that is new is a surprise. */
const SURPRISE_MIN = 8;
/** Of fewer levels the base is not only the context's own, but at least what is usual in its kind. */
const BASE_MIN = 8;
const SURPRISE_MAX = 255;
/**
 * The base of a kind is the lower 90 % quantile of its contexts' bases: of m of them in order, that at floor(9 (m - 1)
 * / 10) from 0, so of three the middle one. A few contexts that one caller can fill at will do not move it, where the
 * share of segments would.
 */
const KIND_QUANTILE = [9, 10] as const;
/** Contexts that count for their kind have so many levels, and there are so many of them. */
const KIND_LEVELS_MIN = 5;
const KIND_CONTEXTS_MIN = 3;
/** Two nats: of a name that was never seen no text is usual that is clearly like an attack. */
const KIND_BASE_MAX = 64;
/**
 * One request in so many may be a surprise at all. Explored on the development sets: 1 % to 5 % find about the same on
 * browsing; 1 % finds fewer attacks in headers, 5 % makes the thresholds of steady services higher.
 */
const EVENT_SHARE = 50;
/** Surprises are told in 1/16 nat. */
const NAT_UNIT = 16;

/** Bytes as they travel; surprises in 1/16 nat. */
export interface TrainedContexts {
  /** Rows of 16 bytes, at most 1,024, ascending by key. */
  contexts: Uint8Array;
  /** Four of 4 bytes. */
  kinds: Uint8Array;
  /** Keys of 8 bytes, at most 1,024, ascending. */
  routes: Uint8Array;
  /** 0 to 255. */
  structureBase: number;
}

export const NO_CONTEXTS: TrainedContexts = {
  contexts: new Uint8Array(0),
  kinds: new Uint8Array(0),
  routes: new Uint8Array(0),
  structureBase: 0,
};

/** What was counted in `learnt` requests. */
export interface ContextInput {
  /** By context key. */
  contexts: Readonly<Record<string, ContextSums>>;
  /** By route key. */
  routes: Readonly<Record<string, Pick<RouteSums, "n">>>;
  learnt: number;
  /** Whether caller groups can be held against each other. */
  comparable: boolean;
}

type Log = Pick<Core, "log2">;

/** Something new: how much of a surprise, and how many segments of all it is to be expected in. */
interface Event {
  surprise: number;
  expected: number;
}

interface Kind {
  /** A level, in 1/32 nat. */
  base: number;
  name: Event;
}

interface Row {
  key: string;
  base: number;
  classes: number;
  shortest: number;
  longest: number;
  newClass: Event;
  newLength: Event;
}

/** A context and what is believed of it. */
interface Believed {
  key: string;
  sums: ContextSums;
  quorum: number;
  base: number;
  /** Levels that were counted: also those of requests that nothing else was learnt from. */
  total: number;
}

export function trainContexts({ contexts, routes, learnt, comparable }: ContextInput, core: Log): TrainedContexts {
  const all = Object.entries(contexts).map(([key, sums]) => believe(key, sums, comparable));
  const kinds = Array.from({ length: CONTEXT_KINDS }, (_, i) => {
    return kindOf(
      all.filter(({ sums }) => sums.kind === i + 1),
      core,
    );
  });
  const rows = all
    .filter(({ sums }) => sums.n > 0)
    .toSorted((a, b) => b.sums.n - a.sums.n || (a.key < b.key ? -1 : 1))
    .slice(0, ROWS_MAX)
    .map((context) => rowOf(context, kinds[context.sums.kind - 1]?.base ?? LOWEST_LEVEL, core))
    .toSorted((a, b) => (a.key < b.key ? -1 : 1));
  const known = routesOf(routes, learnt, core);
  kinds.push({ base: 0, name: known.name });
  const events = [
    ...rows.flatMap(({ newClass, newLength }) => [newClass, newLength]),
    ...kinds.map(({ name }) => name),
  ];
  return {
    contexts: rowBytes(rows),
    kinds: kindBytes(kinds),
    routes: routeBytes(known.keys),
    structureBase: baseOf(events, learnt),
  };
}

function believe(key: string, sums: ContextSums, comparable: boolean): Believed {
  const quorum = quorumOf(sums, comparable);
  return { key, sums, quorum, base: believedBase(sums, quorum), total: totalOf(sums.levels) };
}

function kindOf(contexts: readonly Believed[], core: Log): Kind {
  const n = contexts.reduce((sum, { sums }) => sum + sums.n, 0);
  const singles = contexts.filter(({ sums }) => sums.n === 1).length;
  return { base: kindBase(contexts), name: eventOf(singles, n, core) };
}

function kindBase(contexts: readonly Believed[]): number {
  const counted = contexts.filter(({ total }) => total >= KIND_LEVELS_MIN);
  if (counted.length < KIND_CONTEXTS_MIN) return LOWEST_LEVEL;
  const bases = counted.map(({ base }) => base).toSorted((a, b) => a - b);
  const [part, whole] = KIND_QUANTILE;
  return Math.min(KIND_BASE_MAX, bases[Math.floor((part * (bases.length - 1)) / whole)] ?? LOWEST_LEVEL);
}

function rowOf({ key, sums, quorum, base, total }: Believed, usualBase: number, core: Log): Row {
  const { n, classes, lengths, classGroups, lengthGroups } = sums;
  const single = (counts: readonly number[]) => counts.filter((count) => count === 1).length;
  const knownLengths = believedOf(lengths, lengthGroups, quorum, n);
  // Where no length is believed, none is unusual either.
  const isKnown = knownLengths.includes(true);
  return {
    key,
    base: total < BASE_MIN ? Math.max(base, usualBase, 0) : base,
    classes: believedOf(classes, classGroups, quorum, n).reduce((set, known, i) => (known ? set | (1 << i) : set), 0),
    shortest: isKnown ? knownLengths.indexOf(true) : 0,
    longest: isKnown ? knownLengths.lastIndexOf(true) : LENGTH_MAX,
    newClass: eventOf(single(classes), n, core),
    newLength: eventOf(single(lengths), n, core),
  };
}

/**
 * Those that most requests had, and how much of a surprise another one is. Whatever was learnt from and is of no route
 * that is kept counts as new: in the overflow, too many for a model, or too few requests for a sidecar to tell of.
 */
function routesOf(routes: ContextInput["routes"], learnt: number, core: Log): { keys: string[]; name: Event } {
  const kept = Object.entries(routes)
    .filter(([key, { n }]) => n > 0 && key !== OVERFLOW)
    .toSorted(([a, x], [b, y]) => y.n - x.n || (a < b ? -1 : 1))
    .slice(0, ROUTES_MAX);
  const told = kept.reduce((total, [, { n }]) => total + n, 0);
  const singles = kept.filter(([, route]) => route.n === 1).length;
  const n = Math.max(learnt, told);
  return { keys: kept.map(([key]) => key).toSorted(), name: eventOf(singles + n - told, n, core) };
}

/**
 * What comes next was never seen with a probability of (2 singles + 1) / (2 n + 2): Good and Turing's estimate, with
 * half a count added. The surprise is its negative logarithm.
 */
function eventOf(singles: number, n: number, core: Log): Event {
  if (n < SURPRISE_MIN) return { surprise: 0, expected: 0 };
  const [odd, whole] = [2 * singles + 1, 2 * n + 2];
  const surprise = Math.floor(NAT_UNIT * Math.LN2 * (logOf(whole, core) - logOf(odd, core)) + 0.5);
  return { surprise: Math.max(0, Math.min(SURPRISE_MAX, surprise)), expected: (n * odd) / whole };
}

/** The surprise at which, from the highest down, more requests than may be have one; 0 if no more ever have. */
function baseOf(events: readonly Event[], learnt: number): number {
  const expected = new Float64Array(SURPRISE_MAX + 1);
  for (const event of events) (expected[event.surprise] as number) += event.expected;
  let sum = 0;
  for (let surprise = SURPRISE_MAX; surprise > 0; surprise--) {
    sum += expected[surprise] ?? 0;
    if (EVENT_SHARE * sum > learnt) return surprise;
  }
  return 0;
}

function rowBytes(rows: readonly Row[]): Uint8Array {
  const bytes = new Uint8Array(ROW_BYTES * rows.length);
  const view = new DataView(bytes.buffer);
  for (const [i, row] of rows.entries()) {
    const at = ROW_BYTES * i;
    view.setBigUint64(at, BigInt(`0x${row.key}`), true);
    view.setInt16(at + 8, row.base, true);
    view.setUint16(at + 10, row.classes, true);
    bytes.set([row.shortest, row.longest, row.newClass.surprise, row.newLength.surprise], at + 12);
  }
  return bytes;
}

function kindBytes(kinds: readonly Kind[]): Uint8Array {
  const bytes = new Uint8Array(KIND_BYTES * kinds.length);
  const view = new DataView(bytes.buffer);
  for (const [i, { base, name }] of kinds.entries()) {
    view.setInt16(KIND_BYTES * i, base, true);
    view.setUint8(KIND_BYTES * i + 2, name.surprise);
  }
  return bytes;
}

function routeBytes(keys: readonly string[]): Uint8Array {
  const bytes = new Uint8Array(ROUTE_BYTES * keys.length);
  const view = new DataView(bytes.buffer);
  for (const [i, key] of keys.entries()) view.setBigUint64(ROUTE_BYTES * i, BigInt(`0x${key}`), true);
  return bytes;
}
