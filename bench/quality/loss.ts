// What attacks among the learnt rows cost: detection at the product's own thresholds with them and without, over the
// same scored rows.

import { figuresOf, type Rates } from "./metrics.ts";
import type { Verdict } from "./replay.ts";
import { rounded, scoredOf } from "./report.ts";
import type { QualitySet } from "./set.ts";

export interface AtThresholds {
  thr1: Rates;
  thr01: Rates;
}

export interface Loss {
  arm: string;
  /** Rows sent to be learnt from that should not be, and attacks that were scored. */
  poison: number;
  attacks: number;
  /** Without these rows, all else being equal. */
  control: AtThresholds;
  poisoned: AtThresholds;
  /** Detection lost, in percentage points. */
  lost: { thr1: number; thr01: number };
}

export interface LossInput {
  arm: string;
  poison: number;
  control: readonly Verdict[];
  poisoned: readonly Verdict[];
  /** Rows that do not count. */
  without: ReadonlySet<number>;
}

/** Verdicts are of rows of `set`. */
export function lossOf(set: QualitySet, { arm, poison, control, poisoned, without }: LossInput): Loss {
  const scored = (verdicts: readonly Verdict[]) =>
    scoredOf(
      set,
      verdicts.filter(({ row }) => !without.has(row)),
    );
  const [before, after] = [figuresOf(scored(control)), figuresOf(scored(poisoned))];
  const points = (threshold: "thr1" | "thr01") => 100 * (before[threshold].tpr - after[threshold].tpr);
  return rounded({
    ...{ arm, poison, attacks: scored(poisoned).filter(({ attack }) => attack).length },
    control: { thr1: before.thr1, thr01: before.thr01 },
    poisoned: { thr1: after.thr1, thr01: after.thr01 },
    lost: { thr1: points("thr1"), thr01: points("thr01") },
  });
}
