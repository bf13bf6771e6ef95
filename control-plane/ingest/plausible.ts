// What no honest sidecar can report. Sums of bins bound each other: a bin is 0 to 24, and moments come from real
// requests. A window that breaks one of these is refused whole; what it names is field, value and bound. Shapes
// (lengths, unique keys) were checked at the edge, and are checked again here where a sum would go wrong without.

import type { Core, Limits } from "../core.ts";
import type { ContextSums, Counts, Moments, Statistics, WindowReport } from "../domain.ts";
import { groupsIn, totalOf } from "../store/statistics.ts";

/** Rounding of a product of two doubles, with room to spare; the sums themselves are exact. */
const ROUNDING = 1 + 1e-9;
/** A window is sealed at WINDOW_REQUESTS_MAX; one batch of requests may still come in between two ticks. */
const REQUESTS_SLACK = 2;
const KEY = /^[0-9a-f]{16}$/;
const EDGE_KEY = /^[0-9a-f]{16}\/[0-9a-f]{16}$/;
const OVERFLOW = "0".repeat(16);

/** Undefined, or the first thing that cannot be. */
export function implausible(report: WindowReport, core: Core): string | undefined {
  const { limits } = core;
  const { statistics } = report;
  if (!Number.isSafeInteger(report.windowSeq) || report.windowSeq < 1)
    return said("window_seq", report.windowSeq, "1 to 2^53 - 1");
  if (!KEY.test(report.vmBootId) || report.vmBootId === OVERFLOW) return said("vm_boot_id", report.vmBootId, "not 0");
  if (report.endMs < report.startMs) return said("end_ms", report.endMs, `start_ms ${report.startMs} or more`);
  if (!isCount(report.windowsDropped)) return said("windows_dropped", report.windowsDropped, "an integer from 0");
  return (
    ofCounts(statistics.counts, limits) ??
    ofMoments(statistics, limits) ??
    ofScores(statistics, limits) ??
    ofTables(statistics, limits) ??
    ofContexts(statistics, limits)
  );
}

function ofCounts(counts: Counts, limits: Limits): string | undefined {
  const most = REQUESTS_SLACK * limits.WINDOW_REQUESTS_MAX;
  const { responses, skipped, bounds, ...single } = counts;
  for (const [name, value] of [
    ...Object.entries(single),
    ...Object.entries(skipped),
    ...responses.map((value, i): [string, number] => [`responses[${i}]`, value]),
  ]) {
    if (!isCount(value) || value > most) return said(`counts.${name}`, value, `0 to ${most}`);
  }
  for (const [reason, value] of Object.entries(bounds)) {
    if (!isCount(value)) return said(`counts.bounds[${reason}]`, value, "an integer from 0");
  }
  const parts = counts.scored + totalOf(Object.values(skipped));
  if (counts.seen !== parts) return said("counts.seen", counts.seen, `scored + skipped = ${parts}`);
  if (counts.held > counts.seen) return said("counts.held", counts.held, `0 to seen = ${counts.seen}`);
  return undefined;
}

function ofMoments({ moments, counts }: Statistics, limits: Limits): string | undefined {
  let total = 0;
  for (const [group, cell] of Object.entries(moments)) {
    const field = `moments[${group}]`;
    if (!/^[0-7]$/.test(group)) return said("moments.group", group, "0 to 7");
    if (cell.sums.length !== limits.FEATURES) return said(`${field}.sums`, cell.sums.length, `${limits.FEATURES} sums`);
    if (cell.products.length !== limits.PRODUCTS)
      return said(`${field}.products`, cell.products.length, `${limits.PRODUCTS} products`);
    if (![cell.n, ...cell.sums, ...cell.products].every(isCount)) return said(field, "a number", "an integer from 0");
    const fault = ofCell(field, cell, limits.BIN_MAX);
    if (fault !== undefined) return fault;
    total += cell.n;
  }
  // A group with fewer than CELL_MIN requests is held back and comes with a later window, so a window may bring that
  // many more.
  const most = counts.learnt + limits.CALLER_GROUPS * (limits.CELL_MIN - 1);
  return total > most ? said("moments.n", total, `learnt and held back, ${most}`) : undefined;
}

/**
 * With bins x from 0 to 24 over n requests: s_i <= 24 n; s_i <= p_ii <= 24 s_i; s_i^2 <= n p_ii; p_ij <= 24 s_j; p_ij^2
 * <= p_ii p_jj.
 */
function ofCell(field: string, { n, sums, products }: Moments, binMax: number): string | undefined {
  const squares = sums.map((_, i) => products[(i * (i + 1)) / 2 + i] ?? 0);
  for (const [i, sum] of sums.entries()) {
    const square = squares[i] ?? 0;
    if (sum > binMax * n) return said(`${field}.sums[${i}]`, sum, `${binMax} n = ${binMax * n}`);
    if (square < sum || square > binMax * sum)
      return said(`${field}.products[${i},${i}]`, square, `${sum} to ${binMax * sum}`);
    if (BigInt(sum) ** 2n > BigInt(n) * BigInt(square))
      return said(`${field}.sums[${i}]`, sum, `sum^2 <= n ${n} times ${square}`);
    for (let j = 0; j < i; j++) {
      const product = products[(i * (i + 1)) / 2 + j] ?? 0;
      const most = binMax * Math.min(sum, sums[j] ?? 0);
      const tooMuch = product > most || product * product > square * (squares[j] ?? 0) * ROUNDING;
      if (tooMuch) return said(`${field}.products[${i},${j}]`, product, `${most}, and product^2 <= the two squares`);
    }
  }
  return undefined;
}

