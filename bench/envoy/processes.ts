// What a sidecar costs as a process: CPU time and memory of an Envoy of its own, with ours against with the noop. Ours
// starts with nothing and gets its model from the control plane, as any new sidecar does.

import { setTimeout as sleep } from "node:timers/promises";
import { vedetteCluster } from "../../envoy/filter-config.ts";
import { freePorts } from "../../envoy/ports.ts";
import { type Figure, figureOf } from "../filter/measure.ts";
import { oursFilter } from "./arms.ts";
import type { Bed } from "./bed.ts";
import { Client, statusOf } from "./client.ts";
import { noopFilter } from "./config.ts";
import { ATTACK, requestOf, sequence } from "./requests.ts";
import { cpuOf, rssOf } from "./scheduler.ts";

export const WORKERS = [1, 2] as const;
type Workers = (typeof WORKERS)[number];
const FILTERS = ["noop", "ours"] as const;
type Filter = (typeof FILTERS)[number];

/** Of one process. */
interface Life {
  /** CPU time of all threads up to the first answer that tells that the filter works, in ms. */
  coldCpuMs: number;
  /** Time until then, in ms. */
  coldWallMs: number;
  /** Resident after it has served, in MiB. */
  rssMib: number;
}

export interface ProcessFigures {
  workers: Workers;
  /** ours - noop, in pairs of one after the other. */
  rssAddedMib: Figure;
  /** ours / noop. */
  coldRatio: Figure;
  noop: Record<keyof Life, Figure>;
  ours: Record<keyof Life, Figure>;
}

/** Rarely enough that the questions themselves cost next to nothing. */
const ASK_AGAIN_MS = 20;
const COLD_MS_MAX = 60_000;
const MIB = 2 ** 20;
/** So many that each worker gets some. */
const CONNECTIONS = 16;

/** `pairs` processes of each for each number of workers; each serves `requests`. */
export async function measureProcesses(bed: Bed, pairs: number, requests: number): Promise<ProcessFigures[]> {
  const figures: ProcessFigures[] = [];
  for (const workers of WORKERS) {
    const lives: Record<Filter, Life[]> = { noop: [], ours: [] };
    for (let pair = 0; pair < pairs; pair++) {
      for (const filter of pair % 2 === 0 ? FILTERS : FILTERS.toReversed()) {
        lives[filter].push(await live(bed, filter, workers, requests));
      }
    }
    const paired = (of: (noop: Life, ours: Life) => number) =>
      figureOf(lives.noop.map((noop, i) => of(noop, lives.ours[i]!)));
    figures.push({
      workers,
      rssAddedMib: paired((noop, ours) => ours.rssMib - noop.rssMib),
      coldRatio: paired((noop, ours) => ours.coldCpuMs / noop.coldCpuMs),
      ...{ noop: figuresOf(lives.noop), ours: figuresOf(lives.ours) },
    });
  }
  return figures;
}

function figuresOf(lives: readonly Life[]): Record<keyof Life, Figure> {
  const of = (name: keyof Life) => figureOf(lives.map((life) => life[name]));
  return { coldCpuMs: of("coldCpuMs"), coldWallMs: of("coldWallMs"), rssMib: of("rssMib") };
}

let started = 0;

async function live(bed: Bed, filter: Filter, workers: Workers, requests: number): Promise<Life> {
  const [port] = (await freePorts(1)) as [number];
  const options = { wasm: bed.wasm, controlPlane: bed.controlPlane() };
  const ours = filter === "ours";
  const begunMs = performance.now();
  const proxy = await bed.spawn({
    node: `${filter}-${started++}`,
    concurrency: workers,
    listeners: [{ name: filter, port, filters: [ours ? oursFilter("enforce", options) : noopFilter(bed.noop)] }],
    clusters: ours ? [vedetteCluster({ ...options, configuration: {} })] : [],
  });
  // The planted attack is denied by the first worker that has a model; the noop works as soon as it answers.
  while ((await statusOf(port, requestOf(ATTACK, 0))) !== (ours ? 403 : 200)) {
    if (!proxy.child.running) throw new Error(`${filter}: it ended: ${proxy.child.lastLines()}`);
    if (performance.now() - begunMs > COLD_MS_MAX) throw new Error(`${filter}: not working within ${COLD_MS_MAX} ms`);
    await sleep(ASK_AGAIN_MS);
  }
  const [coldCpuMs, coldWallMs] = [cpuOf(proxy.pid) / 1e6, performance.now() - begunMs];
  const client = new Client(port, CONNECTIONS);
  await client.drive(requests, sequence("mix"));
  const rssMib = rssOf(proxy.pid) / MIB;
  client.close();
  await proxy.stop();
  return { coldCpuMs, coldWallMs, rssMib };
}
