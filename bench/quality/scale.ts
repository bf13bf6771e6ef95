// Whether a detector that has learnt a million requests still tells normal ones from attacks: the stream of a few
// services is repeated with variation, and the same rows of the test phase are scored by the model of the first 700
// requests and by that of the repetitions. Nothing else differs.

import { Prng } from "../../test/support/prng.ts";
import { Judge } from "./judge.ts";
import type { BenchMesh } from "./mesh.ts";
import { type Figures, figuresOf } from "./metrics.ts";
import { byPrior, openMesh, type Replay, type ReplayOptions, scoreRows } from "./replay.ts";
import { rounded, scoredOf } from "./report.ts";
import { rowsByService } from "./schedule.ts";
import type { QualitySet, Request } from "./set.ts";
import { Variation } from "./variation.ts";

/** The largest ones: what a million requests cost is paid for each. */
const SERVICES = 3;
/** Requests that are repeated: the first of the learn phase, at most three quarters of it; the rest calibrates. */
const BASE = 700;
const BASE_SHARE = 0.75;
/** Requests that calibrate the model of the repetitions, of those that it was trained from; repeated as these. */
const CALIBRATION_SHARE = 0.05;
/** Requests of a service between two settlings: about as many windows as a busy hour has. */
const CHUNK = 20_000;
const SEED = 20_260_105;

export interface ScaleArm extends Figures {
  /** Requests that each service's model was trained from: the lowest and the highest number. */
  learnt: [number, number];
  /** Of learning, all services together. */
  seconds: number;
  requestsPerSecond: number;
}

export interface ScaleReport {
  services: string[];
  /** As it was, and repeated. */
  arms: ScaleArm[];
}

interface Part {
  train: readonly Request[];
  calibrate: readonly Request[];
  test: readonly number[];
}

interface Repetition {
  svc: string;
  base: readonly Request[];
  more: readonly Variation[];
  prng: Prng;
  /** Requests that were taken. */
  at: number;
}

/** Repeats each stream to so many `requests`. */
export async function scaleOf(
  set: QualitySet,
  requests: number,
  options: ReplayOptions & { seconds: () => number },
): Promise<ScaleReport> {
  const parts = partsOf(set);
  const arms: ScaleArm[] = [];
  for (const count of [0, requests]) arms.push(await armOf(set, parts, count, options));
  return rounded({ services: [...parts.keys()], arms });
}

function partsOf(set: QualitySet): Map<string, Part> {
  const isNormal = (row: number) => set.labels[row]?.attack === false;
  const largest = [...rowsByService(set)]
    .map(([svc, rows]) => ({ svc, rows, normals: rows.filter(isNormal).length }))
    .sort((a, b) => b.normals - a.normals)
    .slice(0, SERVICES);
  return new Map(
    largest.map(({ svc, rows }) => {
      const isLearnt = (row: number) => isNormal(row) && set.labels[row]?.phase === "learn";
      const learn = rows.filter(isLearnt).map((row) => set.requests[row] as Request);
      const base = Math.min(BASE, Math.floor(BASE_SHARE * learn.length));
      const test = rows.filter((row) => set.labels[row]?.phase === "test");
      return [svc, { train: learn.slice(0, base), calibrate: learn.slice(base), test }];
    }),
  );
}

/** Each service learns its requests once and then again, varied, up to `count`. */
async function armOf(
  set: QualitySet,
  parts: ReadonlyMap<string, Part>,
  count: number,
  options: ReplayOptions & { seconds: () => number },
): Promise<ScaleArm> {
  const { core, priorOf, seconds } = options;
  const judge = new Judge(core);
  const replay: Replay = { verdicts: [], unjudged: 0 };
  let [spent, fed] = [0, 0];
  for (const services of byPrior(parts.keys(), priorOf)) {
    const mesh = await openMesh(services, options);
    const own = new Map(services.map((svc) => [svc, parts.get(svc) as Part]));
    const start = seconds();
    fed += await teach(mesh, own, ({ train }) => train, count);
    await mesh.train();
    fed += await teach(mesh, own, ({ calibrate }) => calibrate, Math.round(CALIBRATION_SHARE * count));
    spent += seconds() - start;
    await mesh.train();
    await mesh.settle();
    for (const [svc, { test }] of own) scoreRows(mesh, judge, set.requests, svc, test, replay);
  }
  const learnt = [...parts.values()].map(({ train }) => Math.max(count, train.length));
  return {
    learnt: [Math.min(...learnt), Math.max(...learnt)],
    ...figuresOf(scoredOf(set, replay.verdicts)),
    ...{ seconds: spent, requestsPerSecond: Math.round(fed / spent) },
  };
}

/** Returns how many requests were fed. Services go side by side, a chunk at a time. */
async function teach(
  mesh: BenchMesh,
  parts: ReadonlyMap<string, Part>,
  pick: (part: Part) => readonly Request[],
  count: number,
): Promise<number> {
  const streams = [...parts].map(([svc, part], i): Repetition => {
    const base = pick(part);
    return { svc, base, more: base.map((request) => new Variation(request)), prng: new Prng(SEED + i), at: 0 };
  });
  let fed = 0;
  for (let left = streams; left.length > 0; left = left.filter(({ base, at }) => at < Math.max(count, base.length))) {
    for (const stream of left) {
      const until = Math.min(stream.at + CHUNK, Math.max(count, stream.base.length));
      fed += until - stream.at;
      mesh.feed(stream.svc, repeated(stream, until));
    }
    await mesh.settle();
  }
  return fed;
}

/** The next requests of a stream, made as they are taken: at first as they were, then varied. */
function* repeated(stream: Repetition, until: number): Generator<Request> {
  const { base, more, prng } = stream;
  for (; stream.at < until; stream.at++) {
    yield base[stream.at] ?? (more[stream.at % base.length] as Variation).next(prng);
  }
}
