// The audit trail as the edge uses it: refusals, within a budget for each listener, so that a flood of them is counted
// and neither fills the disk nor pushes out what was done; and reading. Changes enter the trail where they are made.

import type { AuditEntry } from "./domain.ts";
import type { Observer } from "./events.ts";
import type { Clock } from "./ports/clock.ts";
import type { Audit, Refusal } from "./seams.ts";
import { appendAudit, auditHead, keepAuditEntries, readAudit } from "./store/audit.ts";
import type { Store } from "./store/store.ts";

/** So many refusals of a listener are entered at once, then one each so long: at most 8,640 a day. */
export const REFUSALS_BURST = 30;
export const REFUSAL_EVERY_MS = 10_000;
/** The head goes to the log this often, where it has moved. */
export const HEAD_EVERY_MS = 60_000;

export interface AuditLinks {
  store: Store;
  clock: Clock;
  observe: Observer;
}

interface Budget {
  left: number;
  sinceMs: number;
  suppressed: number;
}

export class AuditTrail implements Audit {
  readonly #links: AuditLinks;
  readonly #budgets = new Map<Refusal["listener"], Budget>();
  #toldSeq = 0;
  #stop: (() => void) | undefined;

  private constructor(links: AuditLinks) {
    this.#links = links;
  }

  /** Keeps the newest `most` entries from now on. */
  static async open(links: AuditLinks, most: number): Promise<AuditTrail> {
    await links.store.transact((transaction) => keepAuditEntries(transaction, most));
    return new AuditTrail(links);
  }

  /** Tells the head from now on, until `stop`. */
  start(): void {
    this.#stop ??= this.#links.clock.every(HEAD_EVERY_MS, () => this.#tellHead());
  }

  /** Tells the head once more. */
  stop(): void {
    this.#stop?.();
    this.#stop = undefined;
    this.#tellHead();
  }

  refuse({ listener, ...refusal }: Refusal): boolean {
    const { store, clock, observe } = this.#links;
    const budget = this.#budgetOf(listener);
    observe({ kind: "refused", listener, entered: budget.left > 0 });
    if (budget.left === 0) {
      budget.suppressed++;
      return false;
    }
    budget.left--;
    const { suppressed } = budget;
    budget.suppressed = 0;
    const record = { ...refusal, outcome: "refused", before: "", after: "", suppressed } as const;
    store
      .transact((transaction) => appendAudit(transaction, clock.nowMs(), record))
      .catch((error: unknown) => {
        budget.suppressed += suppressed + 1;
        observe({ kind: "task-failed", task: "audit.refuse", detail: String(error) });
      });
    return true;
  }

  list(before: number, count: number): AuditEntry[] {
    return readAudit(this.#links.store.reader, before, count);
  }

  #budgetOf(listener: Refusal["listener"]): Budget {
    const now = this.#links.clock.nowMs();
    const held = this.#budgets.get(listener) ?? { left: REFUSALS_BURST, sinceMs: now, suppressed: 0 };
    this.#budgets.set(listener, held);
    const more = Math.floor((now - held.sinceMs) / REFUSAL_EVERY_MS);
    held.sinceMs += more * REFUSAL_EVERY_MS;
    held.left = Math.min(REFUSALS_BURST, held.left + more);
    return held;
  }

  #tellHead(): void {
    const { last, hash } = auditHead(this.#links.store.reader);
    if (last === this.#toldSeq) return;
    this.#toldSeq = last;
    this.#links.observe({ kind: "audit-head", seq: last, hash });
  }
}
