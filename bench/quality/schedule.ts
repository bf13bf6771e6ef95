// The protocol of the quality sets as stages of each service: rows in their order, a look of the trainer after each
// stage, and which rows are learnt from and which are scored. Knows the labels, and is all that the filter's side hears
// of them.

import { groupBy } from "./group.ts";
import type { QualitySet } from "./set.ts";

/** Between two looks of the trainer. */
export interface Stage {
  /** Rows that the service receives, in order; those that are not learnt from are not among them. */
  readonly learn: readonly number[];
  /** Rows scored by the model that is deployed during this stage. */
  readonly score: readonly number[];
}

/** Stages by service; all services have the same number, and go through them side by side. */
export type Schedule = ReadonlyMap<string, readonly Stage[]>;

/**
 * Shares of the learn phase after which the trainer looks: a product that is just installed does not wait for its end.
 * The model that is trained at the last of them is calibrated on the rest of the phase, and judges from its end on.
 */
const LOOKS = [0.1, 0.3, 0.75];
/** Share of a service's normal rows between two deployments. */
const STEP = 0.05;

const NONE: ReadonlySet<number> = new Set();

/** Rows of each service, by index, in order. */
export function rowsByService(set: QualitySet): Map<string, number[]> {
  return groupBy(set.requests.keys(), (row) => set.requests[row]?.svc ?? "");
}

/**
 * Stages end after a tenth, three tenths and three quarters of the learn phase, at its end, and after every further
 * 5 % of the service's normal rows. Sent to be learnt from are the normal rows, and the attack rows named in `also`.
 * Rows of the test phase are scored.
 */
export function protocolSchedule(set: QualitySet, also: ReadonlySet<number> = NONE): Schedule {
  return scheduleOf(set, also, endsOf);
}

/**
 * A stage a day for `days` days: as many as there are steps in the test phase, and the learn phase in equal parts over
 * the days before.
 */
export function dailySchedule(set: QualitySet, days: number, also: ReadonlySet<number> = NONE): Schedule {
  return scheduleOf(set, also, (normals, learn) => dayEndsOf(normals, learn, days));
}

type Ends = (normals: number, learn: number) => number[];

function scheduleOf(set: QualitySet, also: ReadonlySet<number>, endsIn: Ends): Schedule {
  const services = [...rowsByService(set)].map(([svc, rows]) => [svc, cut(set, rows, also, endsIn)] as const);
  const most = Math.max(...services.map(([, stages]) => stages.length));
  const pad = (stages: Stage[]) => [
    ...stages,
    ...new Array<Stage>(most - stages.length).fill({ learn: [], score: [] }),
  ];
  return new Map(services.map(([svc, stages]) => [svc, pad(stages)]));
}

function cut(set: QualitySet, rows: readonly number[], also: ReadonlySet<number>, endsIn: Ends): Stage[] {
  const normal = rows.filter((row) => !label(set, row).attack);
  const ends = endsIn(normal.length, normal.filter((row) => label(set, row).phase === "learn").length);
  const stages: { learn: number[]; score: number[] }[] = [{ learn: [], score: [] }];
  let seen = 0;
  for (const row of rows) {
    const { attack, phase } = label(set, row);
    // The model of a stage is deployed when the normal rows before it are over, before anything else comes.
    while (stages.length <= ends.length && seen >= (ends[stages.length - 1] ?? 0))
      stages.push({ learn: [], score: [] });
    const stage = stages.at(-1);
    if (!attack || also.has(row)) stage?.learn.push(row);
    if (phase === "test") stage?.score.push(row);
    if (!attack) seen++;
  }
  return stages;
}

/** Numbers of normal rows after which the trainer looks. */
function endsOf(normals: number, learn: number): number[] {
  return [...LOOKS.map((share) => Math.floor(share * learn)), learn, ...stepsOf(normals, learn)];
}

/** Numbers of normal rows after which a day is over; the last day ends with the rows. */
export function dayEndsOf(normals: number, learn: number, days: number): number[] {
  const steps = stepsOf(normals, learn);
  const before = Math.max(1, days - 1 - steps.length);
  return [...Array.from({ length: before }, (_, i) => Math.round(((i + 1) * learn) / before)), ...steps];
}

function stepsOf(normals: number, learn: number): number[] {
  const ends: number[] = [];
  for (let i = 1; ; i++) {
    const end = learn + Math.round(i * STEP * normals);
    // A rest of less than half a step goes with the last one.
    if (end + (STEP / 2) * normals > normals) return ends;
    if (end > (ends.at(-1) ?? learn)) ends.push(end);
  }
}

/**
 * One model from the first `count` normal rows of each service, deployed after `calibration` further ones; scores the
 * whole test phase. A service with a shorter learn phase is left out.
 */
export function curveSchedule(set: QualitySet, count: number, calibration: number): Schedule {
  const services = new Map<string, Stage[]>();
  for (const [svc, rows] of rowsByService(set)) {
    const learn = rows.filter((row) => !label(set, row).attack && label(set, row).phase === "learn");
    if (learn.length < count + calibration) continue;
    services.set(svc, [
      { learn: learn.slice(0, count), score: [] },
      { learn: learn.slice(count, count + calibration), score: [] },
      { learn: [], score: rows.filter((row) => label(set, row).phase === "test") },
    ]);
  }
  return services;
}

function label(set: QualitySet, row: number) {
  const found = set.labels[row];
  if (found === undefined) throw new Error(`${set.name}: no row ${row}`);
  return found;
}
