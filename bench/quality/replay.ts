// Replays a schedule: stage by stage, for all services side by side. Hands requests to the filter's side and gets back
// what it said of each row that is scored; no label passes here.

import type { Core } from "../../control-plane/core.ts";
import type { CycleLinks } from "../../control-plane/cycle.ts";
import type { Disk } from "../../control-plane/store/store.ts";
import type { Voices } from "./heads.ts";
import { Judge } from "./judge.ts";
import { locationOf } from "./location.ts";
import { BenchMesh } from "./mesh.ts";
import type { Priors } from "./priors.ts";
import type { Schedule } from "./schedule.ts";
import type { Request } from "./set.ts";

/** What the product said of a row. */
export interface Verdict {
  readonly row: number;
  /** In 1/256 squared standard deviations; 0 where the filter gave none, or no model was deployed. */
  readonly score: number;
  /** At or above the product's threshold for an alert target of 1 %, of 0.1 %. */
  readonly deny1: boolean;
  readonly deny01: boolean;
  /** The filter's own verdict at the default deny target. */
  readonly deny: boolean;
  /** In the form of the sets. */
  readonly at: string;
  readonly reason: string;
  /** Requests that the model was trained from. */
  readonly learnt: number;
}

/** A line of `--scores`. */
export function scoreLine({ row, score, deny1, deny01, deny, at, reason }: Verdict): string {
  return JSON.stringify({ row, score, deny1, deny01, deny, at, reason });
}

export interface ReplayOptions extends Voices {
  core: Core;
  /** What a service starts from; services with the same object share a mesh. */
  priorOf: Priors["of"];
  /** Requests that the product denies are not learnt from. */
  enforce?: boolean;
  /** Each stage is a day. */
  daily?: boolean;
  disk?: () => Disk;
  train?: CycleLinks["train"];
}

/** Verdicts of the scored rows, ascending by row, and how many of them no model judged. */
export interface Replay {
  verdicts: Verdict[];
  unjudged: number;
}

export async function replay(
  requests: readonly Request[],
  schedule: Schedule,
  options: ReplayOptions,
): Promise<Replay> {
  const judge = new Judge(options.core);
  const result: Replay = { verdicts: [], unjudged: 0 };
  for (const services of byPrior(schedule.keys(), options.priorOf)) {
    const mesh = await openMesh(services, options);
    await replayMesh(mesh, judge, requests, services, schedule, options.daily ?? false, result);
  }
  result.verdicts.sort((a, b) => a.row - b.row);
  return result;
}

/** Services in groups that start from the same. */
export function byPrior(services: Iterable<string>, priorOf: Priors["of"]): string[][] {
  const groups = new Map<ReturnType<Priors["of"]>, string[]>();
  for (const svc of services) {
    const group = groups.get(priorOf(svc));
    if (group === undefined) groups.set(priorOf(svc), [svc]);
    else group.push(svc);
  }
  return [...groups.values()];
}

/** A mesh of services that start from the same. */
export function openMesh(services: readonly string[], options: ReplayOptions): Promise<BenchMesh> {
  const { core, priorOf, enforce = false, head, without, disk, train } = options;
  return BenchMesh.open(services, {
    ...{ core, ...priorOf(services[0] ?? ""), mode: enforce ? "enforce" : "learn", head, without },
    ...(disk === undefined ? {} : { disk: disk() }),
    ...(train === undefined ? {} : { train }),
  });
}

async function replayMesh(
  mesh: BenchMesh,
  judge: Judge,
  requests: readonly Request[],
  services: readonly string[],
  schedule: Schedule,
  daily: boolean,
  result: Replay,
): Promise<void> {
  const stages = Math.max(...services.map((svc) => schedule.get(svc)?.length ?? 0));
  for (let at = 0; at < stages; at++) {
    for (const svc of services) {
      const { learn = [], score = [] } = schedule.get(svc)?.[at] ?? {};
      scoreRows(mesh, judge, requests, svc, score, result);
      mesh.feed(svc, pick(requests, learn));
    }
    await mesh.settle();
    if (at === stages - 1) return;
    await mesh.train();
    await mesh.settle();
    if (daily) await mesh.nextDay();
  }
}

/** Adds the verdicts of these rows by the model that is deployed now. */
export function scoreRows(
  mesh: BenchMesh,
  judge: Judge,
  requests: readonly Request[],
  svc: string,
  rows: readonly number[],
  result: Replay,
): void {
  if (rows.length === 0) return;
  const model = mesh.plane.model(mesh.target(svc));
  const deployed = mesh.plane.deployed(mesh.target(svc));
  if (model === undefined || deployed === undefined) {
    for (const row of rows) result.verdicts.push({ ...UNJUDGED, row });
    result.unjudged += rows.length;
    return;
  }
  const picked = pick(requests, rows);
  for (const [i, { score, deny, reason, location }] of judge.judge(model, mesh.plane, picked).entries()) {
    result.verdicts.push({
      ...{ row: rows[i] as number, score, reason, at: locationOf(location, picked[i]?.u ?? "") },
      learnt: deployed.learnt,
      ...{ deny1: score >= deployed.thr1, deny01: score >= deployed.thr01, deny },
    });
  }
}

const UNJUDGED = { score: 0, deny1: false, deny01: false, deny: false, at: "", reason: "", learnt: 0 };

function pick(requests: readonly Request[], rows: readonly number[]): Request[] {
  return rows.map((row) => {
    const request = requests[row];
    if (request === undefined) throw new Error(`no row ${row}`);
    return request;
  });
}
