// Where server/ meets the rest: what the gRPC edge asks of ingest, workloads, rules and snapshots. server/ knows these
// and nothing behind them.

import type {
  AuditEntry,
  Author,
  Ban,
  Counts,
  Mode,
  Rule,
  RuleMatch,
  Snapshot,
  Statistics,
  Target,
  WindowOutcome,
  WindowReport,
} from "./domain.ts";

export interface Ingest {
  /** Resolves when the window is on disk, or was before. Rejects when the disk failed: no ack may follow. */
  accept(report: WindowReport): Promise<WindowOutcome>;
}

export type Confidence = "learning" | "calibrating" | "insufficient-callers" | "confident";

export interface Workload {
  target: Target;
  mode: Mode;
  modeSetAtMs: number;
  confidence: Confidence;
  confidenceDetail: string;
  counts: Counts;
  windows: { merged: number; duplicate: number; expired: number; dropped: number };
  statistics: Statistics;
  alertThreshold: number;
  denyThreshold: number;
  etag: string;
}

export interface Workloads {
  list(): Workload[];
  get(target: Target): Workload | undefined;
  /** Throws NOT_FOUND, or ABORTED for an etag that is not the current one. Resolves when on disk and published. */
  setMode(target: Target, mode: Mode, etag: string, author?: Author): Promise<Workload>;
  /** Makes the workload known: a sidecar has said hello for it. Resolves when a first snapshot is published. */
  ensure(target: Target): Promise<void>;
}

export interface RuleDraft {
  action: "allow" | "deny";
  target: Target;
  match: RuleMatch;
  expiresAtMs: number;
  owner: string;
  reason: string;
}

export interface RulePreview {
  requests: number;
  matched: number;
  callers: { key: string; matched: number }[];
  limitation: string;
}

export interface Rules {
  /**
   * Resolves when on disk and published. Throws INVALID_ARGUMENT, NOT_FOUND (workload), RESOURCE_EXHAUSTED (10,240 a
   * workload).
   */
  create(draft: RuleDraft, author?: Author): Promise<Rule>;
  get(id: number): Rule | undefined;
  /** Ascending by id; expired ones are gone. */
  list(target?: Target): Rule[];
  delete(id: number, author?: Author): Promise<void>;
  preview(draft: RuleDraft): RulePreview;
}

export interface Snapshots {
  /** What is in force for a target. */
  current(target: Target): Snapshot | undefined;
  /** Called after each publication; returns the way to stop it. */
  subscribe(listener: (snapshot: Snapshot) => void): () => void;
}

export interface Bans {
  has(identity: string): boolean;
  /** Ascending by identity. */
  list(): Ban[];
  /** Resolves when on disk. Throws ALREADY_EXISTS, and RESOURCE_EXHAUSTED at 10,000. */
  create(identity: string, reason: string, author: Author): Promise<Ban>;
  /** Throws NOT_FOUND. */
  delete(identity: string, author: Author): Promise<void>;
}

/** Somebody who was not let in, or not let do it. */
export interface Refusal {
  listener: "sidecar" | "operator";
  /** Who, as verified; empty where nobody was. */
  identity: string;
  method: string;
  resource: string;
  code: string;
  detail: string;
}

export interface Audit {
  /** Enters it in the trail, within a budget for each listener; false beyond that: it is counted. */
  refuse(refusal: Refusal): boolean;
  /** Newest first, of those below `before`; at most `count`. */
  list(before: number, count: number): AuditEntry[];
}
