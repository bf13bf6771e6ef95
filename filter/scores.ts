// Histograms of scores under the model that judges and under the candidate, of the window that is open.

import { bucketOf } from "./core/histogram";
import { SCORE_BUCKETS } from "./core/limits";
import { modelId } from "./core/model";
import { writeClose, writeFixed64, writeOpen, writeRaw } from "./core/write";

const HISTOGRAM_BYTES: usize = 4 * SCORE_BUCKETS;
const CURRENT = memory.data(4 * SCORE_BUCKETS, 8);
const CANDIDATE = memory.data(4 * SCORE_BUCKETS, 8);

function count(histogram: usize, score: u32): void {
  const at = histogram + ((<usize>bucketOf(score)) << 2);
  store<u32>(at, load<u32>(at) + 1);
}

/** Counts a score of the model that judges. */
export function countScore(score: u32): void {
  count(CURRENT, score);
}

/** Counts a score of the candidate. */
export function countCandidateScore(score: u32): void {
  count(CANDIDATE, score);
}

export function clearScores(): void {
  memory.fill(CURRENT, 0, HISTOGRAM_BYTES);
  memory.fill(CANDIDATE, 0, HISTOGRAM_BYTES);
}

/** Writes one histogram: the buckets that are not empty, and their counts. Nothing if all are. */
function write(field: u32, id: u64, histogram: usize): void {
  let any = false;
  for (let i: usize = 0; i < HISTOGRAM_BYTES; i += 4) any = any || load<u32>(histogram + i) != 0;
  if (!any) return;
  const opened = writeOpen(field);
  writeFixed64(1, id);
  const buckets = writeOpen(2);
  for (let i = 0; i < SCORE_BUCKETS; i++) if (load<u32>(histogram + ((<usize>i) << 2)) != 0) writeRaw(i);
  writeClose(buckets);
  const values = writeOpen(3);
  for (let i = 0; i < SCORE_BUCKETS; i++) {
    const n = load<u32>(histogram + ((<usize>i) << 2));
    if (n != 0) writeRaw(n);
  }
  writeClose(values);
  writeClose(opened);
}

/** Writes both. `current` and `candidate` are the models' bodies, or 0. */
export function writeScores(field: u32, current: usize, candidate: usize): void {
  if (current != 0) write(field, modelId(current), CURRENT);
  if (candidate != 0) write(field, modelId(candidate), CANDIDATE);
}
