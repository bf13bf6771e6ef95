// What is held back from learning (law 11): a request that looks too much like an attack to the model that judges shows
// its levels and nothing else, whatever it is answered; one that only the candidate finds so is in no histogram of it.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Verdict } from "../../control-plane/gen/vedette/v1/decision_pb.ts";
import type { ContextStatistics, Window } from "../../control-plane/gen/vedette/v1/statistics_pb.ts";
import { HELD_EXCESS } from "../../filter/core/limits.ts";
import type { HeaderList } from "../host/exchange.ts";
import type { RequestSpec } from "../host/request.ts";
import { attackFeatures, levelOf } from "../reference/attack.ts";
import { contextKey } from "../reference/request-segments.ts";
import { routeKey } from "../reference/route.ts";
import { callerGroup, keyOf } from "../reference/siphash.ts";
import { contextBytes, kindBytes } from "../support/heads.ts";
import { attackTable, hashKey, idOf, model, settings } from "../support/sections.ts";
import { FAST, quoteModel, type Thresholds } from "../support/snapshot.ts";
import { Mesh, SPIFFE } from "./mesh.ts";

const ATTACK = "() { :;}; /bin/cat /etc/passwd";
const AGENT = "shop-client/1.4";
const UNCALIBRATED: Thresholds = { alert: 0, deny: 0 };
const KIND = { base: 0, nameSurprise: 0 };

/** A table of the attack's words: what usual texts of these tests share with it weighs nothing. */
const weights = (() => {
  const made = new Int8Array(32_768);
  for (const index of attackFeatures(ATTACK)) made[index] = 60;
  for (const text of [AGENT, "shop", "scan", "1"]) for (const index of attackFeatures(text)) made[index] = 0;
  return made;
})();
const table = attackTable(weights, 0);
const LEVEL = levelOf({ weights, bias: 0 }, ATTACK);

/** A body by which the attack as a user agent has this excess. */
function bodyOf(excess: number, thresholds: Thresholds = UNCALIBRATED, contexts = true) {
  const anything = { classes: 2047, shortest: 0, longest: 24, classSurprise: 0, lengthSurprise: 0 };
  const key = contextKey(hashKey.key, { kind: 3, name: "user-agent" });
  const rows = contexts ? [{ key, base: LEVEL - excess, ...anything }] : [];
  const heads = { contexts: contextBytes(rows), kinds: kindBytes([KIND, KIND, KIND, KIND]), attackId: table.tableId };
  const content = { ...quoteModel(thresholds), ...heads };
  return { ...content, modelId: idOf(content) };
}

const sectionOf = (...bodies: Parameters<typeof bodyOf>) => model(bodyOf(...bodies), undefined, table);
const adopted = (...bodies: Parameters<typeof bodyOf>) =>
  new Mesh({ workers: 1 }).adopt({ model: sectionOf(...bodies) });

const USUAL: RequestSpec = { path: "/shop", headers: [["user-agent", AGENT]] };
const attack = (path: string, ...headers: HeaderList): RequestSpec => ({
  path,
  headers: [["user-agent", ATTACK], ...headers],
});

function total(numbers: readonly (number | bigint)[]): number {
  return numbers.reduce<number>((sum, n) => sum + Number(n), 0);
}

/** Scores counted under a model. */
function scoresOf(windows: readonly Window[], modelId: bigint): number {
  const histograms = windows.flatMap((window) => window.scores).filter((histogram) => histogram.modelId === modelId);
  return total(histograms.flatMap((histogram) => histogram.counts));
}

/** The one row of a context that the windows have. */
function rowOf(windows: readonly Window[], kind: 1 | 2 | 3, name: string): ContextStatistics {
  const key = contextKey(hashKey.key, { kind, name });
  const rows = windows.flatMap((window) => window.contexts).filter((context) => context.key === key);
  assert.is(rows.length, 1, name);
  return rows[0]!;
}

