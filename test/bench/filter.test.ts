// The filter bench without its clock: counts are exact and repeatable, made inputs have the sizes they say, both builds
// agree, rows say honestly what holds, and a planted difference of equal arms makes a run void.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertEqual, GUARD, GUARDED, makeArms, makeLaws } from "../../bench/filter/arms.ts";
import { takeCounts } from "../../bench/filter/counts.ts";
import {
  RULE_KINDS,
  RULES,
  type RuleKind,
  rulesOf,
  SIZES,
  sizedTargets,
  worstTargets,
} from "../../bench/filter/inputs.ts";
import { figureOf, guardOf, paired, quantile } from "../../bench/filter/measure.ts";
import { parseOptions } from "../../bench/filter/options.ts";
import { exact, row, rowsOf } from "../../bench/filter/rows.ts";
import { tables } from "../../bench/filter/table.ts";
import { between } from "../../bench/origin.ts";
import { Core } from "../support/core.ts";

const REQUESTS = 500;
const counts = takeCounts(REQUESTS);

test("counts are those of the filter's budget, and the same again", () => {
  assert.is(counts.allowed.hostcalls, 3);
  assert.is(counts.plaintext.hostcalls, 4);
  assert.is(counts.withCallerRule.hostcalls, 3);
  assert.ok(counts.denied.hostcalls > 3 && counts.denied.hostcalls <= 8, `${counts.denied.hostcalls} hostcalls`);
  assert.is(counts.allowed.reads, 3);
  assert.ok(counts.allowed.bytes > 500, "fourteen header pairs crossed");
  assert.is(counts.allocations, 0);
  assert.is(counts.pagesAfter, counts.pagesBefore);
  assert.is(counts.requests, REQUESTS);
  assert.equal(takeCounts(REQUESTS), counts);
});

test("made targets have their sizes, and the worst ones fill what is scanned", () => {
  for (const size of SIZES) {
    for (const target of sizedTargets(size)) assert.match(target, new RegExp(`^/[^?]{${size / 4 - 1}}\\?`));
    assert.ok(sizedTargets(size).every((target) => target.length === size));
  }
  const core = new Core("core");
  const extractions = [...worstTargets()].map(([name, target]) => {
    return [name, core.extract(Buffer.from(target, "latin1"))] as const;
  });
  const cut = extractions.filter(([, { cut }]) => cut).map(([name]) => name);
  assert.equal(cut, ["60 KiB"]);
  const twice = extractions.filter(([, { second }]) => second !== null).map(([name]) => name);
  assert.ok(twice.includes("double escapes"));
});

test("both builds agree on all made targets; a build with another model does not", () => {
  const targets = [...SIZES.flatMap(sizedTargets), ...worstTargets().values()];
  assert.is(assertEqual(makeLaws(), targets), targets.length);
  const [law] = makeLaws();
  const other = { ...law!.outcome(law!.put(Buffer.from("/a"))), score: -1 };
  const planted = Object.assign(Object.create(law!), {
    outcome: () => other,
    at: () => ({ at: 0, length: 0 }),
    constant: () => 0,
  });
  assert.throws(() => assertEqual([law!, planted], ["/a"]), /builds differ on "\/a"/);
});

test("all sets of rules are taken, and every loop runs", () => {
  const core = new Core("core");
  for (const count of RULES) {
    for (const kind of Object.keys(RULE_KINDS) as RuleKind[]) assert.is(core.loadRules(rulesOf(kind, count)), null);
  }
  const arms = makeArms(makeLaws());
  for (const { loop } of arms) loop(3);
  assert.is(new Set(arms.map(({ name }) => name)).size, arms.length);
});

/** Blocks in which every arm takes 1,000 ns. */
function evenBlocks(): Map<string, number[]> {
  return new Map(makeArms(makeLaws()).map(({ name }) => [name, [1000, 1000, 1000]]));
}

test("rows hold where the bound does, and the table has them all", () => {
  assert.equal(row("a", exact(2), { is: "<=", must: 2, aim: 1 }), {
    ...{ metric: "a", value: 2, ci: [2, 2], must: "<= 2", aim: "<= 1", holds: true },
  });
  assert.is(row("a", exact(2.0001), { is: "<=", must: 2, aim: 1 }).holds, false);
  assert.is(row("a", exact(7.9), { is: ">=", must: 8, aim: 12 }).holds, false);
  const blocks = evenBlocks();
  const rows = rowsOf(blocks, counts, undefined);
  assert.is(rows.find(({ metric }) => metric.startsWith("score"))!.holds, false, "equal builds are no gain");
  assert.is(rows.find(({ metric }) => metric.startsWith("growth"))!.holds, true);
  const text = tables({ rows, counts, blocks, guard: guardOf(blocks, GUARDED, GUARD), corpus: undefined });
  for (const { metric } of rows) assert.ok(text.includes(`| ${metric} |`), metric);
});

test("a run whose equal arms differ is void", () => {
  const blocks = evenBlocks();
  assert.is(guardOf(blocks, GUARDED, GUARD).holds, true);
  blocks.set(GUARD, [1060, 1060, 900]);
  assert.is(guardOf(blocks, GUARDED, GUARD).holds, false);
});

test("figures are medians with the lowest and highest, pairs are of one block", () => {
  assert.equal(figureOf([3, 1, 2]), { value: 2, ci: [1, 3] });
  assert.is(quantile([5, 1, 4, 2, 3], 0.99), 5);
  const blocks = new Map([
    ["a", [1, 10]],
    ["b", [2, 20]],
  ]);
  assert.equal(
    paired(blocks, ["a", "b"], (a, b) => b / a),
    { value: 2, ci: [2, 2] },
  );
});

test("options are named where they are wrong, and only what is between the markers is written", () => {
  assert.throws(() => parseOptions(["--blocks", "2"]), /--blocks: 2, must be 5 to 100/);
  assert.throws(() => parseOptions(["--nothing"]), /--nothing/);
  const [begin, end] = ["<!-- filter: written by bench/filter.ts -->", "<!-- /filter -->"];
  assert.is(between("filter", `a ${begin} old ${end} z`, "new"), `a ${begin}\n\nnew\n\n${end} z`);
  assert.throws(() => between("filter", "a", "new"), /no <!-- filter/);
});

test.run();
