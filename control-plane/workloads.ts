// The workloads that sidecars have named: their mode, what was learnt of them, how sure we are. Read straight from the
// store; the sum over days and strata is kept until the store has more.

import type { Author, Mode, Statistics, Target } from "./domain.ts";
import { ControlPlaneError, invalid } from "./errors.ts";
import type { Observer } from "./events.ts";
import type { Clock } from "./ports/clock.ts";
import type { Publication } from "./publication.ts";
import type { Workload, Workloads } from "./seams.ts";
import { appendChange } from "./store/audit.ts";
import {
  emptyWindows,
  liveModels,
  readDays,
  type WindowsRecord,
  WORKLOADS_PREFIX,
  type WorkloadRecord,
  windowsKey,
  workloadKey,
} from "./store/records.ts";
import { addCounts, addStatistics, emptyStatistics } from "./store/statistics.ts";
import type { Store } from "./store/store.ts";
import { confidenceOf } from "./train/confidence.ts";
import type { TrainSettings } from "./train/settings.ts";

/** Named by sidecars, which are bound to their own namespaces: far above a mesh's size, a bound against a fault. */
const WORKLOADS_MAX = 10_000;
const TARGET = /^[^\s/]+\/[^\s/]+$/;
const TARGET_BYTES_MAX = 256;
/** Who changes what nobody asked for. */
const OURSELVES: Author = { identity: "control-plane", method: "" };

export interface WorkloadsLinks {
  store: Store;
  clock: Clock;
  publication: Publication;
  settings: TrainSettings;
  /** Of a workload that is seen for the first time. */
  defaultMode: Mode;
  observe?: Observer;
}

export class WorkloadBook implements Workloads {
  readonly #links: WorkloadsLinks;
  readonly #known: Set<Target>;
  readonly #sums = new Map<Target, { revision: number; models: string; statistics: Statistics }>();

  constructor(links: WorkloadsLinks) {
    this.#links = links;
    this.#known = new Set(this.#records().map(({ target }) => target));
  }

  list(): Workload[] {
    return this.#records().map((record) => this.#describe(record));
  }

  get(target: Target): Workload | undefined {
    const record = this.#links.store.reader.get<WorkloadRecord>(workloadKey(target));
    return record === undefined ? undefined : this.#describe(record);
  }

  async setMode(target: Target, mode: Mode, etag: string, author: Author = OURSELVES): Promise<Workload> {
    const { publication, clock, observe } = this.#links;
    const changed = await publication.change(target, (transaction) => {
      const record = transaction.get<WorkloadRecord>(workloadKey(target));
      if (record === undefined) throw notFound(target);
      if (etag !== "" && etag !== etagOf(record)) {
        const message = `etag: ${etag} of ${target}, now ${etagOf(record)}; read it again`;
        throw new ControlPlaneError("ABORTED", message, { field: "etag" });
      }
      if (record.mode === mode) return record;
      const next = { ...record, mode, modeSetAtMs: clock.nowMs(), revision: record.revision + 1 };
      transaction.put(workloadKey(target), next);
      const states = { before: { mode: record.mode }, after: { mode } };
      appendChange(transaction, next.modeSetAtMs, author, { resource: `workloads/${target}`, ...states });
      return next;
    });
    observe?.({ kind: "mode-set", target, mode });
    return this.#describe(changed);
  }

  async ensure(target: Target): Promise<void> {
    const { publication, clock, defaultMode } = this.#links;
    if (publication.current(target) !== undefined) return;
    if (!TARGET.test(target) || Buffer.byteLength(target) > TARGET_BYTES_MAX) {
      throw invalid("target", `target: ${target}, must be namespace/name of at most ${TARGET_BYTES_MAX} bytes`);
    }
    if (!this.#known.has(target) && this.#known.size >= WORKLOADS_MAX) {
      const message = `target: ${target}, ${this.#known.size} workloads are known, at most ${WORKLOADS_MAX}`;
      throw new ControlPlaneError("RESOURCE_EXHAUSTED", message, { field: "target" });
    }
    await publication.change(target, (transaction) => {
      if (transaction.get(workloadKey(target)) !== undefined) return;
      const fresh: WorkloadRecord = {
        target,
        mode: defaultMode,
        modeSetAtMs: clock.nowMs(),
        revision: 1,
        rules: 0,
        current: null,
        candidate: null,
      };
      transaction.put(workloadKey(target), fresh);
    });
    this.#known.add(target);
  }

  #records(): WorkloadRecord[] {
    return this.#links.store.reader.range<WorkloadRecord>(WORKLOADS_PREFIX).map(({ value }) => value);
  }

  #describe(record: WorkloadRecord): Workload {
    const { target, mode, modeSetAtMs, current, candidate } = record;
    const windows = this.#links.store.reader.get<WindowsRecord>(windowsKey(target)) ?? emptyWindows();
    const statistics = this.#sum(record, windows.revision);
    const { confidence, detail } = confidenceOf(
      {
        denyThreshold: current?.model.denyThreshold ?? 0,
        candidate: candidate ? { modelId: candidate.model.modelId, learnt: candidate.basis.learnt } : undefined,
      },
      statistics,
      this.#links.settings,
    );
    const { merged, duplicate, expired, dropped } = windows;
    return {
      target,
      mode,
      modeSetAtMs,
      confidence,
      confidenceDetail: detail,
      counts: addCounts(windows.retired, statistics.counts),
      windows: { merged, duplicate, expired, dropped },
      statistics,
      alertThreshold: current?.model.alertThreshold ?? 0,
      denyThreshold: current?.model.denyThreshold ?? 0,
      etag: etagOf(record),
    };
  }

  #sum(record: WorkloadRecord, revision: number): Statistics {
    const { target } = record;
    const live = liveModels(record);
    const models = [...live].join();
    const held = this.#sums.get(target);
    if (held?.revision === revision && held.models === models) return held.statistics;
    const days = readDays(this.#links.store.reader, target);
    const statistics = days.reduce((sum, day) => addStatistics(sum, day.statistics, live), emptyStatistics());
    this.#sums.set(target, { revision, models, statistics });
    return statistics;
  }
}

function etagOf(record: WorkloadRecord): string {
  return String(record.revision);
}

function notFound(target: Target): ControlPlaneError {
  return new ControlPlaneError("NOT_FOUND", `name: workloads/${target}, there is none`, { field: "name" });
}
