// Figures over scored rows: area under the curve, detection at a share of false alarms, rates at the product's own
// thresholds, and intervals by bootstrap over services. Rows are sorted once; a resample is one pass over them with a
// weight for each service.

import { Prng } from "../../test/support/prng.ts";
import { groupBy } from "./group.ts";

/** A scored row with its label. */
export interface Scored {
  readonly service: string;
  readonly attack: boolean;
  readonly score: number;
  readonly deny1: boolean;
  readonly deny01: boolean;
  readonly deny: boolean;
}

export interface Rates {
  /** Share of normal rows, and of attacks, at or above the threshold. */
  fpr: number;
  tpr: number;
}

export interface Figures {
  /** Area under the curve; ties count half. */
  auc: number;
  /** Share of attacks above the score that lets 1 % of the normal rows through. */
  t1: number;
  /** As t1, for 0.1 %. */
  t01: number;
  thr1: Rates;
  thr01: Rates;
  deny: Rates;
}

export type Threshold = "thr1" | "thr01" | "deny";

const T1 = 0.01;
const T01 = 0.001;
const RESAMPLES = 1000;
const SEED = 1;
/** Ends of a 95 % interval. */
const ENDS = [0.025, 0.975] as const;

/** Rows in descending order of score, as flat arrays: a thousand resamples go over them. */
class Ranking {
  readonly services: readonly string[];
  readonly #scores: Float64Array;
  readonly #attacks: Uint8Array;
  readonly #service: Int32Array;
  /** Rows by service, and those at or above each threshold: of normal rows first, then of attacks. */
  readonly #counts: Record<"all" | Threshold, [Float64Array, Float64Array]>;

  constructor(rows: readonly Scored[]) {
    const sorted = rows.toSorted((a, b) => b.score - a.score);
    this.services = [...new Set(rows.map(({ service }) => service))].sort();
    const index = new Map(this.services.map((service, i) => [service, i]));
    this.#scores = Float64Array.from(sorted, ({ score }) => score);
    this.#attacks = Uint8Array.from(sorted, ({ attack }) => (attack ? 1 : 0));
    this.#service = Int32Array.from(sorted, ({ service }) => index.get(service) ?? 0);
    const count = (counts: (row: Scored) => boolean): [Float64Array, Float64Array] => {
      const table: [Float64Array, Float64Array] = [
        new Float64Array(this.services.length),
        new Float64Array(this.services.length),
      ];
      for (const row of rows) {
        if (counts(row)) (table[row.attack ? 1 : 0][index.get(row.service) ?? 0] as number)++;
      }
      return table;
    };
    this.#counts = {
      ...{ all: count(() => true), thr1: count(({ deny1 }) => deny1), thr01: count(({ deny01 }) => deny01) },
      deny: count(({ deny }) => deny),
    };
  }

  /** `weights` by service: how often its rows count. */
  figures(weights: Float64Array): Figures {
    const sum = (counts: Float64Array) => counts.reduce((total, count, i) => total + count * (weights[i] as number), 0);
    const [normals, attacks] = [sum(this.#counts.all[0]), sum(this.#counts.all[1])];
    const rates = (name: Threshold) => ({
      fpr: sum(this.#counts[name][0]) / normals,
      tpr: sum(this.#counts[name][1]) / attacks,
    });
    const curve = this.#curve(weights, normals, attacks);
    return { ...curve, thr1: rates("thr1"), thr01: rates("thr01"), deny: rates("deny") };
  }

  #curve(weights: Float64Array, allNormals: number, allAttacks: number): Pick<Figures, "auc" | "t1" | "t01"> {
    const [allowed1, allowed01] = [Math.floor(T1 * allNormals), Math.floor(T01 * allNormals)];
    let [normals, attacks, pairs, found1, found01] = [0, 0, 0, 0, 0];
    for (let i = 0; i < this.#scores.length; ) {
      const score = this.#scores[i];
      let [tiedNormals, tiedAttacks] = [0, 0];
      for (; i < this.#scores.length && this.#scores[i] === score; i++) {
        const weight = weights[this.#service[i] as number] as number;
        if (this.#attacks[i] === 1) tiedAttacks += weight;
        else tiedNormals += weight;
      }
      // The threshold is the score of the first normal row that is not let through; attacks must lie above it.
      if (normals <= allowed1 && allowed1 < normals + tiedNormals) found1 = attacks;
      if (normals <= allowed01 && allowed01 < normals + tiedNormals) found01 = attacks;
      pairs += tiedNormals * (attacks + tiedAttacks / 2);
      normals += tiedNormals;
      attacks += tiedAttacks;
    }
    return { auc: pairs / (allNormals * allAttacks), t1: found1 / allAttacks, t01: found01 / allAttacks };
  }
}

/** Over all rows. Figures of what there is none of are NaN. */
export function figuresOf(rows: readonly Scored[]): Figures {
  const ranking = new Ranking(rows);
  return ranking.figures(new Float64Array(ranking.services.length).fill(1));
}

/** An interval of 95 %. */
export type Interval = [number, number];
export type Intervals = Record<"auc" | "t1" | "t01", Interval> & Record<Threshold, Record<keyof Rates, Interval>>;

/** Resampling services with a fixed seed; undefined with fewer than two, which say nothing of others. */
export function intervalsOf(rows: readonly Scored[]): Intervals | undefined {
  const ranking = new Ranking(rows);
  const count = ranking.services.length;
  if (count < 2) return undefined;
  const prng = new Prng(SEED);
  const drawn = Array.from({ length: RESAMPLES }, () => {
    const weights = new Float64Array(count);
    for (let i = 0; i < count; i++) (weights[prng.below(count)] as number)++;
    return ranking.figures(weights);
  });
  const of = (read: (figures: Figures) => number): Interval => {
    const values = drawn
      .map(read)
      .filter((value) => !Number.isNaN(value))
      .sort((a, b) => a - b);
    const at = (share: number) => values[Math.min(values.length - 1, Math.floor(share * values.length))] ?? Number.NaN;
    return [at(ENDS[0]), at(ENDS[1])];
  };
  const rates = (name: Threshold) => ({ fpr: of((one) => one[name].fpr), tpr: of((one) => one[name].tpr) });
  return {
    ...{ auc: of(({ auc }) => auc), t1: of(({ t1 }) => t1), t01: of(({ t01 }) => t01) },
    ...{ thr1: rates("thr1"), thr01: rates("thr01"), deny: rates("deny") },
  };
}

/** The service with the highest share of normal rows at or above a threshold; of several the one that finds least. */
export interface Worst extends Rates {
  service: string;
  normals: number;
}

export function worstServiceOf(rows: readonly Scored[], threshold: Threshold): Worst | undefined {
  const groups = groupBy(rows, ({ service }) => service);
  let worst: Worst | undefined;
  for (const [service, own] of groups) {
    const { fpr, tpr } = figuresOf(own)[threshold];
    const normals = own.filter(({ attack }) => !attack).length;
    const one = { service, normals, fpr, tpr };
    if (normals > 0 && (worst === undefined || fpr > worst.fpr || (fpr === worst.fpr && tpr < worst.tpr))) worst = one;
  }
  return worst;
}
