// Replays a schedule: stage by stage, for all services side by side. Hands requests to the filter's side and gets back
// what it said of each row that is scored; no label passes here.

import type { Core } from "../../control-plane/core.ts";
import type { CycleLinks } from "../../control-plane/cycle.ts";
import type { Prior } from "../../control-plane/train/prior.ts";
import { Judge } from "./judge.ts";
import { locationOf } from "./location.ts";
import { BenchMesh } from "./mesh.ts";
import type { Schedule } from "./schedule.ts";
import type { Request } from "./set.ts";

/** What the product said of a row. */
export interface Verdict {
  readonly row: number;
  /** In 1/256 squared standard deviations; 0 where the filter gave none, or no model was deployed. */
  readonly score: number;
  /** At or above the product's threshold for an alert target of 1 %, of 0.1 %, for its default deny target. */
  readonly deny1: boolean;
  readonly deny01: boolean;
  readonly deny: boolean;
  /** In the form of the sets. */
  readonly at: string;
  readonly reason: string;
}

export interface ReplayOptions {
  core: Core;
  /** Of a service; services with the same one share a mesh. */
  priorOf: (svc: string) => Prior;
  /** Requests that the product denies are not learnt from. */
  enforce: boolean;
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
  const { core, priorOf, enforce, train } = options;
  const byPrior = new Map<Prior, string[]>();
  for (const svc of schedule.keys()) byPrior.set(priorOf(svc), [...(byPrior.get(priorOf(svc)) ?? []), svc]);
  const judge = new Judge(core);
  const result: Replay = { verdicts: [], unjudged: 0 };
  for (const [prior, services] of byPrior) {
    const mode = enforce ? "enforce" : "learn";
    const mesh = await BenchMesh.open(services, { core, prior, mode, ...(train === undefined ? {} : { train }) });
    await replayMesh(mesh, judge, requests, services, schedule, result);
  }
  result.verdicts.sort((a, b) => a.row - b.row);
  return result;
}

async function replayMesh(
  mesh: BenchMesh,
  judge: Judge,
  requests: readonly Request[],
  services: readonly string[],
  schedule: Schedule,
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
  }
}

function scoreRows(
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
  for (const [i, { score, reason, location }] of judge.judge(model, picked).entries()) {
    result.verdicts.push({
      ...{ row: rows[i] as number, score, reason, at: locationOf(location, picked[i]?.u ?? "") },
      ...{ deny1: score >= deployed.thr1, deny01: score >= deployed.thr01, deny: score >= deployed.deny },
    });
  }
}

const UNJUDGED = { score: 0, deny1: false, deny01: false, deny: false, at: "", reason: "" };

function pick(requests: readonly Request[], rows: readonly number[]): Request[] {
  return rows.map((row) => {
    const request = requests[row];
    if (request === undefined) throw new Error(`no row ${row}`);
    return request;
  });
}
