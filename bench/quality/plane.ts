// The control plane in process, as core.ts puts it together: disk in memory, a clock moved by the bench, seeded chance.
// Windows come in and snapshots go out through its sidecar service; nothing reaches around it.

import type { Core } from "../../control-plane/core.ts";
import { Cycle, type CycleLinks } from "../../control-plane/cycle.ts";
import type { Mode, Model, Statistics, Target } from "../../control-plane/domain.ts";
import type { ControlPlaneEvent } from "../../control-plane/events.ts";
import { WindowIngest } from "../../control-plane/ingest/ingest.ts";
import { SILENT } from "../../control-plane/log.ts";
import { Metrics } from "../../control-plane/metrics.ts";
import { Publication } from "../../control-plane/publication.ts";
import { Denials } from "../../control-plane/server/denials.ts";
import { Nodes } from "../../control-plane/server/nodes.ts";
import { Sidecars } from "../../control-plane/server/sidecar.ts";
import { GroupStore } from "../../control-plane/store/group.ts";
import {
  MESH_KEY,
  type MeshRecord,
  readDays,
  type WorkloadRecord,
  workloadKey,
} from "../../control-plane/store/records.ts";
import { addStatistics, emptyStatistics } from "../../control-plane/store/statistics.ts";
import type { Disk } from "../../control-plane/store/store.ts";
import { trainModel } from "../../control-plane/train/model.ts";
import { TRAIN_DEFAULTS, type TrainSettings } from "../../control-plane/train/settings.ts";
import { thresholdsOf } from "../../control-plane/train/threshold.ts";
import { WorkloadBook } from "../../control-plane/workloads.ts";
import { Prng } from "../../test/support/prng.ts";
import { BenchClock } from "./clock.ts";
import { MemoryDisk } from "./disk.ts";
import { silenced, type Voices } from "./heads.ts";
import type { Start } from "./priors.ts";

export const MESH = "bench";
/** The shortest windows and pulses there may be: time costs turns of the emulated hosts. */
export const WINDOW_MS = 1_000;
export const PULSE_MS = 1_000;
const SEED = 20_260_101;
/** Target of the looser threshold that is reported beside the default one. */
const LOOSE_FPR = 0.01;

/**
 * The defaults, but that the protocol says when a model is due: its services have some hundreds of requests, far fewer
 * than a mesh would wait for, so every bound on when is at its lowest.
 */
export const SETTINGS: TrainSettings = {
  ...TRAIN_DEFAULTS,
  learnRequestsMin: 10,
  calibrationRequestsMin: 10,
  retrainGrowthPercent: 1,
};

/** A model that judges, and the product's thresholds for it, from the same scores. */
export interface Deployed {
  readonly modelId: string;
  /** Requests that it was trained from; 0: the prior alone. */
  readonly learnt: number;
  /** For an alert target of 1 %. */
  readonly thr1: number;
  /** For one of 0.1 %, the default. */
  readonly thr01: number;
  /** For the default deny target; 0 as long as too little was learnt to deny. */
  readonly deny: number;
}

export interface PlaneOptions extends Voices, Start {
  core: Core;
  mode: Mode;
  /** In memory unless told. */
  disk?: Disk;
  /** Another trainer, only to see that the measurements notice. */
  train?: CycleLinks["train"];
}

export class BenchPlane {
  readonly clock: BenchClock;
  readonly sidecars: Sidecars;
  readonly nodes: Nodes;
  readonly publication: Publication;
  /** As all sidecars of the mesh have it. */
  readonly attack: Start["attack"];
  /** Tasks that failed, publications that were refused, windows that were not merged. */
  readonly faults: string[] = [];
  readonly #core: Core;
  readonly #store: GroupStore;
  readonly #cycleLinks: CycleLinks;
  readonly #usual: Start["usual"];
  readonly #deployed = new Map<Target, Deployed>();
  readonly #seen = new Map<Target, number>();

