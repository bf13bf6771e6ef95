// What a model knows of contexts (law 11), out of the summed contexts of its days: of each path place, parameter and
// header which characters, lengths and levels are usual, and how much of a surprise what is new there would be. A pure
// function of the sums: neither the order of keys nor that of days matters.

import type { Core } from "../core.ts";
import type { ContextSums } from "../domain.ts";
import { logOf } from "./logarithm.ts";

/** Contexts of a model, as the filter holds them. */
const ROWS_MAX = 1024;
const ROW_BYTES = 16;
const KIND_BYTES = 4;
const KINDS = 3;
/** Of fewer segments nothing that is new is a surprise, and a level is not believed to be usual. */
const SURPRISE_MIN = 8;
const BASE_MIN = 5;
const SURPRISE_MAX = 255;
/** One segment in so many is not believed to be normal, as in threshold.ts. */
const TRIM_SHARE = 500;
/** One segment in so many of a kind may be above its base. */
const KIND_SHARE = 50;
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
  /** Three of 4 bytes. */
  kinds: Uint8Array;
  /** 0 to 255. */
  structureBase: number;
}

export const NO_CONTEXTS: TrainedContexts = {
  contexts: new Uint8Array(0),
  kinds: new Uint8Array(0),
  structureBase: 0,
};

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

/** `learnt` are the requests that the contexts were counted in; at least 1. */
export function trainContexts(sums: Readonly<Record<string, ContextSums>>, learnt: number, core: Log): TrainedContexts {
  const all = Object.entries(sums).filter(([, { n }]) => n > 0);
  const kinds = Array.from({ length: KINDS }, (_, i) => {
    return kindOf(
      all.map(([, context]) => context).filter(({ kind }) => kind === i + 1),
      core,
    );
  });
  const rows = all
    .toSorted(([a, x], [b, y]) => y.n - x.n || (a < b ? -1 : 1))
    .slice(0, ROWS_MAX)
    .map(([key, context]) => rowOf(key, context, kinds[context.kind - 1]?.base ?? 0, core))
    .toSorted((a, b) => (a.key < b.key ? -1 : 1));
  const events = [
    ...rows.flatMap(({ newClass, newLength }) => [newClass, newLength]),
    ...kinds.map(({ name }) => name),
  ];
  return {
    contexts: rowBytes(rows),
    kinds: kindBytes(kinds),
    structureBase: baseOf(events, learnt),
  };
}

function kindOf(contexts: readonly ContextSums[], core: Log): Kind {
  const n = contexts.reduce((sum, one) => sum + one.n, 0);
  const singles = contexts.filter((one) => one.n === 1).length;
  const levels = contexts[0]?.levels.map((_, bin) => contexts.reduce((sum, one) => sum + (one.levels[bin] ?? 0), 0));
  return { base: levelEdge(quantile(levels ?? [], Math.floor(n / KIND_SHARE))), name: eventOf(singles, n, core) };
}

function rowOf(key: string, context: ContextSums, kindBase: number, core: Log): Row {
  const { n, classes, lengths, levels } = context;
  const highest = levelEdge(quantile(levels, Math.floor(n / TRIM_SHARE)));
  const single = (counts: readonly number[]) => counts.filter((count) => count === 1).length;
  return {
    key,
    base: n < BASE_MIN ? Math.max(highest, kindBase, 0) : highest,
    classes: classes.reduce((set, count, i) => (count > 0 ? set | (1 << i) : set), 0),
    shortest: lengths.findIndex((count) => count > 0),
    longest: lengths.findLastIndex((count) => count > 0),
    newClass: eventOf(single(classes), n, core),
    newLength: eventOf(single(lengths), n, core),
  };
}

/** The highest bin that more than `above` segments are in or above; 0 where there is none. */
function quantile(counts: readonly number[], above: number): number {
  let left = above;
  let bin = counts.length - 1;
  while (bin > 0 && (counts[bin] ?? 0) <= left) left -= counts[bin--] ?? 0;
  return Math.max(0, bin);
}

/** The highest level of a bin (law 10). */
function levelEdge(bin: number): number {
  return 16 * bin - 256;
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
  const bytes = new Uint8Array(KIND_BYTES * KINDS);
  const view = new DataView(bytes.buffer);
  for (const [i, { base, name }] of kinds.entries()) {
    view.setInt16(KIND_BYTES * i, base, true);
    view.setUint8(KIND_BYTES * i + 2, name.surprise);
  }
  return bytes;
}
