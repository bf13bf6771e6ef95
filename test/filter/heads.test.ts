// The attack head and the structure head in the filter: scores, reasons and places equal those of the reference, over
// targets and headers; and what is told of an attack in a header.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { SegmentKind } from "../../control-plane/gen/vedette/v1/statistics_pb.ts";
import type { HeaderList } from "../host/exchange.ts";
import { attackFeatures } from "../reference/attack.ts";
import { wholeScore } from "../reference/contexts.ts";
import { extract, REASON_NAMES } from "../reference/features.ts";
import { contextKey, type Header, segmentsOf } from "../reference/request-segments.ts";
import { routeKey, routeOf } from "../reference/route.ts";
import { type Models, readModels } from "../reference/sections.ts";
import { splitTarget } from "../reference/target.ts";
import { contextBytes, headers, kindBytes, routeBytes, testContexts, testTable } from "../support/heads.ts";
import { Prng } from "../support/prng.ts";
import { shortTarget } from "../support/requests.ts";
import { attackTable, hashKey, idOf, model } from "../support/sections.ts";
import { quoteModel, quoteTable } from "../support/snapshot.ts";
import { Mesh } from "./mesh.ts";

const KINDS = ["", "path", "query", "header"];

interface Request {
  path: string;
  headers: Header[];
}

const keyOfRoute = (path: string) => routeKey(hashKey.key, routeOf("GET", path, false));

/** The quote model with contexts and routes made of these requests, alerting at any score and denying nothing. */
function seededSection(prng: Prng, requests: readonly Request[]): Uint8Array {
  const segments = requests.flatMap(({ path, headers }) => segmentsOf(splitTarget(path), headers).list);
  const keys = requests.map(({ path }) => keyOfRoute(path));
  const { contexts, kinds, routes, structureBase } = testContexts(prng, segments, hashKey.key, keys);
  const { weights, bias } = testTable(prng);
  const table = attackTable(weights, bias);
  const rows = { contexts: contextBytes(contexts), kinds: kindBytes(kinds), routes: routeBytes(routes) };
  const heads = { ...rows, structureBase, attackId: table.tableId };
  const content = { ...quoteModel(), ...heads, alertThreshold: 1, denyThreshold: 2 ** 31 - 1 };
  return model({ ...content, modelId: idOf(content) }, undefined, table);
}

function referenceState({ current, attack }: Models, request: Request): string | undefined {
  const target = splitTarget(request.path);
  const scored = { target, extraction: extract(request.path), segments: segmentsOf(target, request.headers) };
  const routed = { ...scored, routeKey: keyOfRoute(request.path) };
  const { score, reason } = wholeScore(current!, attack, routed, hashKey.key);
  if (score === 0) return undefined;
  const place = /^[A-Za-z0-9._~-]{1,64}$/.test(reason.name) && reason.kind !== 1 ? reason.name : reason.index;
  return `alert;model:${REASON_NAMES[reason.feature]};${KINDS[reason.kind]}:${place};${score}`;
}

test("score, reason and place of seeded requests with headers are those of the reference", () => {
  const prng = new Prng(20_261_125);
  const told = new Set<string>();
  for (let round = 0; round < 4; round++) {
    const requests = Array.from({ length: 120 }, () => ({ path: shortTarget(prng), headers: headers(prng) })).filter(
      // Beyond 256 KiB nothing is scored; the host folds nothing, so the names stay apart.
      ({ headers }) => headers.reduce((sum, [name, value]) => sum + name.length + value.length, 0) < 200_000,
    );
    const section = seededSection(prng, requests);
    const models = readModels(section);
    const build = round % 2 === 0 ? "vedette" : "vedette-scalar";
    const mesh = new Mesh({ workers: 1, build }).adopt({ model: section });
    for (const request of requests) {
      const exchange = mesh.request({ path: request.path, headers: request.headers as unknown as HeaderList });
      const expected = referenceState(models, request);
      assert.is(exchange.filterState.get("vedette"), expected, JSON.stringify(request).slice(0, 500));
      if (expected !== undefined) told.add(expected.split(";")[1]! + expected.split(/[;:]/)[3]!);
    }
    assert.equal(mesh.sidecar.failures, []);
  }
  for (const reason of ["attack_levelpath", "attack_levelquery", "attack_levelheader", "new_name", "new_routepath"]) {
    assert.ok(
      [...told].some((one) => one.startsWith(`model:${reason}`)),
      `${reason} among ${[...told]}`,
    );
  }
});

