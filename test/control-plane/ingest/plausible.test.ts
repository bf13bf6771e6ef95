// Honest windows pass; each thing that no honest sidecar can say is refused with its name.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { WindowReport } from "../../../control-plane/domain.ts";
import { implausible } from "../../../control-plane/ingest/plausible.ts";
import { emptyStatistics } from "../../../control-plane/store/statistics.ts";
import {
  callerKey,
  contextKey,
  contextOf,
  core,
  requests,
  routeKey,
  scored,
  statisticsOf,
  windowOf,
} from "../fixture.ts";

const honest = (): WindowReport => {
  const statistics = scored(statisticsOf(requests(1, 300)), "00000000000000d1", [0, 256, 9000]);
  return windowOf({ statistics, startMs: 1000 });
};

test("what real requests add up to is plausible", () => {
  assert.is(implausible(honest(), core), undefined);
  assert.is(implausible(windowOf({ statistics: emptyStatistics(), startMs: 0 }), core), undefined);
  for (let seed = 0; seed < 20; seed++) {
    const statistics = statisticsOf(requests(seed, 10 + seed, [seed % 8]));
    assert.is(implausible(windowOf({ statistics, startMs: 0 }), core), undefined);
  }
});

test("a group that was held back may come with a window that learnt less than it", () => {
  const report = honest();
  report.statistics.counts.learnt -= 8 * 9;
  assert.is(implausible(report, core), undefined);
  report.statistics.counts.learnt--;
  assert.match(implausible(report, core)!, /moments\.n/);
});

test("requests that are held back add to levels only, also where nothing else was seen of a context", () => {
  const report = honest();
  const { counts, contexts } = report.statistics;
  [counts.learnt, counts.held] = [280, 20];
  const { levels, levelGroups } = contexts[contextKey(0)]!;
  levels[31]! += 200;
  levelGroups[31]! |= 0b100;
  const nothing = contextOf(2, []);
  nothing.levels[30] = nothing.levelGroups[30] = 1;
  contexts[contextKey(9)] = nothing;
  assert.is(implausible(report, core), undefined);
});

test("a count may come from as many groups as it counts, and from all there are", () => {
  const report = honest();
  const { classes, classGroups } = context(report);
  [classes[9], classGroups[9]] = [3, 0b1000_0101];
  [classes[10], classGroups[10]] = [8, 0xff];
  assert.is(implausible(report, core), undefined);
});

