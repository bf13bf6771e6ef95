// What the parts tell while they work: for the log, the metrics and the terminal, which decide what to make of it.

import type { Target, WindowOutcome } from "./domain.ts";

export type ControlPlaneEvent =
  | { kind: "window"; target: Target; outcome: WindowOutcome; detail: string }
  /** A candidate was trained: it is scored beside the current model from now on. */
  | { kind: "model-trained"; target: Target; modelId: string; learnt: number }
  /** A candidate was calibrated: it judges from now on. */
  | { kind: "model-promoted"; target: Target; modelId: string; alertThreshold: number; denyThreshold: number }
  /** What was to be published would be refused by the filters; what was in force stays. */
  | { kind: "publication-refused"; target: Target; detail: string }
  | { kind: "snapshot-published"; target: Target; epoch: number; version: number; bytes: number }
  | { kind: "rule-expired"; target: Target; id: number }
  | { kind: "mode-set"; target: Target; mode: string }
  /** Somebody was not let in, or not let do it; entered in the audit trail, or too many to be. */
  | { kind: "refused"; listener: "sidecar" | "operator"; entered: boolean }
  /** Newest entry of the audit trail: what `verify` can be told, to see a trail that was cut or written anew. */
  | { kind: "audit-head"; seq: number; hash: string }
  /** A background task failed; it is tried again at its next turn. */
  | { kind: "task-failed"; task: string; detail: string };

export type Observer = (event: ControlPlaneEvent) => void;