const SHELLSHOCK = "() { :;}; /bin/cat /etc/passwd";
const AGENT = "shop-client/1.4";

/** Only the attack head speaks: the words of one attack weigh 60 in all features, and a user agent has a context. */
function attackSection(): Uint8Array {
  const weights = new Int8Array(32_768);
  for (const index of attackFeatures(SHELLSHOCK)) weights[index] = 60;
  for (const index of attackFeatures(AGENT)) weights[index] = 0;
  const table = attackTable(weights, 0);
  const kind = { base: 0, nameSurprise: 0 };
  const known = {
    key: contextKey(hashKey.key, { kind: 3, name: "user-agent" }),
    base: 7,
    classes: 2047,
    shortest: 0,
    longest: 24,
    classSurprise: 0,
    lengthSurprise: 0,
  };
  const heads = { contexts: contextBytes([known]), kinds: kindBytes([kind, kind, kind, kind]), structureBase: 0 };
  const content = { ...quoteModel({ alert: 20_000, deny: 60_000 }), ...heads, attackId: table.tableId };
  return model({ ...content, modelId: idOf(content) }, undefined, table);
}

test("an attack in a header is denied, located and told with what the attack head found", () => {
  const mesh = new Mesh({ workers: 1 }).adopt({ model: attackSection() });
  const level = 60 * (attackFeatures(SHELLSHOCK).length - shared());
  const score = 128 * (level - 7);
  const attack: HeaderList = [
    ["accept", "*/*"],
    ["user-agent", SHELLSHOCK],
  ];
  const state = mesh.request({ headers: attack }).filterState.get("vedette");
  assert.is(state, `deny;model:attack_level;header:user-agent;${score}`);
  mesh.sidecar.tick(1000);
  mesh.requests(20, { headers: [["user-agent", AGENT]] });
  mesh.sidecar.tick(1000);
  mesh.request({ headers: attack });
  mesh.request({ headers: [["x odd", SHELLSHOCK]] });
  mesh.sidecar.tick(1000);
  const denials = mesh.plane.of("denials").flatMap((batch) => batch.denials);
  const key = contextKey(hashKey.key, { kind: 3, name: "user-agent" });
  const [early, late, odd] = denials.map((denial) => denial.reason!);
  for (const reason of [early!, late!]) {
    assert.equal([reason.segment, reason.segmentIndex, reason.segmentKey], [SegmentKind.HEADER, 1, key]);
    assert.equal([reason.feature, reason.featureBin, reason.featureMean], [32, 31, 0]);
    assert.is(reason.contributionPercent, 100);
  }
  assert.equal([early!.segmentName, late!.segmentName, odd!.segmentName], ["", "user-agent", ""]);
  const record = denials[0]!.record!;
  assert.equal([record.attackExcess, record.structureExcess, record.score], [level - 7, 0, score]);
  const sent = JSON.stringify(denials, (_, value) => (typeof value === "bigint" ? String(value) : value));
  assert.not.match(sent, /passwd/);
});

/** Features that the attack and the usual agent have in common: they weigh nothing. */
function shared(): number {
  const usual = new Set(attackFeatures(AGENT));
  return attackFeatures(SHELLSHOCK).filter((index) => usual.has(index)).length;
}

test("a header's name that could forge a log line is told as its place", () => {
  const mesh = new Mesh({ workers: 1 }).adopt({ model: attackSection() });
  for (const name of ["x;odd", "x odd", 'x"odd', "\xe9"]) {
    const state = mesh.request({ headers: [[name, SHELLSHOCK]] }).filterState.get("vedette")!;
    assert.match(state, /^deny;model:attack_level;header:0;\d+$/, name);
  }
});

