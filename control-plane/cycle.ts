// One turn: store, train, publish, for the targets that have new data. The only scheduler of the trainer; rules and
// modes publish by themselves. A model that a filter would refuse is told and dropped, and what was in force stays.

import type { Core } from "./core.ts";
import type { AttackTable, Model, Statistics, Target } from "./domain.ts";
import { ControlPlaneError } from "./errors.ts";
import type { Observer } from "./events.ts";
import { type DedupeRecord, isQuiet } from "./ingest/dedupe.ts";
import { HORIZON_MS } from "./ingest/ingest.ts";
import type { Clock } from "./ports/clock.ts";
import type { Publication } from "./publication.ts";
import {
  DAY_MS,
  DEDUPE_PREFIX,
  emptyWindows,
  liveModels,
  readDays,
  strataPrefix,
  type TrainedModel,
  type WindowsRecord,
  WORKLOADS_PREFIX,
  type WorkloadRecord,
  windowsKey,
  workloadKey,
} from "./store/records.ts";
import { addCounts, addStatistics, emptyStatistics } from "./store/statistics.ts";
import type { Store } from "./store/store.ts";
import { AGE_WEIGHTS, type DayMoments, learntOf } from "./train/aggregate.ts";
import { scoredBy } from "./train/confidence.ts";
import { dueOf } from "./train/lifecycle.ts";
import { MeshScores } from "./train/mesh.ts";
import { trainModel } from "./train/model.ts";
import type { Prior } from "./train/prior.ts";
import type { TrainSettings } from "./train/settings.ts";

const SWEEP_EVERY_MS = 3_600_000;
/** A node that was silent for longer than the horizon, and a day for skew, can send nothing that would be merged. */
const QUIET_MS = HORIZON_MS + DAY_MS;

export interface CycleLinks {
  store: Store;
  core: Core;
  clock: Clock;
  publication: Publication;
  prior: Prior;
  /** The publication's own. */
  attack: AttackTable | undefined;
  settings: TrainSettings;
  trainEveryMs: number;
  /** What scores are usual over all targets; one that is kept elsewhere only to be looked at. */
  mesh?: MeshScores;
  /** The trainer; another one only to see that what it should not make is refused. */
  train?: (
    days: readonly DayMoments[],
    prior: Prior,
    core: Core,
    attack?: AttackTable | undefined,
  ) => Model | undefined;
  observe?: Observer;
}

export class Cycle {
  readonly #links: CycleLinks;
  readonly #mesh: MeshScores;
  /** Revision of the statistics at the last look. */
  readonly #seen = new Map<Target, number>();
  #stops: (() => void)[] = [];
  #running: Promise<void> | undefined;

  constructor(links: CycleLinks) {
    this.#links = links;
    this.#mesh = links.mesh ?? new MeshScores();
  }

