// The shipped usual scores: what models of some age give to public traffic that they have not seen. Made by
// bench/usual.ts; `usual-scores.json` says from which bytes. Each fold of it are scores by models whose prior and
// attack table were made without the services that were scored; the control plane takes all folds as one.

import { ControlPlaneError } from "../errors.ts";

/** Buckets of a histogram (law 4). */
const BUCKETS = 128;

export interface UsualScores {
  /** Ascending by how many requests the models had learnt; at least one, each with at least one score. */
  ages: readonly { learnt: number; counts: readonly number[] }[];
}

/** Reads the text of usual-scores.json. Throws as `addFolds`. */
export function parseUsualScores(text: string): UsualScores {
  return addFolds((JSON.parse(text) as { folds?: unknown }).folds);
}

/** Adds folds up. Throws FAILED_PRECONDITION where they are none, or do not fit. */
export function addFolds(folds: unknown): UsualScores {
  if (!Array.isArray(folds) || folds.length === 0) throw refused("folds", "none, must be at least one");
  const parsed = folds.map((fold, i) => agesOf(`folds[${i}]`, fold));
  const first = parsed[0] ?? [];
  const learnt = first.map((age) => age.learnt).join();
  for (const [i, ages] of parsed.entries()) {
    const found = ages.map((age) => age.learnt).join();
    if (found !== learnt) throw refused(`folds[${i}].ages`, `learnt ${found}, must be ${learnt} as in the first`);
  }
  const ages = first.map((age, i) => ({
    learnt: age.learnt,
    counts: age.counts.map((_, bucket) => parsed.reduce((sum, fold) => sum + (fold[i]?.counts[bucket] ?? 0), 0)),
  }));
  for (const [i, { counts }] of ages.entries()) {
    if (!counts.some((count) => count > 0)) throw refused(`ages[${i}].counts`, "all 0, must hold at least one score");
  }
  return { ages };
}

function agesOf(field: string, fold: unknown): { learnt: number; counts: number[] }[] {
  const { ages } = (fold ?? {}) as { ages?: unknown };
  if (!Array.isArray(ages) || ages.length === 0) throw refused(`${field}.ages`, "none, must be at least one");
  let before = -1;
  return ages.map((age: unknown, i) => {
    const { learnt, counts } = (age ?? {}) as { learnt?: unknown; counts?: unknown };
    const at = `${field}.ages[${i}]`;
    if (!isCount(learnt) || learnt <= before) {
      throw refused(`${at}.learnt`, `${String(learnt)}, must be an integer of at least ${before + 1}, ascending`);
    }
    before = learnt;
    if (!Array.isArray(counts) || counts.length !== BUCKETS || !counts.every(isCount)) {
      throw refused(`${at}.counts`, `must be ${BUCKETS} integers of at least 0`);
    }
    return { learnt, counts };
  });
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function refused(field: string, detail: string): ControlPlaneError {
  return new ControlPlaneError("FAILED_PRECONDITION", `usual.${field}: ${detail}`, { field: `usual.${field}` });
}
