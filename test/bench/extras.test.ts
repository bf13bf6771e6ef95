// What the quality bench measures beside the protocol, replayed on a small made set: arms with poison, many learnt
// requests, unknown labels, other splits, one head alone, and a prior that has not seen a family.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { HEADS } from "../../bench/quality/heads.ts";
import type { Loss } from "../../bench/quality/loss.ts";
import { ARMS } from "../../bench/quality/poison.ts";
import { PriorBook } from "../../bench/quality/priors.ts";
import { type Run, runSet } from "../../bench/quality/run.ts";
import type { QualitySet } from "../../bench/quality/set.ts";
import { curveTable, lossTable, scaleTable, seedsTable } from "../../bench/quality/table.ts";
import { loadCore } from "../../control-plane/core.ts";
import { type DayMoments, learntOf } from "../../control-plane/train/aggregate.ts";
import { trainModel } from "../../control-plane/train/model.ts";
import { guardSet } from "./guard-set.ts";
import { madeSet } from "./made-set.ts";

const core = loadCore();
const { shipped } = new PriorBook(core);
const priors = { kind: "shipped", of: () => shipped };
const set = madeSet(11);

/** One of its services. */
const shop: QualitySet = (() => {
  const rows = [...set.labels.keys()].filter((row) => set.requests[row]!.svc === "shop");
  const pick = <T>(list: readonly T[]) => rows.map((row) => list[row]!);
  return { name: "shop", requests: pick(set.requests), labels: pick(set.labels) };
})();

/** With all that the three heads see. */
const guard = guardSet(5, 120);

/** Runs a set, and tells what the trainer was given. */
async function run(
  of: QualitySet,
  more: Partial<Parameters<typeof runSet>[1]>,
): Promise<Run & { days: DayMoments[][] }> {
  const days: DayMoments[][] = [];
  const train: typeof trainModel = (given, ...rest) => {
    days.push([...given]);
    return trainModel(given, ...rest);
  };
  let now = 0;
  return { ...(await runSet(of, { core, priors, train, seconds: () => ++now, ...more })), days };
}

function assertLosses(losses: readonly Loss[], names: readonly string[]): void {
  assert.equal(
    losses.map(({ arm }) => arm),
    names,
  );
  for (const { control, poisoned, lost, arm } of losses) {
    for (const threshold of ["thr1", "thr01"] as const) {
      const points = 100 * (control[threshold].tpr - poisoned[threshold].tpr);
      assert.ok(Math.abs(points - lost[threshold]) < 0.01, `${arm}: ${lost[threshold]} points`);
      assert.ok(control[threshold].tpr > 0.5, `${arm}: the control finds ${control[threshold].tpr}`);
    }
  }
}

test("every arm with poison has its control, and the slow ones go over fourteen days", async () => {
  const { result, days } = await run(shop, { poison: true });
  const losses = result.poison!;
  assertLosses(
    losses,
    ARMS.map(({ name }) => name),
  );
  const [eight, two, largest, slow, ramp, flood] = losses.map(({ poison, attacks }) => [poison, attacks]);
  assert.equal(
    [eight, two, largest],
    [
      [12, 38],
      [12, 38],
      [12, 38],
    ],
    "of 240 normal rows and 50 attacks",
  );
  assert.equal(
    [slow, ramp, flood],
    [
      [1, 49],
      [7, 43],
      [12, 50],
    ],
  );
  const longest = days.reduce((a, b) => (a.length >= b.length ? a : b)).map(({ day }) => day);
  assert.equal(
    longest,
    Array.from({ length: 13 }, (_, i) => longest[0]! + i),
    "the trainer looks at the end of 13 of the days",
  );
  assert.is(lossTable([result]).length, 2 + ARMS.length);
});

test("with unknown labels every row is sent to be learnt from, and the arms with fewer attacks are told", async () => {
  const { result } = await run(set, { online: true });
  assertLosses(result.online!, ["1 % attacks", "5 % attacks"]);
  assert.equal(
    result.online!.map(({ poison, attacks }) => [poison, attacks]),
    [
      [7, 150],
      [37, 150],
    ],
  );
  assert.is(lossTable([result]).length, 4);
});

test("a stream is repeated to as many requests as were asked for, and the same rows are scored", async () => {
  const { result, days } = await run(set, { scale: 2000 });
  const { services, arms } = result.scale!;
  assert.equal(services, ["shop", "files", "users"]);
  assert.equal(
    arms.map(({ learnt }) => learnt),
    [
      [108, 108],
      [2000, 2000],
    ],
    "three quarters of the learn phase, and so many",
  );
  const learnt = new Set(days.map(learntOf));
  for (const count of [108, 144, 2000, 2100]) assert.ok(learnt.has(count), `never trained from ${count} requests`);
  for (const { auc, requestsPerSecond } of arms) {
    assert.ok(auc > 0.95, `auc ${auc}`);
    assert.ok(requestsPerSecond > 0);
  }
  assert.is(scaleTable([result]).length, 4);
});