test("headers that the mesh makes are in no score, and values as long as headers may be are", () => {
  const mesh = new Mesh({ workers: 1 }).adopt({ model: attackSection() });
  for (const name of ["x-request-id", "x-envoy-original-path", "x-b3-traceid", "traceparent", "host", "if-match"]) {
    const exchange = mesh.request({ headers: [[name, SHELLSHOCK]] });
    assert.equal([exchange.status, exchange.filterState.size], [200, 0], name);
  }
  assert.is(mesh.request({ headers: [["x-long", `${"a ".repeat(30_000)}${SHELLSHOCK}`]] }).status, 403);
});

test("what the attack head does not agree to is alerted, whatever its distance", () => {
  const mesh = new Mesh({ workers: 1 }).adopt();
  const exchange = mesh.request({ path: "/search?''''=1" });
  assert.is(exchange.status, 200);
  assert.is(exchange.filterState.get("vedette"), "alert;model:quotes;query:0;13927");
});

/** Only the structure head speaks, of the route: it knows two, and another is a surprise of 160 above its base. */
function routeSection(): Uint8Array {
  const silent = { base: 0, nameSurprise: 0 };
  const kinds = kindBytes([silent, silent, silent, { base: 0, nameSurprise: 200 }]);
  const routes = routeBytes([keyOfRoute("/shop"), keyOfRoute("/orders/12345")].sort((a, b) => (a < b ? -1 : 1)));
  const content = { ...quoteModel({ alert: 20_000, deny: 20_500 }), kinds, routes, structureBase: 40 };
  return model({ ...content, modelId: idOf(content) }, undefined, quoteTable);
}

test("a route that was never seen is told as such, with its path as the place", () => {
  const mesh = new Mesh({ workers: 1 }).adopt({ model: routeSection() });
  for (const path of ["/shop", "/shop?page=2", "/orders/99999"]) assert.is(mesh.request({ path }).filterState.size, 0);
  const state = mesh.request({ path: "/debug/vars?page=2" }).filterState.get("vedette");
  assert.is(state, "alert;model:new_route;path:0;20480");
  const segment = `${"a".repeat(30)}.${"b".repeat(33)}`;
  const overflow = `/${Array.from({ length: 8 }, () => segment).join("/")}`;
  assert.is(keyOfRoute(overflow), 0n);
  assert.is(mesh.request({ path: overflow }).filterState.size, 0, "the overflow route is no surprise");
  assert.is(mesh.request({ path: "/debug/vars?q=tea'" }).status, 403, "with a quote the attack head agrees");
  mesh.sidecar.tick(1000);
  const { reason, record } = mesh.plane.of("denials").flatMap((batch) => batch.denials)[0]!;
  assert.equal([reason!.feature, reason!.featureBin, reason!.featureMean], [36, 0, 0]);
  assert.equal([reason!.segment, reason!.segmentIndex, reason!.segmentName], [SegmentKind.PATH, 0, ""]);
  assert.is(reason!.contributionPercent, Math.floor((100 * 20_480) / record!.score));
  assert.equal([record!.attackExcess, record!.structureExcess, record!.score], [1, 160, 20_480 + 384]);
});

test("without the mesh key, in requests that are not measured and in mode off no segment is looked at", () => {
  const mesh = new Mesh({ workers: 1 });
  assert.is(mesh.request({ headers: [["user-agent", SHELLSHOCK]] }).status, 200);
  mesh.adopt({ model: attackSection() });
  const headers: HeaderList = [
    ["content-type", "application/grpc"],
    ["user-agent", SHELLSHOCK],
  ];
  assert.is(mesh.request({ method: "POST", path: "/shop.v1.Stock/Get", headers }).status, 200);
  assert.is(mesh.request({ path: "/shop", headers }).status, 403);
});

test.run();