const LIES: [string, RegExp, (report: WindowReport) => void][] = [
  [
    "a number of 0",
    /window_seq: 0/,
    (r) => {
      r.windowSeq = 0;
    },
  ],
  [
    "a number above 2^53 - 1",
    /window_seq/,
    (r) => {
      r.windowSeq = 2 ** 53;
    },
  ],
  [
    "a boot id of 0",
    /vm_boot_id/,
    (r) => {
      r.vmBootId = "0".repeat(16);
    },
  ],
  [
    "an end before its start",
    /end_ms/,
    (r) => {
      r.endMs = 999;
    },
  ],
  [
    "a negative count",
    /counts\.alerted: -1/,
    (r) => {
      r.statistics.counts.alerted = -1;
    },
  ],
  [
    "half a request",
    /counts\.retries/,
    (r) => {
      r.statistics.counts.retries = 0.5;
    },
  ],
  [
    "more requests than a window holds",
    /counts\.denied/,
    (r) => {
      r.statistics.counts.deniedByRule = 2 ** 24;
    },
  ],
  ["requests that were neither scored nor skipped", /counts\.seen: 300/, (r) => void r.statistics.counts.scored++],
  [
    "a ninth group",
    /moments\.group: 8/,
    (r) => {
      r.statistics.moments["8"] = r.statistics.moments["0"]!;
    },
  ],
  [
    "a mean above the highest bin",
    /sums\[5\].*24 n/,
    (r) => {
      cell(r).sums[5] = 25 * cell(r).n;
    },
  ],
  [
    "squares below the sum",
    /products\[0,0\]/,
    (r) => {
      cell(r).products[0] = cell(r).sums[0]! - 1;
    },
  ],
  [
    "squares above 24 times the sum",
    /products\[0,0\]/,
    (r) => {
      cell(r).products[0] = 24 * cell(r).sums[0]! + 1;
    },
  ],
  [
    "a variance below 0",
    /sums\[0\].*sum\^2/,
    (r) => {
      cell(r).products[0] = cell(r).sums[0]!;
    },
  ],
  [
    "a product above 24 times a sum",
    /products\[1,0\]/,
    (r) => {
      cell(r).products[1] = 24 * cell(r).n * 24;
    },
  ],
  [
    "a correlation above 1",
    /products\[3,0\]/,
    (r) => {
      cell(r).products[6] = squareRoot(r, 3, 0) + 2;
    },
  ],
  [
    "more scores than requests",
    /scores\[00000000000000d1\]: 401/,
    (r) => {
      scoresOf(r)[3]! += 398;
    },
  ],
  ["a short histogram", /scores\[00000000000000d1\]: 127/, (r) => void scoresOf(r).pop()],
  [
    "a route that sums more than its requests",
    /routes\[.*24 n/,
    (r) => void r.statistics.routes[routeKey(0)]!.sums.fill(1e6),
  ],
  [
    "more failures than requests",
    /failures/,
    (r) => {
      r.statistics.routes[routeKey(0)]!.failures = 301;
    },
  ],
  [
    "a caller in a group that is not its key's",
    /group: 3/,
    (r) => {
      r.statistics.callers[callerKey(2)]!.group = 3;
    },
  ],
  [
    "an edge with more denials than requests",
    /edges.*denied/,
    (r) => {
      edge(r).denied = 1e6;
    },
  ],
  [
    "an edge without two keys",
    /edges\.key/,
    (r) => {
      r.statistics.edges.x = { n: 1, denied: 0, failures: 0 };
    },
  ],
  [
    "a context of key 0",
    /contexts\.key: 0000/,
    (r) => {
      r.statistics.contexts["0000000000000000"] = context(r);
    },
  ],
  ["a context of another kind", /contexts\[.*kind: 4, must be 1 to 3/, (r) => Object.assign(context(r), { kind: 4 })],
  [
    "a context of nothing",
    /contexts\[.*levels: 0, must be .* not 0/,
    (r) => Object.assign(context(r), contextOf(1, [])),
  ],
  ["half a segment", /contexts\[.*\.n: 0.5, must be 0 to/, (r) => Object.assign(context(r), { n: 0.5 })],
  [
    "more segments than requests can have",
    /contexts\[.*\.n: 2147483649/,
    (r) => Object.assign(context(r), { n: 2 ** 31 + 1 }),
  ],
  ["ten classes", /contexts\[.*classes: 10, must be 11/, (r) => void context(r).classes.pop()],
  [
    "more segments of a class than of all",
    /classes\[4\]: 301, must be 0 to n = 300/,
    (r) => context(r).classes.fill(301, 4, 5),
  ],
  ["segments without a length", /lengths: 299, must be n = 300/, (r) => takeOne(context(r).lengths)],
  ["segments without a level", /levels: 299, must be n = 300/, (r) => takeOne(context(r).levels)],
  ["a level below 0", /levels\[3\]: -1/, (r) => context(r).levels.fill(-1, 3, 4)],
  ["more segments of a level than requests can have", /levels\[31\]: 2147483649/, (r) => levelsOf(r, 31, 2 ** 31 + 1)],
  ["more levels than requests can have", /levels: 2147483948, must be/, (r) => levelsOf(r, 31, 2 ** 31)],
  ["more requests held back than seen", /counts\.held: 301, must be 0 to seen = 300/, (r) => hold(r, 301)],
  ["part of a request held back", /counts\.held: 0\.5/, (r) => hold(r, 0.5)],
  ["groups of ten classes", /class_groups: 10, must be 11/, (r) => void context(r).classGroups.pop()],
  ["groups of a 26th length", /length_groups: 26, must be 25/, (r) => void context(r).lengthGroups.push(0)],
  ["no groups of levels", /level_groups: 0, must be 32/, (r) => Object.assign(context(r), { levelGroups: [] })],
  [
    "a class that nobody showed",
    /class_groups\[0\]: 0, must be a set of 1/,
    (r) => context(r).classGroups.fill(0, 0, 1),
  ],
  ["a level that nobody showed", /level_groups\[14\]: 0/, (r) => context(r).levelGroups.fill(0, 14, 15)],
  [
    "groups of a length that did not occur",
    /length_groups\[24\]: 4, must be a set of 0 to 0/,
    (r) => groupsOfNothing(r),
  ],
  [
    "a ninth group of a class",
    /class_groups\[0\]: 256, must be 0 to 255/,
    (r) => context(r).classGroups.fill(256, 0, 1),
  ],
  [
    "more groups than segments",
    /class_groups\[10\]: 7, must be a set of 1 to 2 groups/,
    (r) => Object.assign(context(r).classes, { 10: 2 }) && Object.assign(context(r).classGroups, { 10: 7 }),
  ],
];

const hold = (report: WindowReport, held: number) => Object.assign(report.statistics.counts, { held });
const levelsOf = (report: WindowReport, bin: number, count: number) => context(report).levels.fill(count, bin, bin + 1);
const groupsOfNothing = (report: WindowReport) => context(report).lengthGroups.fill(4, 24, 25);

const context = (report: WindowReport) => report.statistics.contexts[contextKey(0)]!;

function takeOne(counts: number[]): void {
  counts[counts.findIndex((count) => count > 0)]!--;
}

const cell = (report: WindowReport) => report.statistics.moments["0"]!;
const scoresOf = (report: WindowReport) => report.statistics.scores["00000000000000d1"]!;
const edge = (report: WindowReport) => report.statistics.edges[`${callerKey(0)}/${routeKey(0)}`]!;

function squareRoot(report: WindowReport, i: number, j: number): number {
  const square = (k: number) => cell(report).products[(k * (k + 1)) / 2 + k]!;
  return Math.ceil(Math.sqrt(square(i) * square(j)));
}

for (const [what, expected, lie] of LIES) {
  test(`refused: ${what}`, () => {
    const report = structuredClone(honest());
    lie(report);
    assert.match(implausible(report, core) ?? "plausible", expected);
  });
}

test.run();