test("the learning curve begins before anything is learnt, and is told against the protocol", async () => {
  const { result, unjudged } = await run(set, { learningCurve: true });
  assert.is(unjudged, 0);
  const curve = result.learningCurve!;
  assert.equal(
    curve.map(({ requests, services }) => [requests, services]),
    [0, 10, 20, 50, 100].map((requests) => [requests, 3]),
    "a learn phase has 144 rows, 10 of which calibrate",
  );
  for (const { t1, thr1, below } of curve) {
    assert.ok(Math.abs(below.t1 - 100 * (result.t1 - t1)) < 0.01, `${below.t1} points below ${result.t1}`);
    assert.ok(Math.abs(below.thr1 - 100 * (result.thr1.tpr - thr1.tpr)) < 0.01, `${below.thr1} points`);
  }
  assert.ok(curve[0]!.auc > 0.75, `the prior alone: auc ${curve[0]!.auc}`);
  assert.is(curveTable([result]).length, 2 + curve.length);
});

test("means over splits are for sets without an order of time", async () => {
  const { result } = await run(shop, { seeds: true });
  const { seeds, auc, t1, t01 } = result.seeds!;
  assert.is(seeds, 10);
  assert.ok(auc > 0.95 && t1 >= t01 && t01 > 0.5, JSON.stringify(result.seeds));
  assert.is((await run(set, { seeds: true })).result.seeds, undefined);
  assert.is(seedsTable([result]).length, 3);
});

test("each head alone judges every row", async () => {
  const rows = [...shop.labels.keys()].filter((row) => shop.labels[row]!.phase === "test");
  for (const head of HEADS) {
    const { verdicts, unjudged } = await run(shop, { head });
    assert.is(unjudged, 0);
    assert.equal(
      verdicts.map(({ row }) => row),
      rows,
      head,
    );
  }
});

test("a head that is silent adds nothing to any score, and only the others give reasons", async () => {
  const headOf = (reason: string) =>
    reason === "attack_level" ? "attack" : /^(new_|unusual_length)/.test(reason) ? "structure" : "content";
  for (const head of HEADS) {
    const told = (verdicts: Run["verdicts"]) =>
      new Set(verdicts.flatMap(({ reason }) => (reason === "" ? [] : [headOf(reason)])));
    assert.equal(told((await run(guard, { head })).verdicts), new Set([head]));
    const others = told((await run(guard, { without: head })).verdicts);
    assert.equal([...others].sort(), HEADS.filter((other) => other !== head).toSorted());
  }
});

test("a family can be left out of what priors are made from, if there is one and something to make them from", () => {
  const folder = mkdtempSync(join(tmpdir(), "vedette-priors-"));
  try {
    const pack = (name: string, lines: object[]) => {
      const packed = spawnSync("xz", ["-c"], { input: lines.map((line) => `${JSON.stringify(line)}\n`).join("") });
      writeFileSync(join(folder, name), packed.stdout);
    };
    const hosts = ["a.example", "b.example"];
    const traffic = set.requests.slice(0, 400).map(({ u }, i) => ({ m: "GET", u, h: { host: hosts[i % 2] } }));
    assert.throws(() => new PriorBook(core, { folder }), /--prior-data: .* has no wcp_legit_dev/);
    pack("wcp_legit_dev.jsonl.xz", traffic);
    const of = (leaveOut?: string) => new PriorBook(core, { folder, leaveOut }).for(join(folder, "set"), ["shop"]);
    assert.is(of().kind, "shipped");
    assert.throws(() => of("sqli"), /--leave-out: sqli: .*payloads_prior.jsonl.xz is not there/);
    pack("payloads_prior.jsonl.xz", [
      { k: "sqli", p: "' or 1=1" },
      { k: "xss", p: "<b>" },
    ]);
    assert.throws(() => of("nothing"), /--leave-out: nothing, must be of sqli, xss/);
    const made = of("sqli");
    assert.match(made.kind, /^made anew without sqli/);
    assert.not.equal(made.of("shop").prior.mean, of().of("shop").prior.mean);
    assert.is.not(made.of("shop").attack.tableId, shipped.attack.tableId);
    assert.match(new PriorBook(core, { folder, leaveOut: "xss" }).for("set", ["x.example"]).kind, /^made anew|^cross/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
