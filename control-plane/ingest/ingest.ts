// Takes windows in: plausible, not seen before, inside the horizon, then merged into the stratum of its node. The
// dedupe record, the stratum and the counters of a window are written in one transaction, and its outcome is told when
// that is flushed. A window is merged at most once, whatever is sent again; after a failed write nothing is told at
// all.

import type { Core } from "../core.ts";
import type { Statistics, WindowOutcome, WindowReport } from "../domain.ts";
import type { Clock } from "../ports/clock.ts";
import type { Ingest } from "../seams.ts";
import {
  DAY_MS,
  dedupeKey,
  emptyWindows,
  liveModels,
  strataPrefix,
  stratumKey,
  stratumOf,
  type WindowsRecord,
  type WorkloadRecord,
  windowsKey,
  workloadKey,
} from "../store/records.ts";
import { addStatistics, emptyStatistics } from "../store/statistics.ts";
import type { Store, Transaction } from "../store/store.ts";
import { type DedupeRecord, takeWindow } from "./dedupe.ts";
import { implausible } from "./plausible.ts";

/** Windows that start earlier are too late. */
export const HORIZON_MS = 7 * DAY_MS;
/** How far a sidecar's clock may be ahead, and how far a window's day follows its clock. */
export const SKEW_MS = 5 * 60_000;

export interface IngestLinks {
  store: Store;
  core: Core;
  clock: Clock;
  /** Told after the outcome is on disk; `detail` says what was implausible. */
  observe?: (report: WindowReport, outcome: WindowOutcome, detail: string) => void;
}

export class WindowIngest implements Ingest {
  readonly #links: IngestLinks;

  constructor(links: IngestLinks) {
    this.#links = links;
  }

  async accept(report: WindowReport): Promise<WindowOutcome> {
    const { store, core, clock, observe } = this.#links;
    const fault = implausible(report, core);
    let detail = fault ?? "";
    const outcome = await store.transact((transaction) => {
      if (fault !== undefined) return count(transaction, report, "invalid", 0);
      try {
        return admit(transaction, report, clock.nowMs());
      } catch (error) {
        // Its numbers do not fit on top of what is there. Nothing was put yet.
        if (!(error instanceof RangeError)) throw error;
        detail = error.message;
        return count(transaction, report, "invalid", 0);
      }
    });
    observe?.(report, outcome, detail);
    return outcome;
  }

  /**
   * Takes out of every day what the stratum of this node brought: the node's share, and that of the others in its
   * stratum, as if they had never reported. Windows already taken stay known, so a repetition does not bring them back.
   * Resolves with the records removed.
   */
  withdraw(target: string, node: string): Promise<number> {
    return this.#links.store.transact((transaction) => {
      const end = `/${String(stratumOf(node)).padStart(2, "0")}`;
      const entries = transaction.range(strataPrefix(target)).filter(({ key }) => key.endsWith(end));
      for (const { key } of entries) transaction.remove(key);
      if (entries.length > 0) bump(transaction, target);
      return entries.length;
    });
  }
}

function admit(transaction: Transaction, report: WindowReport, nowMs: number): WindowOutcome {
  const key = dedupeKey(report.identity, report.node);
  const taken = takeWindow(transaction.get<DedupeRecord>(key), report, nowMs);
  let outcome: WindowOutcome = "duplicate";
  if (taken.fresh) outcome = inHorizon(report.startMs, nowMs) ? "merged" : "expired";
  if (outcome === "merged") merge(transaction, report, nowMs);
  transaction.put(key, taken.record);
  return count(transaction, report, outcome, taken.droppedMore);
}

function inHorizon(startMs: number, nowMs: number): boolean {
  return startMs >= nowMs - HORIZON_MS && startMs <= nowMs + SKEW_MS;
}

/** Throws RangeError where a sum would pass 2^53 - 1; then nothing was put. */
function merge(transaction: Transaction, report: WindowReport, nowMs: number): void {
  const { target, node, statistics } = report;
  const startMs = Math.min(Math.max(report.startMs, nowMs - SKEW_MS), nowMs + SKEW_MS);
  const key = stratumKey(target, Math.floor(startMs / DAY_MS), stratumOf(node));
  const live = liveModels(transaction.get<WorkloadRecord>(workloadKey(target)));
  const held = transaction.get<Statistics>(key) ?? emptyStatistics();
  transaction.put(key, addStatistics(held, statistics, live));
}

function count(
  transaction: Transaction,
  report: WindowReport,
  outcome: WindowOutcome,
  droppedMore: number,
): WindowOutcome {
  const key = windowsKey(report.target);
  const windows = transaction.get<WindowsRecord>(key) ?? emptyWindows();
  const changes = outcome === "merged" ? 1 : 0;
  transaction.put(key, {
    ...windows,
    [outcome]: windows[outcome] + 1,
    dropped: windows.dropped + droppedMore,
    revision: windows.revision + changes,
  });
  return outcome;
}

/** Tells readers of the statistics that they changed. */
function bump(transaction: Transaction, target: string): void {
  const key = windowsKey(target);
  const windows = transaction.get<WindowsRecord>(key) ?? emptyWindows();
  transaction.put(key, { ...windows, revision: windows.revision + 1 });
}