test("of what is held back nothing is learnt but its levels, and everything else is counted", () => {
  const mesh = adopted(HELD_EXCESS);
  mesh.requests(12, USUAL);
  mesh.requests(15, { ...attack("/scan", ["x-probe", "1"]), code: 503 });
  mesh.settle();
  const windows = mesh.windows();
  const { seen, scored, allowed, held, learnt } = mesh.counts();
  assert.equal({ seen, scored, allowed, held, learnt }, { seen: 27, scored: 27, allowed: 27, held: 15, learnt: 12 });
  assert.is(total(windows.flatMap((window) => window.moments.map((group) => group.n))), 12);
  assert.is(scoresOf(windows, bodyOf(HELD_EXCESS).modelId), 12);
  const routes = windows.flatMap((window) => window.routes);
  assert.equal(
    routes.map((route) => [route.key, Number(route.n), Number(route.failures)]),
    [[routeKey(hashKey.key, "GET /shop"), 12, 0]],
  );
  assert.is(total(windows.flatMap((window) => window.callers.map((caller) => caller.n))), 27);
  const edges = windows.flatMap((window) => window.edges).map((edge) => [edge.routeKey, edge.n, edge.failures]);
  assert.equal(edges.map(([, n, failures]) => [Number(n), Number(failures)]).sort(), [
    [12, 0],
    [15, 15],
  ]);
  assert.ok(
    edges.some(([key]) => key === 0n),
    "the route is not known by a request that is held back",
  );
});

test("a row has the levels of what is held back, and the groups that showed them; n may be 0", () => {
  const mesh = adopted(HELD_EXCESS);
  const usual = `${SPIFFE}-1`;
  const partOf = (identity: string) => 1 << callerGroup(keyOf(hashKey.key, Buffer.from(`attested:${identity}`)));
  assert.is.not(partOf(usual), partOf(SPIFFE));
  mesh.requests(3, { ...USUAL, identity: usual });
  mesh.requests(5, attack("/scan", ["x-probe", "1"]));
  mesh.settle();
  const agent = rowOf(mesh.windows(), 3, "user-agent");
  assert.equal([agent.n, total(agent.lengthCounts), Math.max(...agent.classes.map(Number))], [3n, 3, 3]);
  assert.equal(agent.levelCounts.map(Number), [3, 5]);
  assert.equal([...agent.levelGroups], [partOf(usual), partOf(SPIFFE)]);
  assert.equal([...agent.lengthGroups], [partOf(usual)]);
  assert.ok([...agent.classGroups].every((groups) => (groups & partOf(SPIFFE)) === 0));
  const probe = rowOf(mesh.windows(), 3, "x-probe");
  assert.equal([probe.kind, probe.n, probe.lengths, probe.lengthCounts], [3, 0n, [], []]);
  assert.equal(probe.classes.map(Number), new Array(11).fill(0));
  assert.equal([...probe.classGroups], new Array(11).fill(0));
  assert.equal(
    [probe.levelCounts.map(Number), [...probe.levelGroups], probe.lengthGroups.length],
    [[5], [partOf(SPIFFE)], 0],
  );
});

test("the bound itself is held back, one below is not, nor is anything under a model without contexts", () => {
  for (const [mesh, held] of [
    [adopted(HELD_EXCESS), 1],
    [adopted(HELD_EXCESS - 1), 0],
    [adopted(HELD_EXCESS, UNCALIBRATED, false), 0],
  ] as const) {
    mesh.request(attack("/shop"));
    mesh.settle();
    assert.equal([mesh.counts().held, mesh.counts().learnt], [held, 1 - held]);
  }
});

