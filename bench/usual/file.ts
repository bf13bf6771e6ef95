// The file of usual scores as the benches read it: whole, as the control plane does, and without each part of the
// organisations (bench/quality/priors.ts), since figures on services may not know of these services' own scores.

import { existsSync, readFileSync } from "node:fs";
import { addFolds, type UsualScores } from "../../control-plane/train/usual-scores.ts";

export const USUAL = new URL("../../control-plane/train/usual-scores.json", import.meta.url);

export interface UsualParts {
  readonly all: UsualScores;
  /** By part: the scores of all others. */
  readonly without: readonly UsualScores[];
}

export function readUsual(file: URL = USUAL): UsualParts {
  if (!existsSync(file)) {
    throw new Error(`${file.pathname} is not there; make it: node --import tsx bench/usual.ts --data DIR`);
  }
  const { folds } = JSON.parse(readFileSync(file, "utf8")) as { folds: unknown[] };
  const without = folds.map((_, part) => addFolds(folds.toSpliced(part, 1)));
  return { all: addFolds(folds), without };
}
