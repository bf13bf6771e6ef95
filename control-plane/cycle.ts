// One turn: store, train, publish, for the targets that have new data, or no model yet. The only scheduler of the
// trainer; rules and modes publish by themselves. A model that a filter would refuse is told and dropped, and what was
// in force stays. A target has a model from its first turn on, and one that has learnt little denies nothing.

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
import { dueOf, mayDeny } from "./train/lifecycle.ts";
import { trainModel } from "./train/model.ts";
import type { Prior } from "./train/prior.ts";
import type { TrainSettings } from "./train/settings.ts";
import { type Thresholds, thresholdsOf } from "./train/threshold.ts";
import type { UsualScores } from "./train/usual-scores.ts";

const SWEEP_EVERY_MS = 3_600_000;
/** A node that was silent for longer than the horizon, and a day for skew, can send nothing that would be merged. */
const QUIET_MS = HORIZON_MS + DAY_MS;
/** What scores of models before count for beside the newest: a half after five, so that a target may change. */
const SCORES_KEPT = 7 / 8;
/** And how finely that is kept: a single high score must not be gone with the next model. */
const SCORE_PARTS = 256;

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
  /** What scores are usual by public traffic. */
  usual: UsualScores;
  /** The trainer; another one only to see that what it should not make is refused. */
  train?: (days: readonly DayMoments[], prior: Prior, core: Core, attack?: AttackTable | undefined) => Model;
  observe?: Observer;
}

type Days = ReturnType<typeof readDays>;

export class Cycle {
  readonly #links: CycleLinks;
  /** Revision of the statistics at the last look. */
  readonly #seen = new Map<Target, number>();
  #stops: (() => void)[] = [];
  #running: Promise<void> | undefined;

  constructor(links: CycleLinks) {
    this.#links = links;
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
    for (const { record, revision } of changed) {
      await this.#told(`train ${record.target}`, () => this.#step(record));
      this.#seen.set(record.target, revision);
    }
  }

  async #step(record: WorkloadRecord): Promise<void> {
    const { store, settings, clock } = this.#links;
    const days = readDays(store.reader, record.target);
    const live = liveModels(record);
    const total = days.reduce((sum, day) => addStatistics(sum, day.statistics, live), emptyStatistics());
    const { current, candidate } = record;
    const waiting = candidate ? { modelId: candidate.model.modelId, learnt: candidate.basis.learnt } : undefined;
    const due = dueOf({ current: current?.basis, candidate: waiting }, total, settings, clock.nowMs());
    if (due === "calibrate" && candidate !== null) await this.#promote(record, candidate, total);
    if (due === "first") await this.#begin(record, days);
    if (due === "train") await this.#train(record, days);
  }

  /** From what there is, and be it the prior alone; reports at once, since what is usual ships with us. */
  async #begin(record: WorkloadRecord, days: Days): Promise<void> {
    const { core, settings, usual, observe } = this.#links;
    const { target, scores } = record;
    const { model, basis } = this.#trained(days);
    const { alertThreshold } = thresholdsOf(scores, basis.learnt, usual, settings, core);
    // It has scored nothing of this target.
    const thresholds: Thresholds = { alertThreshold, denyThreshold: 0 };
    const current: TrainedModel = { model: { ...model, ...thresholds }, basis };
    if (!(await this.#replace(record, { current, candidate: null }))) return;
    const { modelId } = model;
    observe?.({ kind: "model-trained", target, modelId, learnt: basis.learnt });
    observe?.({ kind: "model-promoted", target, modelId, ...thresholds });
  }

  async #train(record: WorkloadRecord, days: Days): Promise<void> {
    const { observe } = this.#links;
    const { target } = record;
    const candidate = this.#trained(days);
    const { modelId } = candidate.model;
    if (modelId === record.current?.model.modelId) return;
    if (!(await this.#replace(record, { candidate }))) return;
    observe?.({ kind: "model-trained", target, modelId, learnt: candidate.basis.learnt });
  }

  #trained(days: Days): TrainedModel {
    const { core, clock, prior, attack, train = trainModel } = this.#links;
    const input = days.map(({ day, statistics: { moments, contexts, routes } }) => ({
      day,
      moments,
      contexts,
      routes,
    }));
    return { model: train(input, prior, core, attack), basis: { learnt: learntOf(input), trainedAtMs: clock.nowMs() } };
  }

  async #promote(record: WorkloadRecord, candidate: TrainedModel, total: Statistics): Promise<void> {
    const { observe } = this.#links;
    const { target } = record;
    const { modelId } = candidate.model;
    const scores = withNewest(record.scores, total.scores[modelId] ?? []);
    const thresholds = this.#calibrated(scores, candidate.basis.learnt);
    const current: TrainedModel = { ...candidate, model: { ...candidate.model, ...thresholds } };
    if (await this.#replace(record, { current, candidate: null, scores })) {
      observe?.({ kind: "model-promoted", target, modelId, ...thresholds });
      return;
    }
    // What cannot be published would be tried for ever.
    await this.#replace(record, { candidate: null });
  }

  /** A young model reports, and denies nothing. */
  #calibrated(scores: readonly number[], learnt: number): Thresholds {
    const { core, settings, usual } = this.#links;
    const thresholds = thresholdsOf(scores, learnt, usual, settings, core);
    return mayDeny(learnt, settings) ? thresholds : { ...thresholds, denyThreshold: 0 };
  }

  /** Changes the models of a workload; false where the filters would refuse the result, which is told. */
  async #replace(
    record: WorkloadRecord,
    models: Partial<Pick<WorkloadRecord, "current" | "candidate" | "scores">>,
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

/** The scores of models before, for less, and those of the newest. */
function withNewest(scores: readonly number[] | undefined, newest: readonly number[]): number[] {
  const kept = (count: number) => Math.floor(SCORES_KEPT * SCORE_PARTS * count) / SCORE_PARTS;
  return newest.map((count, bucket) => kept(scores?.[bucket] ?? 0) + count);
}
