// The arms of the quality bench before anything is replayed: who is dealt which rows, where poison goes, which attacks
// stay among the learnt rows, how rows are split anew, and how requests are varied.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { CALLERS, dealt } from "../../bench/quality/callers.ts";
import { NO_POISON, planOf, streamOf } from "../../bench/quality/dose.ts";
import { groupBy } from "../../bench/quality/group.ts";
import { lossOf } from "../../bench/quality/loss.ts";
import { figuresOf, type Scored } from "../../bench/quality/metrics.ts";
import { keptOf } from "../../bench/quality/online.ts";
import { ARMS } from "../../bench/quality/poison.ts";
import { protocolSchedule } from "../../bench/quality/schedule.ts";
import { isSplit, resplit, untied } from "../../bench/quality/seeds.ts";
import type { QualitySet, Request } from "../../bench/quality/set.ts";
import { unique, Variation } from "../../bench/quality/variation.ts";
import { Prng } from "../support/prng.ts";
import { madeSet } from "./made-set.ts";

const set = madeSet(7);
const [fivePercent] = ARMS;
const recipe = fivePercent!.recipe;

const share = <T>(list: readonly T[], holds: (one: T) => boolean) => list.filter(holds).length / list.length;

test("rows are dealt to the callers of their service by weight, and the same each time", () => {
  for (const callers of ["eight", "two", "skewed"] as const) {
    const requests = dealt(set, callers);
    assert.equal(requests, dealt(set, callers));
    const weights = CALLERS[callers];
    const total = weights.reduce((sum: number, weight) => sum + weight, 0);
    for (const [svc, own] of groupBy(requests, (request) => request.svc)) {
      assert.ok(own.every(({ src }) => src.startsWith(`${svc}/caller-`)));
      const first = share(own, ({ src }) => src === `${svc}/caller-0`);
      assert.ok(Math.abs(first - weights[0] / total) < 0.1, `${callers}: ${first} from the first caller of ${svc}`);
    }
  }
});

test("poison is five percent of what is learnt, from the first caller, evenly, and its rows are not scored", () => {
  const plan = planOf(set, recipe);
  const stream = streamOf(set, plan);
  for (const [svc, stages] of protocolSchedule(stream.set, stream.also)) {
    const learnt = stages.flatMap(({ learn }) => learn);
    const poison = learnt.filter((row) => stream.also.has(row));
    assert.ok(Math.abs(poison.length / learnt.length - 0.05) < 0.005, `${poison.length} of ${learnt.length}`);
    assert.ok(poison.every((row) => stream.set.requests[row]!.src === `${svc}/caller-0`));
    const gaps = poison.slice(1).map((row, i) => learnt.indexOf(row) - learnt.indexOf(poison[i]!));
    assert.ok(Math.max(...gaps) <= 21, `${Math.max(...gaps)} rows without poison`);
    assert.is(stages.flatMap(({ score }) => score).filter((row) => stream.also.has(row)).length, 0);
  }
  assert.is(plan.taken.size, stream.also.size, "each attack once, there are enough");
  assert.ok([...plan.taken].every((row) => set.labels[row]!.attack));
});

test("a stream without poison is the set, and poison changes no other row and no order", () => {
  const control = streamOf(set, NO_POISON);
  assert.equal(control.set, set);
  const { origin, set: poisoned } = streamOf(set, planOf(set, recipe));
  const kept = [...origin.keys()].filter((row) => origin[row] !== -1);
  assert.equal(
    kept.map((row) => origin[row]),
    [...set.labels.keys()],
  );
  assert.equal(
    kept.map((row) => poisoned.requests[row]),
    set.requests,
  );
});

test("at most half of a service's attacks are taken, and come again until there are enough", () => {
  const { doses, taken } = planOf(set, { ...recipe, share: () => 0.25 });
  assert.is(taken.size, 3 * 25, "of 50 in each of three services");
  for (const own of doses.values()) assert.is(own.length, 80, "a third of 240 normal rows");
});

test("slow poison has its share day by day, and what is due goes over to the next service", () => {
  const ramp = planOf(set, { content: "attacks", share: (day) => 0.005 * (day + 1), days: 14 });
  for (const own of ramp.doses.values()) {
    const half = own.filter(({ after }) => after < 120).length;
    assert.ok(half < own.length - half, `${half} of ${own.length} in the first half of the rows`);
  }
  const steady = planOf(set, { content: "attacks", share: () => 0.005, days: 14 });
  const count = [...steady.doses.values()].reduce((sum, own) => sum + own.length, 0);
  assert.is(count, Math.floor((720 * 0.005) / 0.995));
});

test("a flood is normal rows with values that never came, and takes no attacks", () => {
  const { doses, taken } = planOf(set, { ...recipe, content: "unique values" });
  assert.is(taken.size, 0);
  const targets = [...doses.values()].flat().map(({ request }) => request.u);
  assert.is(new Set(targets).size, targets.length);
  const known = new Set(set.requests.map(({ u }) => u));
  assert.ok(targets.every((target) => !known.has(target) && /^[!-~]+$/.test(target)));
});

