// The quality bench on a small made-up set: what it says of a row is what the law says and what the product does, rows
// are learnt from and left out as the protocol has it, and a detector that is broken is seen to be.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Judge, type Judgement } from "../../bench/quality/judge.ts";
import { BenchMesh } from "../../bench/quality/mesh.ts";
import { PriorBook } from "../../bench/quality/priors.ts";
import { scoreLine } from "../../bench/quality/replay.ts";
import { type Run, runSet } from "../../bench/quality/run.ts";
import type { QualitySet, Request } from "../../bench/quality/set.ts";
import { mainTable, worstLines } from "../../bench/quality/table.ts";
import { loadCore } from "../../control-plane/core.ts";
import type { Model } from "../../control-plane/domain.ts";
import { encodeModels } from "../../control-plane/snapshot/encode.ts";
import { SimulatedDisk } from "../../control-plane/store/memory.ts";
import { named, trainModel } from "../../control-plane/train/model.ts";
import { HELD_EXCESS } from "../../filter/core/limits.ts";
import { momentsOf } from "../control-plane/fixture.ts";
import type { AttackTable } from "../reference/attack.ts";
import { agrees, type Body, type WholeScore, wholeScore } from "../reference/contexts.ts";
import { extract, REASON_NAMES } from "../reference/features.ts";
import { segmentsOf } from "../reference/request-segments.ts";
import { routeKey, routeOf } from "../reference/route.ts";
import { readModels } from "../reference/sections.ts";
import { splitTarget } from "../reference/target.ts";
import { OWN_ATTACKS } from "../support/own-attacks.ts";
import { Prng } from "../support/prng.ts";
import { targets } from "../support/requests.ts";
import { guardSet } from "./guard-set.ts";
import { madeSet } from "./made-set.ts";

const core = loadCore();
const { shipped } = new PriorBook(core);
const priors = { kind: "shipped", of: () => shipped };
const set = madeSet(3);

function run(of: QualitySet, more: Partial<Parameters<typeof runSet>[1]> = {}): Promise<Run> {
  return runSet(of, { core, priors, seconds: () => 0, ...more });
}

const test = suite<{ run: Run }>("quality bench");

test.before(async (context) => {
  context.run = await run(set);
});

test("finds the made-up attacks, and lets the ordinary requests pass", ({ run: { result, verdicts, unjudged } }) => {
  assert.is(unjudged, 0);
  assert.is(verdicts.length, result.normals + result.attacks);
  assert.equal([result.learn, result.normals, result.attacks], [432, 288, 150]);
  assert.ok(result.auc > 0.99, `auc ${result.auc}`);
  assert.ok(result.t1 > 0.85, `t1 ${result.t1}`);
  assert.ok(result.thr1.fpr < 0.06 && result.thr1.tpr > 0.85, JSON.stringify(result.thr1));
  assert.ok(result.deny.denied <= 5, `${result.deny.denied} normal requests denied`);
  assert.ok((result.reasonHit ?? 0) > 0.9, `reasonHit ${result.reasonHit}`);
});

test("the same set gives the same verdicts", async ({ run: { verdicts } }) => {
  assert.equal((await run(set)).verdicts, verdicts);
});

test("a disk that hands out copies gives the same", async ({ run: { verdicts } }) => {
  assert.equal((await run(set, { disk: () => new SimulatedDisk() })).verdicts, verdicts);
});

/** As the project's requirement has it, with what it leaves open as three dots. */
const FORM =
  '{"set","services","learn","normals","attacks","auc","t1","t01","thr1":{"fpr","tpr"},"thr01":{"fpr","tpr"},' +
  '"deny":{"fpr","tpr","denied"},"worstService":{...},"ci":{...},"byKind":{...},"byPosition":{...},"reasonHit",' +
  '"seconds"}';
const LEFT_OPEN = ["worstService", "ci", "byKind", "byPosition"];

function formOf(value: object): string {
  const entries = Object.entries(value).map(([key, one]) => {
    if (typeof one !== "object" || one === null) return `"${key}"`;
    return `"${key}":${LEFT_OPEN.includes(key) ? "{...}" : formOf(one)}`;
  });
  return `{${entries.join(",")}}`;
}