test("what the candidate would hold back is learnt from, and in no histogram of the candidate", () => {
  const current = bodyOf(HELD_EXCESS - 1);
  const candidate = bodyOf(HELD_EXCESS);
  const mesh = new Mesh({ workers: 1 }).adopt({ model: model(current, candidate, table) });
  mesh.requests(11, USUAL);
  mesh.requests(4, attack("/shop"));
  mesh.settle();
  assert.equal([mesh.counts().held, mesh.counts().learnt], [0, 15]);
  assert.is(scoresOf(mesh.windows(), current.modelId), 15);
  assert.is(scoresOf(mesh.windows(), candidate.modelId), 11);
  assert.is(rowOf(mesh.windows(), 3, "user-agent").n, 15n);
});

test("what is held back is in no histogram of a candidate that would not hold it back", () => {
  const current = bodyOf(HELD_EXCESS);
  const candidate = bodyOf(HELD_EXCESS - 1);
  const mesh = new Mesh({ workers: 1 }).adopt({ model: model(current, candidate, table) });
  mesh.requests(11, USUAL);
  mesh.requests(4, attack("/shop"));
  mesh.settle();
  assert.equal([mesh.counts().held, mesh.counts().learnt], [4, 11]);
  assert.equal(
    [current, candidate].map(({ modelId }) => scoresOf(mesh.windows(), modelId)),
    [11, 11],
  );
});

test("retries, and what is or would be denied, are not held back: they are not learnt from anyway", () => {
  const denying: Thresholds = { alert: 128 * HELD_EXCESS, deny: 128 * HELD_EXCESS };
  const [first, ...rest] = attack("/shop").headers!;
  const retry: RequestSpec = { path: "/shop", headers: [first!, ...rest, ["x-envoy-attempt-count", "2"]] };
  for (const [thresholds, mode, spec] of [
    [UNCALIBRATED, 4, retry],
    [denying, 4, attack("/shop")],
    [denying, 3, attack("/shop")],
  ] as const) {
    const mesh = new Mesh({ workers: 1 });
    mesh.adopt({ settings: settings({ ...FAST, mode }), model: sectionOf(HELD_EXCESS, thresholds) });
    mesh.requests(3, spec);
    mesh.settle();
    assert.equal([mesh.counts().seen, mesh.counts().held, mesh.counts().learnt], [3, 0, 0]);
    assert.equal(
      mesh.windows().flatMap((window) => window.contexts),
      [],
    );
  }
});

test("an upgrade that passes is held back as well, and alerted is told", () => {
  const mesh = adopted(HELD_EXCESS, { alert: 100, deny: 0 });
  const upgrade: HeaderList = [
    ["connection", "upgrade"],
    ["upgrade", "websocket"],
  ];
  const exchange = mesh.request({ ...attack("/shop", ...upgrade), code: 101 });
  assert.is(exchange.filterState.get("vedette"), `alert;model:attack_level;header:user-agent;${128 * HELD_EXCESS}`);
  mesh.settle();
  const { seen, held, alerted, learnt } = mesh.counts();
  assert.equal({ seen, held, alerted, learnt }, { seen: 1, held: 1, alerted: 1, learnt: 0 });
});

test("what is held back releases no names: of routes, parameters or headers", () => {
  const denying: Thresholds = { alert: 100, deny: 128 * HELD_EXCESS };
  const inQuery = { path: `/scan?token=${encodeURIComponent(ATTACK)}` };
  for (const [spec, name] of [
    [attack("/scan"), "user-agent"],
    [inQuery, "token"],
  ] as const) {
    for (const teaches of [false, true]) {
      const mesh = adopted(HELD_EXCESS, UNCALIBRATED, !teaches);
      mesh.requests(25, spec);
      mesh.adopt({ model: sectionOf(HELD_EXCESS, denying) });
      mesh.request(spec);
      mesh.sidecar.tick(1000);
      const [denial] = mesh.plane.of("denials").flatMap((batch) => batch.denials);
      assert.is(denial!.verdict, Verdict.DENY);
      assert.is(denial!.reason!.segmentName, teaches ? name : "");
      assert.is(denial!.route, teaches ? "GET /scan" : "");
    }
  }
});

test.run();