  private constructor(options: PlaneOptions, store: GroupStore, publication: Publication, clock: BenchClock) {
    const { core, prior, attack, usual, mode, train = trainModel } = options;
    const observe = (event: ControlPlaneEvent) => this.#observe(event);
    this.clock = clock;
    this.#core = core;
    this.#store = store;
    this.attack = attack;
    this.#usual = usual;
    this.publication = publication;
    const workloads = new WorkloadBook({ store, clock, publication, settings: SETTINGS, defaultMode: mode, observe });
    this.nodes = new Nodes(clock);
    this.#cycleLinks = {
      ...{
        store,
        core,
        clock,
        publication,
        prior,
        attack,
        usual,
        settings: SETTINGS,
        trainEveryMs: 1_000,
        observe,
      },
      train: (...input) => {
        const model = train(...input);
        return model && silenced(model, options, core);
      },
    };
    const metrics = new Metrics({
      eventLoopDelay: () => ({ p99: 0, max: 0 }),
      memory: () => ({ resident: 0, heap: 0 }),
      cpuSeconds: () => 0,
    });
    const ingest = new WindowIngest({
      ...{ store, core, clock },
      observe: ({ target, statistics }, outcome, detail) => {
        if (outcome !== "merged") this.faults.push(`window of ${target}: ${outcome} ${detail}`);
        this.#seen.set(target, this.seen(target) + statistics.counts.seen);
      },
    });
    this.sidecars = new Sidecars({
      ...{ clock, random: seeded(), ingest, workloads, snapshots: publication, nodes: this.nodes },
      ...{ denials: new Denials(metrics), metrics, log: SILENT, mesh: MESH, pulseMs: PULSE_MS },
      bans: { has: () => false },
      audit: { refuse: ({ detail }) => this.faults.push(`refused: ${detail}`) > 0 },
      diskFailed: (error) => this.faults.push(`disk: ${error}`),
    });
  }

  static async open(options: PlaneOptions): Promise<BenchPlane> {
    const store = new GroupStore(options.disk ?? new MemoryDisk());
    const clock = new BenchClock();
    const publication = await Publication.open({
      ...{ store, core: options.core, clock, random: seeded(), mesh: MESH, windowMs: WINDOW_MS, pulseMs: PULSE_MS },
      ...{ oversize: "allow", signingKey: undefined, attack: options.attack },
    });
    return new BenchPlane(options, store, publication, clock);
  }

  #observe(event: ControlPlaneEvent): void {
    if (event.kind === "task-failed") this.faults.push(`${event.task}: ${event.detail}`);
    if (event.kind === "publication-refused") this.faults.push(`publication of ${event.target}: ${event.detail}`);
  }

  /**
   * What a minute of the trainer's turns would do: calibrated candidates judge, then candidates are trained that are
   * due. Two turns, since one does one of the two; each by a cycle that has seen nothing yet, as after a restart.
   */
  async train(targets: Iterable<Target>): Promise<void> {
    await new Cycle(this.#cycleLinks).turn();
    await new Cycle(this.#cycleLinks).turn();
    for (const target of targets) this.#note(target);
  }

  /** Reads thresholds where a model has just been put in force: the scores are still those it was promoted by. */
  #note(target: Target): void {
    const record = this.#record(target);
    const current = record?.current;
    if (!current || this.#deployed.get(target)?.modelId === current.model.modelId) return;
    const { modelId, alertThreshold, denyThreshold } = current.model;
    const { learnt } = current.basis;
    const at = (alertFpr: number) =>
      thresholdsOf(record.scores, learnt, this.#usual, { ...SETTINGS, alertFpr }, this.#core);
    const [loose, strict] = [at(LOOSE_FPR), at(SETTINGS.alertFpr)];
    const deny = learnt < SETTINGS.learnRequestsMin ? 0 : strict.denyThreshold;
    if (strict.alertThreshold !== alertThreshold || denyThreshold !== deny) {
      const told = `${alertThreshold}, ${denyThreshold}`;
      throw new Error(`thresholds of ${target}: ${told}, must be ${strict.alertThreshold}, ${deny} by its scores`);
    }
    this.#deployed.set(target, { modelId, learnt, thr1: loose.alertThreshold, thr01: alertThreshold, deny });
  }

  /** What windows have told so far, with the scores of one model. */
  statistics(target: Target, modelId: string): Statistics {
    const days = readDays(this.#store.reader, target);
    const live = new Set([modelId]);
    return days.reduce((sum, day) => addStatistics(sum, day.statistics, live), emptyStatistics());
  }

  /** The model in force; undefined before the first. */
  model(target: Target): Model | undefined {
    return this.#record(target)?.current?.model;
  }

  #record(target: Target): WorkloadRecord | undefined {
    return this.#store.reader.get<WorkloadRecord>(workloadKey(target));
  }

  /** Keys that contexts are hashed with, in all sidecars of the mesh. */
  get hashKeys(): MeshRecord["hashKeys"] {
    const record = this.#store.reader.get<MeshRecord>(MESH_KEY);
    if (record === undefined) throw new Error("mesh: no record, not opened");
    return record.hashKeys;
  }

  deployed(target: Target): Deployed | undefined {
    return this.#deployed.get(target);
  }

  /** Requests that merged windows have told of. */
  seen(target: Target): number {
    return this.#seen.get(target) ?? 0;
  }
}

function seeded() {
  const prng = new Prng(SEED);
  return { bytes: (size: number) => prng.bytes(size), unit: () => prng.next() / 2 ** 32 };
}