test("a result is a line of JSON in the form that was asked for, with one service too", async ({ run: { result } }) => {
  assert.is(formOf(JSON.parse(JSON.stringify(result))), FORM);
  const rows = [...set.labels.keys()].filter((row) => set.requests[row]!.svc === "shop");
  const shop = { ...set, requests: rows.map((row) => set.requests[row]!), labels: rows.map((row) => set.labels[row]!) };
  const { result: one } = await run(shop);
  assert.is(formOf(JSON.parse(JSON.stringify(one))), FORM);
  assert.equal(one.ci, {});
  for (const text of [mainTable([result, one]), worstLines([result, one])]) assert.ok(text.length > 0);
});

test("each row of the test phase has its line of scores", ({ run: { verdicts } }) => {
  const lines = verdicts.map((verdict) => JSON.parse(scoreLine(verdict)));
  for (const line of lines) {
    assert.equal(Object.keys(line), ["row", "score", "deny1", "deny01", "deny", "at", "reason"]);
    assert.equal(
      Object.values(line).map((value) => typeof value),
      ["number", "number", "boolean", "boolean", "boolean", "string", "string"],
    );
  }
  const rows = [...set.labels.keys()].filter((row) => set.labels[row]!.phase === "test");
  assert.equal(
    lines.map(({ row }) => row),
    rows,
  );
});

test("labels that are shuffled among the rows of the test phase leave nothing to find", async () => {
  const prng = new Prng(5);
  const labels = [...set.labels];
  const rows = [...labels.keys()].filter((row) => labels[row]?.phase === "test");
  for (let i = rows.length - 1; i > 0; i--) {
    const [a, b] = [rows[i]!, rows[prng.below(i + 1)]!];
    [labels[a], labels[b]] = [labels[b]!, labels[a]!];
  }
  const { result } = await run({ ...set, labels });
  assert.ok(Math.abs(result.auc - 0.5) < 0.1, `auc ${result.auc}`);
});

test("a model that has lost its factor, or its mean, is seen where the other heads do not help", async () => {
  const { result } = await run(set, { head: "content" });
  type Train = typeof trainModel;
  const broken = (change: (model: Model) => Model): Train => {
    return (...input) => {
      const { modelId: _, ...numbers } = change(trainModel(...input));
      return named(numbers, core);
    };
  };
  const shuffledFactor = broken((model) => ({ ...model, factor: model.factor.toReversed() }));
  const blind = broken((model) => ({ ...model, clip: model.clip.map(() => 1) }));
  for (const train of [shuffledFactor, blind]) {
    const { result: worse } = await run(set, { head: "content", train });
    assert.ok(worse.t1 < result.t1 - 0.1, `t1 ${worse.t1}, was ${result.t1}`);
  }
});

/** What was fed, and the model that judged it. */
interface Batch {
  model: Model;
  requests: readonly Request[];
}

/** Learns normal rows of a service, others among the first of them, and judges by them. */
async function taught(of: QualitySet, svc: string, mode: "learn" | "enforce", others: readonly Request[] = []) {
  const mesh = await BenchMesh.open([svc], { core, ...shipped, mode });
  const own = [...of.requests.keys()].filter((row) => of.requests[row]!.svc === svc);
  const part = (attack: boolean, phase: string): Request[] =>
    own
      .filter((row) => of.labels[row]!.attack === attack && of.labels[row]!.phase === phase)
      .map((row) => of.requests[row]!);
  const learn = part(false, "learn");
  const most = Math.floor(0.7 * learn.length);
  const target = mesh.target(svc);
  const batches: Batch[] = [];
  for (const requests of [[...others, ...learn.slice(0, most)], learn.slice(most)]) {
    batches.push({ model: mesh.plane.model(target)!, requests });
    assert.equal(new Set(mesh.feed(svc, requests)), new Set([200]));
    await mesh.settle();
    await mesh.train();
    await mesh.settle();
  }
  const model = mesh.plane.model(target)!;
  return { mesh, target, model, batches, test: [...part(false, "test"), ...part(true, "test")] };
}

const KINDS = ["path", "query", "header"];

