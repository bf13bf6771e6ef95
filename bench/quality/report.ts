// The result of a set: what is printed as one line of JSON. Shares are rounded to what the sets can tell.

import { groupBy } from "./group.ts";
import type { Loss } from "./loss.ts";
import {
  figuresOf,
  type Intervals,
  intervalsOf,
  type Rates,
  type Scored,
  type Worst,
  worstServiceOf,
} from "./metrics.ts";
import type { Verdict } from "./replay.ts";
import type { ScaleReport } from "./scale.ts";
import type { SeededFigures } from "./seeds.ts";
import type { QualitySet } from "./set.ts";

/** Figures of a part of the attacks, against all normal rows. */
export interface Part {
  attacks: number;
  auc: number;
  t1: number;
  t01: number;
  /** Detection at the product's thresholds. */
  thr1: number;
  thr01: number;
  deny: number;
}

export interface CurvePoint {
  /** Requests that the model was trained from, 0 for the prior alone, and services that had so many. */
  requests: number;
  services: number;
  auc: number;
  t1: number;
  t01: number;
  thr1: Rates;
  thr01: Rates;
  deny: Rates;
  /** Detection that the protocol's models have more on the same rows, in percentage points. */
  below: Record<"t1" | "t01" | "thr1" | "thr01", number>;
}

export interface Result {
  set: string;
  services: number;
  /** Rows of the learn phase, normal rows and attacks of the test phase. */
  learn: number;
  normals: number;
  attacks: number;
  auc: number;
  t1: number;
  t01: number;
  thr1: Rates;
  thr01: Rates;
  /** `denied`: normal rows at or above the default deny threshold. */
  deny: Rates & { denied: number };
  worstService: { thr1: Worst | null; thr01: Worst | null; deny: Worst | null };
  /** 95 %; empty with a single service, which says nothing of others. */
  ci: Intervals | Record<string, never>;
  byKind: Record<string, Part>;
  /** By the first word of `at`; `unstated` where the set does not say. */
  byPosition: Record<string, Part>;
  /**
   * Of the attacks told at the 1 % threshold whose place the set says, the share whose reason names that place; null
   * where there are none.
   */
  reasonHit: number | null;
  seconds: number;
  /** Each only where it was asked for. */
  learningCurve?: CurvePoint[];
  seeds?: SeededFigures;
  poison?: Loss[];
  online?: Loss[];
  scale?: ScaleReport;
}

/** Behind the point. */
const DIGITS = 5;
const UNSTATED = "unstated";

/** `verdicts` are those of the test phase. */
export function resultOf(set: QualitySet, verdicts: readonly Verdict[], seconds: number): Result {
  const rows = rowsOf(set, verdicts);
  const scored = rows.map(({ scored }) => scored);
  const { auc, t1, t01, thr1, thr01, deny } = figuresOf(scored);
  const normals = scored.filter(({ attack }) => !attack);
  const worst = (threshold: "thr1" | "thr01" | "deny") => worstServiceOf(scored, threshold) ?? null;
  const result: Result = {
    ...{ set: set.name, services: new Set(set.requests.map(({ svc }) => svc)).size },
    learn: set.labels.filter(({ phase, attack }) => phase === "learn" && !attack).length,
    ...{ normals: normals.length, attacks: scored.length - normals.length, auc, t1, t01, thr1, thr01 },
    deny: { ...deny, denied: normals.filter(({ deny }) => deny).length },
    worstService: { thr1: worst("thr1"), thr01: worst("thr01"), deny: worst("deny") },
    ci: intervalsOf(scored) ?? {},
    byKind: partsOf(rows, ({ kind }) => kind),
    byPosition: partsOf(rows, ({ at }) => (at === "" ? UNSTATED : (at.split(":", 1)[0] as string))),
    ...{ reasonHit: reasonHitOf(rows), seconds },
  };
  return rounded(result);
}

interface Row {
  scored: Scored;
  kind: string;
  at: string;
  told: string;
}

/** The scored rows, with their labels. */
export function scoredOf(set: QualitySet, verdicts: readonly Verdict[]): Scored[] {
  return rowsOf(set, verdicts).map(({ scored }) => scored);
}

function rowsOf(set: QualitySet, verdicts: readonly Verdict[]): Row[] {
  return verdicts.map((verdict) => {
    const label = set.labels[verdict.row];
    const request = set.requests[verdict.row];
    if (label === undefined || request === undefined) throw new Error(`${set.name}: no row ${verdict.row}`);
    const { score, deny1, deny01, deny } = verdict;
    const scored = { service: request.svc, attack: label.attack, score, deny1, deny01, deny };
    return { scored, kind: label.kind, at: label.at, told: verdict.at };
  });
}

function partsOf(rows: readonly Row[], keyOf: (row: Row) => string): Record<string, Part> {
  const normals = rows.filter(({ scored }) => !scored.attack);
  const groups = groupBy(
    rows.filter(({ scored }) => scored.attack),
    keyOf,
  );
  const parts = [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, attacks]): [string, Part] => {
      const all = [...normals, ...attacks].map(({ scored }) => scored);
      const { auc, t1, t01, thr1, thr01, deny } = figuresOf(all);
      return [key, { attacks: attacks.length, auc, t1, t01, thr1: thr1.tpr, thr01: thr01.tpr, deny: deny.tpr }];
    });
  return Object.fromEntries(parts);
}

function reasonHitOf(rows: readonly Row[]): number | null {
  const told = rows.filter(({ scored, at }) => scored.attack && scored.deny1 && at !== "");
  return told.length === 0 ? null : told.filter(({ at, told }) => at === told).length / told.length;
}

/** A point of the learning curve; `whole` are the verdicts of the protocol. */
export function curvePointOf(
  set: QualitySet,
  verdicts: readonly Verdict[],
  requests: number,
  whole: readonly Verdict[],
): CurvePoint {
  const scored = scoredOf(set, verdicts);
  const services = new Set(scored.map(({ service }) => service));
  const { auc, t1, t01, thr1, thr01, deny } = figuresOf(scored);
  const full = figuresOf(scoredOf(set, whole).filter(({ service }) => services.has(service)));
  const below = {
    ...{ t1: 100 * (full.t1 - t1), t01: 100 * (full.t01 - t01) },
    ...{ thr1: 100 * (full.thr1.tpr - thr1.tpr), thr01: 100 * (full.thr01.tpr - thr01.tpr) },
  };
  return rounded({ requests, services: services.size, auc, t1, t01, thr1, thr01, deny, below });
}

export function rounded<T>(value: T): T {
  return JSON.parse(
    JSON.stringify(value, (_, one) => (typeof one === "number" ? Number(one.toFixed(DIGITS)) : one)),
  ) as T;
}
