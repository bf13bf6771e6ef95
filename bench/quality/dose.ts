// Poison as rows: which ones, where among the normal rows of their service, and the stream that they make with these.
// Seeded; callers stay as they were dealt.

import { Prng } from "../../test/support/prng.ts";
import { callerName } from "./callers.ts";
import { dayEndsOf, rowsByService } from "./schedule.ts";
import type { Label, QualitySet, Request } from "./set.ts";
import { shuffled } from "./shuffle.ts";
import { unique } from "./variation.ts";

const SEED = 20_260_103;
/** Never scored: it is learnt from, whatever its place among the rows. */
const LABEL: Label = { attack: true, kind: "poison", at: "", phase: "learn" };

export interface Recipe {
  /** Attack rows of the set, or normal rows with values that were never seen. */
  content: "attacks" | "unique values";
  /** Share of poison in what is learnt on a day, from 0. */
  share: (day: number) => number;
  /** Over so many days; 0: in no time, all of it day 0. */
  days: number;
}

/** A poisonous row, and how many normal rows of its service come before it. */
interface Dose {
  after: number;
  request: Request;
}

export interface Plan {
  /** By service, in order. */
  doses: ReadonlyMap<string, readonly Dose[]>;
  /** Attack rows that were taken for it. */
  taken: ReadonlySet<number>;
}

export const NO_POISON: Plan = { doses: new Map(), taken: new Set() };

/**
 * Doses from the first caller of each service, evenly among its normal rows. At most half of a service's attacks are
 * taken, and come again until they are enough.
 */
export function planOf(set: QualitySet, recipe: Recipe): Plan {
  const prng = new Prng(SEED);
  const doses = new Map<string, Dose[]>();
  const taken = new Set<number>();
  // What is due of the next dose goes over to the next service: some have too few rows for one.
  let due = 0;
  for (const [svc, rows] of rowsByService(set)) {
    const normals = rows.filter((row) => !labelOf(set, row).attack);
    const places: number[] = [];
    for (const [after, day] of daysOf(set, normals, recipe.days).entries()) {
      const share = recipe.share(day);
      for (due += share / (1 - share); due >= 1; due--) places.push(after);
    }
    const attacks = rows.filter((row) => labelOf(set, row).attack);
    const half = shuffled(attacks, prng).slice(0, Math.min(places.length, attacks.length >> 1));
    const sources = recipe.content === "attacks" ? half : normals;
    if (sources.length === 0) continue;
    if (recipe.content === "attacks") for (const row of sources) taken.add(row);
    const own = places.map((after, i): Dose => {
      const source = requestOf(set, sources[i % sources.length] ?? 0);
      const request = recipe.content === "attacks" ? source : unique(requestOf(set, prng.pick(sources)), prng);
      return { after, request: { ...request, src: callerName(svc, 0) } };
    });
    doses.set(svc, own);
  }
  return { doses, taken };
}

/** The day of each normal row of a service. */
function daysOf(set: QualitySet, normals: readonly number[], days: number): number[] {
  if (days === 0) return normals.map(() => 0);
  const learn = normals.filter((row) => labelOf(set, row).phase === "learn").length;
  const ends = dayEndsOf(normals.length, learn, days);
  return normals.map((_, i) => ends.filter((end) => i >= end).length);
}

/** Rows to replay, where each is in the set (-1: nowhere), and which attack rows among them are learnt from. */
export interface Stream {
  set: QualitySet;
  origin: readonly number[];
  also: ReadonlySet<number>;
}

export function streamOf(set: QualitySet, { doses }: Plan): Stream {
  const requests: Request[] = [];
  const labels: Label[] = [];
  const origin: number[] = [];
  const also = new Set<number>();
  const put = (request: Request, label: Label, row: number) => {
    requests.push(request);
    labels.push(label);
    origin.push(row);
  };
  const normals = new Map<string, number>();
  const given = new Map<string, number>();
  for (const [row, request] of set.requests.entries()) {
    const label = labelOf(set, row);
    const seen = normals.get(request.svc) ?? 0;
    const own = doses.get(request.svc) ?? [];
    let next = given.get(request.svc) ?? 0;
    for (let dose = own[next]; dose !== undefined && dose.after <= seen; dose = own[++next]) {
      also.add(requests.length);
      put(dose.request, LABEL, -1);
    }
    given.set(request.svc, next);
    put(request, label, row);
    if (!label.attack) normals.set(request.svc, seen + 1);
  }
  return { set: { ...set, requests, labels }, origin, also };
}

function labelOf(set: QualitySet, row: number): Label {
  const label = set.labels[row];
  if (label === undefined) throw new Error(`${set.name}: no row ${row}`);
  return label;
}

function requestOf(set: QualitySet, row: number): Request {
  const request = set.requests[row];
  if (request === undefined) throw new Error(`${set.name}: no row ${row}`);
  return request;
}