test("the attacks that stay among the learnt rows are a share of each service's rows", () => {
  const kept = keptOf(set, 0.05);
  assert.equal(keptOf(set, 0.05), kept);
  for (const [svc, rows] of groupBy(set.labels.keys(), (row) => set.requests[row]!.svc)) {
    const own = rows.filter((row) => kept.has(row));
    assert.ok(own.every((row) => set.labels[row]!.attack));
    assert.ok(Math.abs(own.length - 240 * (0.05 / 0.95)) <= 1, `${own.length} of ${svc}`);
  }
  assert.is(keptOf(set, 0.5).size, 150, "no more than there are");
});

test("a split anew keeps rows, shares and identical targets together", () => {
  const one: QualitySet = { ...set, requests: set.requests.map((request) => ({ ...request, svc: "one" })) };
  assert.equal([isSplit(one), isSplit(set)], [true, false]);
  const split = resplit(one, 3);
  assert.equal(resplit(one, 3), split);
  assert.not.equal(resplit(one, 4).requests, split.requests);
  const sorted = (list: readonly Request[]) => list.map((request) => JSON.stringify(request)).sort();
  assert.equal(sorted(split.requests), sorted(one.requests));
  const learn = (of: QualitySet) => of.labels.filter(({ phase }) => phase === "learn").length;
  assert.ok(Math.abs(learn(split) - learn(one)) < 8, `${learn(split)} rows to learn, ${learn(one)} before`);
  assert.ok(split.labels.every(({ attack, phase }) => !attack || phase === "test"));
  const normals = [...split.labels.keys()].filter((row) => !split.labels[row]!.attack);
  for (const [target, rows] of groupBy(normals, (row) => split.requests[row]!.u)) {
    const phases = new Set(rows.map((row) => split.labels[row]!.phase));
    assert.ok(rows.length >= 8 || phases.size === 1, target);
  }
});

test("ties are broken by a seeded order, other rows keep theirs, and the mean counts ties as half", () => {
  const prng = new Prng(2);
  const flags = { service: "a", deny1: false, deny01: false, deny: false };
  const rows = Array.from({ length: 400 }, (): Scored => ({ ...flags, attack: prng.oneIn(3), score: prng.below(4) }));
  const aucs = Array.from({ length: 20 }, (_, seed) => {
    const broken = untied(rows, seed);
    assert.is(new Set(broken.map(({ score }) => score)).size, rows.length);
    assert.ok(broken.every(({ score }, i) => Math.floor(score) === rows[i]!.score));
    return figuresOf(broken).auc;
  });
  const mean = aucs.reduce((sum, auc) => sum + auc, 0) / aucs.length;
  assert.ok(Math.abs(mean - figuresOf(rows).auc) < 0.01, `${mean} for ${figuresOf(rows).auc}`);
});

const REQUEST: Request = {
  ...{ svc: "s", src: "c", m: "GET", u: "/a%2Fb/item-42/9f86d081884c7d65?q=tea&n=0071&id=K7pQ2xVb9", bl: 3, b: "" },
  h: [
    ["user-agent", "curl/8.5.0"],
    ["cookie", "sid=00ff12ab34cd; theme=dark"],
  ],
};

test("a varied request keeps shape, words, names and what says the software", () => {
  const variation = new Variation(REQUEST);
  const targets = new Set<string>();
  for (let seed = 0; seed < 50; seed++) {
    const { u, h, ...rest } = variation.next(new Prng(seed));
    assert.match(u, /^\/a%2Fb\/item-[1-9]\d\/[0-9a-f]{16}\?q=tea&n=\d{4}&id=[A-Z]\d[a-z][A-Z]\d[a-z][A-Z][a-z]\d$/);
    assert.match(h[1]![1], /^sid=[0-9a-f]{12}; theme=dark$/);
    assert.equal(h[0], REQUEST.h[0]);
    assert.equal({ ...rest, u: REQUEST.u, h: REQUEST.h }, REQUEST);
    targets.add(u);
  }
  assert.ok(targets.size > 40, `${targets.size} of 50`);
  assert.equal(variation.next(new Prng(1)), new Variation(REQUEST).next(new Prng(1)));
});

test("unique values stand where values stood", () => {
  const prng = new Prng(3);
  const names = unique(REQUEST, prng).u.split("?")[1]!.split("&");
  assert.equal(
    names.map((piece) => piece.split("=")[0]),
    ["q", "n", "id"],
  );
  const { u } = unique({ ...REQUEST, u: "/a/b" }, prng);
  assert.match(u, /^\/a\/[!-~]{8,}$/);
});

test("a loss is what is found less, in points, over the rows that count", () => {
  const rows = [...set.labels.keys()].filter((row) => set.labels[row]!.phase === "test");
  const verdict = (row: number, found: boolean) => {
    const nothing = { score: 0, deny01: false, deny: false, at: "", reason: "", learnt: 0 };
    return { ...nothing, row, deny1: found && set.labels[row]!.attack };
  };
  const attacks = rows.filter((row) => set.labels[row]!.attack);
  const without = new Set(attacks.slice(0, 50));
  const missed = new Set([...attacks.slice(0, 50), ...attacks.slice(50, 60)]);
  const loss = lossOf(set, {
    ...{ arm: "a", poison: 7, without },
    control: rows.map((row) => verdict(row, true)),
    poisoned: rows.map((row) => verdict(row, !missed.has(row))),
  });
  assert.equal([loss.arm, loss.poison, loss.attacks], ["a", 7, 100]);
  assert.equal(loss.lost, { thr1: 10, thr01: 0 });
  assert.equal(loss.poisoned.thr1, { fpr: 0, tpr: 0.9 });
});

test.run();