/** What the filter should tell of it. */
function judgementOf(whole: WholeScore, deny: number): Judgement {
  const { score, reason } = whole;
  const { feature, kind, index, name } = reason;
  const plain = kind !== 1 && /^[A-Za-z0-9._~-]{1,64}$/.test(name);
  return {
    ...{ score, deny: score >= deny && agrees(whole, deny) },
    reason: REASON_NAMES[feature]!,
    location: `${KINDS[kind - 1]}:${plain ? name : index}`,
  };
}

/** What the law says of a request. */
function wholeOf({ m, u, h }: Request, body: Body, table: AttackTable | undefined, key: Uint8Array): WholeScore {
  const target = splitTarget(u);
  const route = routeKey(key, routeOf(m, u, false));
  const scored = { target, extraction: extract(u), segments: segmentsOf(target, h), routeKey: route };
  return wholeScore(body, table, scored, key);
}

test("scores, reasons, places and denials are those of the law, with the hash key of the service's mesh", async () => {
  const { mesh, model, batches } = await taught(guardSet(2), "shop", "learn");
  const { hashKeys, attack } = mesh.plane;
  const { current, attack: table } = readModels(encodeModels({ current: model, candidate: undefined }, attack));
  const wild = [...targets(11, 400, 20)].filter((target) => /^[\0-\x7f]*$/.test(target));
  assert.ok(wild.length > 50, `${wild.length} targets`);
  const rows = guardSet(3).requests.slice(-300);
  const sample = [
    ...rows,
    ...[...wild, "/a%2525b?x=%25%32%37"].map((u, i): Request => ({ ...rows[i]!, u })),
    { ...rows[0]!, h: [["x-new", "1"] as const, ...rows[0]!.h] },
    { ...batches[0]!.requests[0]!, m: "DELETE" },
  ];
  const judged = new Judge(core).judge(model, mesh.plane, sample);
  for (const [i, request] of sample.entries()) {
    const { u } = request;
    const whole = wholeOf(request, current as Body, table, hashKeys[0]!.key);
    const expected = judgementOf(whole, model.denyThreshold);
    const nothing = { score: 0, deny: false, reason: "", location: "" };
    assert.equal(judged[i], whole.score === 0 ? nothing : expected, u);
  }
  const reasons = new Set(judged.map(({ reason }) => reason));
  for (const reason of ["attack_level", "new_name"]) assert.ok(reasons.has(reason), `${[...reasons]}`);
  assert.ok(
    judged.some(({ location }) => location.startsWith("header:")),
    "a header is told",
  );
  assert.equal(new Set(judged.map(({ deny }) => deny)), new Set([true, false]));
});

test("what is much like an attack is held back, and an enforcing sidecar denies what the judge says", async () => {
  const prng = new Prng(8);
  const attacks = set.requests.filter(({ svc }, row) => svc === "shop" && set.labels[row]!.attack);
  const others = attacks.filter(() => prng.oneIn(2));
  const { mesh, target, model, batches, test } = await taught(set, "shop", "enforce", others);
  const { hashKeys, attack } = mesh.plane;
  const learnt = batches.flatMap(({ model, requests }) => {
    const { current, attack: table } = readModels(encodeModels({ current: model, candidate: undefined }, attack));
    const isHeld = (request: Request) => {
      const excess = wholeOf(request, current as Body, table, hashKeys[0]!.key).attack;
      return current!.contexts.length > 0 && excess >= HELD_EXCESS;
    };
    return requests.filter((request) => !isHeld(request));
  });
  const moments = momentsOf(learnt.map(({ u }) => ({ bins: core.binsOf(Buffer.from(u)), group: 0 })))[0];
  const statistics = mesh.plane.statistics(target, model.modelId);
  assert.equal(Object.values(statistics.moments), [moments]);
  const fed = batches.flatMap(({ requests }) => requests).length;
  assert.is(statistics.counts.held, fed - learnt.length);
  const blatant = OWN_ATTACKS.map((u): Request => ({ ...test[0]!, u }));
  const judged = new Judge(core).judge(model, mesh.plane, [...test, ...blatant]);
  const answers = mesh.feed("shop", [...test, ...blatant]);
  assert.equal(
    answers,
    judged.map(({ deny }) => (deny ? 403 : 200)),
  );
  const denied = answers.filter((answer) => answer === 403).length;
  assert.ok(denied >= 3, `${denied} are denied`);
});

test.run();