function ofScores({ scores, counts }: Statistics, limits: Limits): string | undefined {
  for (const [modelId, buckets] of Object.entries(scores)) {
    const field = `scores[${modelId}]`;
    if (!KEY.test(modelId)) return said("scores.model_id", modelId, "16 hex digits");
    if (buckets.length !== limits.SCORE_BUCKETS) return said(field, buckets.length, `${limits.SCORE_BUCKETS} counts`);
    if (!buckets.every(isCount)) return said(field, "a count", "an integer from 0");
    const total = totalOf(buckets);
    if (total > counts.seen) return said(field, total, `seen = ${counts.seen}`);
  }
  return undefined;
}

function ofTables({ routes, callers, edges }: Statistics, limits: Limits): string | undefined {
  for (const [key, route] of Object.entries(routes)) {
    const field = `routes[${key}]`;
    if (!KEY.test(key)) return said("routes.key", key, "16 hex digits");
    if (![route.n, route.failures, ...route.sums].every(isCount)) return said(field, "a number", "an integer from 0");
    if (route.sums.length !== 0 && route.sums.length !== limits.FEATURES)
      return said(`${field}.sums`, route.sums.length, `${limits.FEATURES} sums`);
    if (route.failures > route.n) return said(`${field}.failures`, route.failures, `n = ${route.n} at most`);
    const most = limits.BIN_MAX * route.n;
    if (route.sums.some((sum) => sum > most))
      return said(`${field}.sums`, Math.max(...route.sums), `${limits.BIN_MAX} n = ${most}`);
  }
  for (const [key, caller] of Object.entries(callers)) {
    if (!KEY.test(key)) return said("callers.key", key, "16 hex digits");
    if (!isCount(caller.n)) return said(`callers[${key}].n`, caller.n, "an integer from 0");
    const group = Number.parseInt(key.slice(-1), 16) % limits.CALLER_GROUPS;
    if (key !== OVERFLOW && caller.group !== group)
      return said(`callers[${key}].group`, caller.group, `lowest 3 bits of the key, ${group}`);
  }
  for (const [key, edge] of Object.entries(edges)) {
    if (!EDGE_KEY.test(key)) return said("edges.key", key, "two keys");
    if (![edge.n, edge.denied, edge.failures].every(isCount))
      return said(`edges[${key}]`, "a number", "an integer from 0");
    for (const name of ["denied", "failures"] as const) {
      if (edge[name] > edge.n) return said(`edges[${key}].${name}`, edge[name], `n = ${edge.n} at most`);
    }
  }
  return undefined;
}

function ofContexts({ contexts }: Statistics, limits: Limits): string | undefined {
  for (const [key, context] of Object.entries(contexts)) {
    if (!KEY.test(key) || key === OVERFLOW) return said("contexts.key", key, "16 hex digits, not 0");
    const fault = ofContext(`contexts[${key}]`, context, limits);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/**
 * Each segment has one length and one level, and any set of classes. A segment of a request that is held back has its
 * level only, so the levels may add up to more than n. By how much is not told by `held`: contexts are counted at the
 * headers, `held` at the end, which may be in a later window.
 */
function ofContext(field: string, context: ContextSums, limits: Limits): string | undefined {
  const { kind, n, classes, lengths, levels } = context;
  if (kind !== 1 && kind !== 2 && kind !== 3) return said(`${field}.kind`, kind, "1 to 3");
  // One request has at most that many segments of one name: all its parameters.
  const most = REQUESTS_SLACK * limits.WINDOW_REQUESTS_MAX * limits.PARAMETERS_MAX;
  if (!isCount(n) || n > most) return said(`${field}.n`, n, `0 to ${most}`);
  const sizes = { classes: limits.CLASSES, lengths: limits.LENGTHS, levels: limits.LEVELS };
  for (const [name, counts] of Object.entries({ classes, lengths, levels })) {
    const size = sizes[name as keyof typeof sizes];
    if (counts.length !== size) return said(`${field}.${name}`, counts.length, `${size} counts`);
    const [highest, bound] = name === "levels" ? [most, `${most}`] : [n, `n = ${n}`];
    const wrong = counts.findIndex((one) => !isCount(one) || one > highest);
    if (wrong >= 0) return said(`${field}.${name}[${wrong}]`, counts[wrong] ?? 0, `0 to ${bound}`);
  }
  const segments = totalOf(lengths);
  if (segments !== n) return said(`${field}.lengths`, segments, `n = ${n} in all`);
  const shown = totalOf(levels);
  if (shown < Math.max(n, 1) || shown > most)
    return said(`${field}.levels`, shown, `n = ${n} in all, or more up to ${most}; not 0`);
  return (
    ofGroups(`${field}.class_groups`, context.classGroups, classes, limits) ??
    ofGroups(`${field}.length_groups`, context.lengthGroups, lengths, limits) ??
    ofGroups(`${field}.level_groups`, context.levelGroups, levels, limits)
  );
}

/** Each segment that is counted came from a caller of one group. */
function ofGroups(field: string, groups: number[], counts: number[], limits: Limits): string | undefined {
  if (groups.length !== counts.length) return said(field, groups.length, `${counts.length} sets of groups`);
  for (const [i, count] of counts.entries()) {
    const set = groups[i] ?? 0;
    if (!isCount(set) || set >= 2 ** limits.CALLER_GROUPS)
      return said(`${field}[${i}]`, set, `0 to ${2 ** limits.CALLER_GROUPS - 1}`);
    const least = Math.min(count, 1);
    const most = Math.min(count, limits.CALLER_GROUPS);
    const parts = groupsIn(set);
    if (parts < least || parts > most) return said(`${field}[${i}]`, set, `a set of ${least} to ${most} groups`);
  }
  return undefined;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function said(field: string, value: number | string, bound: string): string {
  return `window.${field}: ${value}, must be ${bound}`;
}
