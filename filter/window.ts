// The window that is open, and its sealing. A sealed window never changes. It is sealed when its time is over and
// there is something to tell, when it holds as many requests as its sums can bear, and before hash key, models or
// target change.

import { clearCallers, forgetCallers, sweepCallers, writeCallers } from "./callers";
import { config } from "./config";
import { clearContexts, hasContexts, writeContexts } from "./contexts";
import { WINDOW_REQUESTS_MAX } from "./core/limits";
import { settingsWindowMs } from "./core/settings";
import { writeBegin, writeBytes, writeEnd, writeFixed64, writeVarint } from "./core/write";
import { BOUND_EDGES, clearCounts, countBound, counts, totals, writeCounts } from "./counts";
import { forgetEdges, sweepEdges, writeEdges } from "./edges";
import { clearGroups, sweepGroups, writeGroups } from "./groups";
import { wallMs } from "./host/clock";
import { allocate, release, remaining } from "./host/memory";
import { forgetNames } from "./names";
import { vmBootId } from "./node";
import { keepWindow } from "./ring";
import { clearRoutes, forgetRoutes, sweepRoutes, writeRoutes } from "./routes";
import { clearScores, writeScores } from "./scores";
import { candidateModel, currentModel, keyed, keyId, serving } from "./snapshot";

/** Before the first settings. */
const WINDOW_MS: u32 = 60000;

let sequence: u64 = 0;
let startMs: i64 = 0;
let deadlineNs: u64 = 0;
let droppedTold: u64 = 0;

function lengthMs(): u32 {
  return keyed ? settingsWindowMs(serving.settings) : WINDOW_MS;
}

/** Opens the next window. */
export function openWindow(nowNs: u64): void {
  startMs = wallMs();
  deadlineNs = nowNs + <u64>lengthMs() * 1000000;
}

function write(endMs: i64): void {
  writeFixed64(1, vmBootId);
  writeVarint(2, sequence);
  writeVarint(3, startMs);
  writeVarint(4, max<i64>(startMs, endMs));
  writeBytes(5, config.target, config.targetLength);
  writeVarint(6, config.direction);
  writeVarint(7, keyId);
  writeCounts(8);
  writeGroups(9);
  writeScores(10, currentModel(), candidateModel());
  writeRoutes(11);
  writeCallers(12);
  writeEdges(13);
  writeVarint(14, totals.windowsDropped);
  writeContexts(15);
}

/** Whether a window would tell anything. */
function isWorthTelling(): bool {
  return counts.seen > 0 || hasContexts() || totals.windowsDropped != droppedTold;
}

/** Seals the open window, if it tells anything, and opens the next. */
export function sealWindow(nowNs: u64): void {
  if (config.targetLength > 0 && isWorthTelling()) {
    sequence++;
    droppedTold = totals.windowsDropped;
    const capacity = remaining();
    const at = allocate(capacity);
    writeBegin(at, capacity);
    write(wallMs());
    const size = writeEnd();
    if (size > 0) keepWindow(sequence, at, size);
    else totals.windowsDropped++;
    release(at);
    clearCounts();
    clearScores();
    clearContexts();
    sweepGroups();
    sweepRoutes();
    sweepCallers();
    countBound(BOUND_EDGES, sweepEdges());
  }
  openWindow(nowNs);
}

/** At each tick. */
export function sealIfDue(nowNs: u64): void {
  if (nowNs >= deadlineNs || counts.seen >= WINDOW_REQUESTS_MAX) sealWindow(nowNs);
}

/** A changed length counts from now. */
export function restartWindow(nowNs: u64): void {
  deadlineNs = nowNs + <u64>lengthMs() * 1000000;
}

/** After the hash key changed: keys made with the old one mean nothing. */
export function forgetKeys(): void {
  forgetRoutes();
  forgetCallers();
  countBound(BOUND_EDGES, forgetEdges());
  clearContexts();
  forgetNames();
}

/** After the target changed: what was held back belongs to another. */
export function forgetStatistics(): void {
  clearCounts();
  clearScores();
  clearGroups();
  clearRoutes();
  clearCallers();
  forgetEdges();
  clearContexts();
  forgetNames();
}