  start(): void {
    const { clock, trainEveryMs } = this.#links;
    this.#stops = [
      clock.every(trainEveryMs, () => void this.turn()),
      clock.every(SWEEP_EVERY_MS, () => void this.sweep()),
    ];
  }

  /** No turn begins any more; resolves when the one that runs is over. */
  async stop(): Promise<void> {
    for (const stop of this.#stops) stop();
    this.#stops = [];
    await this.#running;
  }

  /**
   * One turn over all targets with new data. A turn that comes while one runs joins it. Never rejects: what fails is
   * told.
   */
  turn(): Promise<void> {
    this.#running ??= this.#turn().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #turn(): Promise<void> {
    const { reader } = this.#links.store;
    const changed: { record: WorkloadRecord; revision: number }[] = [];
    for (const { value: record } of reader.range<WorkloadRecord>(WORKLOADS_PREFIX)) {
      const { revision } = reader.get<WindowsRecord>(windowsKey(record.target)) ?? emptyWindows();
      if (this.#seen.get(record.target) !== revision) changed.push({ record, revision });
    }
    // First what all of them scored, then each: no target's threshold depends on its place in the row.
    for (const { record } of changed) this.#noteScores(record);
    for (const { record, revision } of changed) {
      await this.#told(`train ${record.target}`, () => this.#step(record));
      this.#seen.set(record.target, revision);
    }
  }

  /** Of the candidate as soon as it could be calibrated, else of the model that judges. */
  #noteScores(record: WorkloadRecord): void {
    const total = this.#total(record, readDays(this.#links.store.reader, record.target));
    for (const trained of [record.candidate, record.current]) {
      const modelId = trained?.model.modelId;
      if (modelId === undefined || scoredBy(total, modelId) < this.#links.settings.calibrationRequestsMin) continue;
      this.#mesh.note(record.target, total.scores[modelId] ?? []);
      return;
    }
  }

  #total(record: WorkloadRecord, days: ReturnType<typeof readDays>): Statistics {
    const live = liveModels(record);
    return days.reduce((sum, day) => addStatistics(sum, day.statistics, live), emptyStatistics());
  }

  async #step(record: WorkloadRecord): Promise<void> {
    const { store, settings, clock } = this.#links;
    const days = readDays(store.reader, record.target);
    const total = this.#total(record, days);
    const state = { current: record.current?.basis, candidate: record.candidate?.model };
    const due = dueOf({ current: state.current, candidate: state.candidate }, total, settings, clock.nowMs());
    if (due === "calibrate" && record.candidate !== null) await this.#promote(record, record.candidate, total);
    if (due === "train") {
      await this.#train(
        record,
        days.map(({ day, statistics: { moments, contexts } }) => ({ day, moments, contexts })),
      );
    }
  }

  async #train(record: WorkloadRecord, days: DayMoments[]): Promise<void> {
    const { core, clock, prior, attack, observe, train = trainModel } = this.#links;
    const { target } = record;
    const learnt = learntOf(days);
    const model = train(days, prior, core, attack);
    if (model === undefined || model.modelId === record.current?.model.modelId) return;
    const candidate: TrainedModel = { model, basis: { learnt, trainedAtMs: clock.nowMs() } };
    if (!(await this.#replace(record, { candidate }))) return;
    observe?.({ kind: "model-trained", target, modelId: model.modelId, learnt });
  }

  async #promote(record: WorkloadRecord, candidate: TrainedModel, total: Statistics): Promise<void> {
    const { core, settings, observe } = this.#links;
    const { target } = record;
    const { modelId } = candidate.model;
    const thresholds = this.#mesh.thresholdsOf(total.scores[modelId] ?? [], settings, core);
    if (thresholds === undefined) return;
    const current: TrainedModel = { ...candidate, model: { ...candidate.model, ...thresholds } };
    if (await this.#replace(record, { current, candidate: null })) {
      observe?.({ kind: "model-promoted", target, modelId, ...thresholds });
      return;
    }
    // What cannot be published would be tried for ever.
    await this.#replace(record, { candidate: null });
  }

  /** Changes the models of a workload; false where the filters would refuse the result, which is told. */
  async #replace(
    record: WorkloadRecord,
    models: Partial<Pick<WorkloadRecord, "current" | "candidate">>,
  ): Promise<boolean> {
    const { publication, observe } = this.#links;
    const { target } = record;
    try {
      await publication.change(target, (transaction) => {
        const now = transaction.get<WorkloadRecord>(workloadKey(target)) ?? record;
        transaction.put(workloadKey(target), { ...now, ...models });
      });
      return true;
    } catch (error) {
      if (!(error instanceof ControlPlaneError) || error.code !== "FAILED_PRECONDITION") throw error;
      observe?.({ kind: "publication-refused", target, detail: error.message });
      return false;
    }
  }

  /** Forgets nodes that cannot come back with anything, and days that no model is trained from; their counts stay. */
  sweep(): Promise<void> {
    return this.#told("sweep", async () => {
      await this.#forgetNodes();
      for (const { value } of this.#links.store.reader.range<WorkloadRecord>(WORKLOADS_PREFIX)) {
        await this.#retireDays(value.target);
      }
    });
  }

  async #forgetNodes(): Promise<void> {
    const { store, clock } = this.#links;
    await store.transact((transaction) => {
      const sinceMs = clock.nowMs() - QUIET_MS;
      for (const { key, value } of transaction.range<DedupeRecord>(DEDUPE_PREFIX)) {
        if (isQuiet(value, sinceMs)) transaction.remove(key);
      }
    });
  }

  async #retireDays(target: Target): Promise<void> {
    await this.#links.store.transact((transaction) => {
      const prefix = strataPrefix(target);
      const entries = transaction.range<Statistics>(prefix);
      const dayOf = (key: string) => Number(key.slice(prefix.length).split("/")[0]);
      const newest = Math.max(...entries.map(({ key }) => dayOf(key)));
      const old = entries.filter(({ key }) => newest - dayOf(key) >= AGE_WEIGHTS.length);
      if (old.length === 0) return;
      const windows = transaction.get<WindowsRecord>(windowsKey(target)) ?? emptyWindows();
      const retired = old.reduce((sum, { value }) => addCounts(sum, value.counts), windows.retired);
      for (const { key } of old) transaction.remove(key);
      transaction.put(windowsKey(target), { ...windows, retired, revision: windows.revision + 1 });
    });
  }

  async #told(task: string, run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      this.#links.observe?.({ kind: "task-failed", task, detail });
    }
  }
}
