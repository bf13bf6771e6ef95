// Rules in the filter: what they match, that allow beats deny and the model, that they end on time whatever the clocks
// do.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { ReasonKind, Verdict } from "../../control-plane/gen/vedette/v1/decision_pb.ts";
import { RuleAction } from "../../control-plane/gen/vedette/v1/model_pb.ts";
import type { Exchange } from "../host/exchange.ts";
import { callerGroup, keyOf } from "../reference/siphash.ts";
import { hashKey, rule, rules, settings } from "../support/sections.ts";
import { FAST } from "../support/snapshot.ts";
import { Mesh, quoted, SPIFFE } from "./mesh.ts";

const { ALLOW, DENY } = RuleAction;
const OTHER = "spiffe://cluster.local/ns/shop/sa/cart";
const HOUR = 3_600_000;

function in_(mesh: Mesh, ms: number): bigint {
  return BigInt(mesh.sidecar.loop.wallMs + ms);
}

/** A mesh with these rules, each without the maker's own match and good for an hour. */
function ruled(...bodies: Parameters<typeof rule>[0][]): Mesh {
  const mesh = new Mesh({ workers: 1 }).connect();
  const made = bodies.map((body, i) => rule({ id: BigInt(i + 1), method: "", expiresAtMs: in_(mesh, HOUR), ...body }));
  return mesh.adopt({ rules: rules(...made) });
}

function readsAtRequest(exchange: Exchange): string[] {
  return exchange.entries.find((entry) => entry.name === "proxy_on_request_headers")!.hostcalls;
}

test("a rule matches its method, route, caller, caller group or score, and nothing else", () => {
  const byMethod = ruled({ action: DENY, method: "DELETE" });
  assert.is(byMethod.request({ method: "DELETE" }).status, 403);
  assert.is(byMethod.request({ method: "GET" }).status, 200);

  const byRoute = ruled({ action: DENY, route: "GET /orders/*" });
  assert.is(byRoute.request({ path: "/orders/12345?x=1" }).status, 403);
  assert.is(byRoute.request({ path: "/orders" }).status, 200);
  assert.is(byRoute.request({ path: "/orders/12345", method: "POST" }).status, 200);

  const byCaller = ruled({ action: DENY, caller: SPIFFE });
  assert.is(byCaller.request().status, 403);
  assert.is(byCaller.request({ identity: OTHER }).status, 200);
  assert.is(byCaller.request({ identity: undefined }).status, 200);

  const key = keyOf(hashKey.key, Buffer.from(`attested:${SPIFFE}`));
  const byGroup = ruled({ action: DENY, callerGroupPlusOne: callerGroup(key) + 1 });
  assert.is(byGroup.request().status, 403);
  const otherGroup = ruled({ action: DENY, callerGroupPlusOne: ((callerGroup(key) + 1) % 8) + 1 });
  assert.is(otherGroup.request().status, 200);

  const byScore = ruled({ action: DENY, scoreMin: 1000 });
  assert.is(byScore.request({ path: quoted(2) }).status, 403);
  assert.is(byScore.request({ path: quoted(1) }).status, 200);
});

test("every field that is set must match", () => {
  const mesh = ruled({ action: DENY, caller: SPIFFE, method: "GET", route: "GET /admin" });
  assert.is(mesh.request({ path: "/admin" }).status, 403);
  assert.is(mesh.request({ path: "/admin", identity: OTHER }).status, 200);
  assert.is(mesh.request({ path: "/" }).status, 200);
});

test("allow beats deny, whichever comes first, and beats the model", () => {
  const allowFirst = ruled({ action: ALLOW, caller: SPIFFE }, { action: DENY, method: "GET" });
  assert.is(allowFirst.request().status, 200);
  assert.is(allowFirst.request({ identity: OTHER }).status, 403);
  const denyFirst = ruled({ action: DENY, method: "GET" }, { action: ALLOW, caller: SPIFFE });
  assert.is(denyFirst.request().status, 200);
  assert.is(denyFirst.request({ path: quoted(4) }).status, 200, "the model is overruled");
  assert.is(denyFirst.request({ identity: OTHER }).status, 403);
});

test("the first deny rule by id is the one that is named", () => {
  const mesh = ruled({ id: 3n, action: DENY, method: "GET" }, { id: 8n, action: DENY, route: "GET /" });
  const exchange = mesh.request();
  assert.match(exchange.filterState.get("vedette")!, /^deny;rule:3;/);
  mesh.sidecar.tick(1000);
  const denial = mesh.plane.of("denials")[0]!.denials[0]!;
  assert.is(denial.verdict, Verdict.DENY);
  assert.is(denial.reason!.kind, ReasonKind.RULE);
  assert.is(denial.reason!.ruleId, 3n);
});

test("a rule ends at its expiry, also when the control plane is gone", () => {
  const mesh = new Mesh({ workers: 1 }).connect();
  mesh.adopt({ rules: rules(rule({ method: "GET", expiresAtMs: in_(mesh, 30_000) })) });
  mesh.plane.kill();
  mesh.sidecar.tick(25_000);
  assert.is(mesh.request().status, 403);
  mesh.sidecar.tick(6_000);
  assert.is(mesh.request().status, 200);
});

test("a wall clock stepped by an hour, either way, moves no expiry", () => {
  for (const step of [HOUR, -HOUR]) {
    const mesh = new Mesh({ workers: 1 }).connect();
    mesh.adopt({ rules: rules(rule({ method: "GET", expiresAtMs: in_(mesh, 30_000) })) });
    mesh.plane.kill();
    mesh.sidecar.loop.stepWall(step);
    mesh.sidecar.tick(25_000);
    assert.is(mesh.request().status, 403, `step ${step}: not too early`);
    mesh.sidecar.tick(6_000);
    assert.is(mesh.request().status, 200, `step ${step}: not too late`);
  }
});

test("a deadline counts from the server's clock, whatever the sidecar's own wall clock says", () => {
  const mesh = new Mesh({ workers: 1 }).connect();
  const serverNowMs = in_(mesh, -7 * HOUR);
  mesh.adopt({ serverNowMs, rules: rules(rule({ method: "GET", expiresAtMs: serverNowMs + 10_000n })) });
  assert.is(mesh.request().status, 403);
  mesh.sidecar.tick(11_000);
  assert.is(mesh.request().status, 200);
});

test("a server whose clock was stepped back cannot prolong a rule that is held", () => {
  const mesh = new Mesh({ workers: 1 }).connect();
  const body = rules(rule({ method: "GET", expiresAtMs: in_(mesh, 20_000) }));
  mesh.adopt({ rules: body });
  mesh.sidecar.tick(5_000);
  mesh.adopt({ rules: body, serverNowMs: in_(mesh, -HOUR) });
  mesh.sidecar.tick(16_000);
  assert.is(mesh.request().status, 200);
});

test("of 10,240 rules that end one after the other the first still in force is the one that is named", () => {
  const mesh = new Mesh({ workers: 1 }).connect();
  const endOf = (i: number) => in_(mesh, 10_000 + i * 10);
  const many = Array.from({ length: 10_240 }, (_, i) =>
    rule({ id: BigInt(i + 1), method: "GET", expiresAtMs: endOf(i) }),
  );
  mesh.adopt({ rules: rules(...many) });
  mesh.plane.kill();
  const named = () => Number(/^deny;rule:(\d+);/.exec(mesh.request().filterState.get("vedette") ?? "")?.[1]);
  assert.is(named(), 1);
  mesh.sidecar.tick(30_000);
  const first = named();
  assert.ok(first > 1900 && first < 2200, `rule ${first}`);
  assert.is(named(), first, "the same once more, now that those before it are out of the way");
  mesh.sidecar.tick(90_000);
  assert.is(mesh.request().status, 200);
});

test("a rule that is already over when it comes matches nothing", () => {
  const mesh = new Mesh({ workers: 1 }).connect();
  mesh.adopt({ rules: rules(rule({ method: "GET", expiresAtMs: in_(mesh, -1) })) });
  assert.is(mesh.request().status, 200);
});

test("a rule is gone with the next snapshot, and a new one acts within a tick of its arrival", () => {
  const mesh = ruled({ action: DENY, method: "GET" });
  assert.is(mesh.request().status, 403);
  mesh.push({ rules: rules() });
  mesh.sidecar.tick(250);
  assert.is(mesh.request().status, 200);
  mesh.push({ rules: rules(rule({ method: "GET", expiresAtMs: in_(mesh, HOUR) })) });
  mesh.sidecar.tick(250);
  assert.is(mesh.request().status, 403);
});

test("in shadow and in learn mode a rule's deny is counted and passes; in off mode it is not looked at", () => {
  for (const [mode, shadowed] of [
    [1, 0],
    [2, 1],
    [3, 1],
  ] as const) {
    const mesh = new Mesh({ workers: 1 }).connect();
    const body = rules(rule({ method: "GET", expiresAtMs: in_(mesh, HOUR) }));
    mesh.adopt({ settings: settings({ ...FAST, mode }), rules: body });
    assert.is(mesh.request().status, 200, `mode ${mode}`);
    mesh.settle();
    assert.is(mesh.counts().shadowDenied, shadowed, `mode ${mode}`);
    assert.is(mesh.counts().deniedByRule, 0, `mode ${mode}`);
  }
});

test("a rule denies gRPC requests, which no model judges, and upgrades", () => {
  const mesh = ruled({ action: DENY, caller: SPIFFE });
  const grpc: [string, string][] = [["content-type", "application/grpc"]];
  const exchange = mesh.request({ method: "POST", path: "/shop.Stock/Get", headers: grpc });
  assert.equal([exchange.status, exchange.localReply!.grpcStatus], [403, 7]);
  const upgrade: [string, string][] = [
    ["connection", "Upgrade"],
    ["upgrade", "websocket"],
  ];
  assert.is(mesh.request({ headers: upgrade }).status, 403);
  const other = ruled({ action: DENY, caller: OTHER });
  assert.is(other.request({ method: "POST", path: "/shop.Stock/Get", headers: grpc }).status, 200);
  assert.is(other.request({ headers: upgrade }).status, 200);
});

test("10,240 rules are matched without a trap and without another hostcall", () => {
  const mesh = new Mesh({ workers: 1 }).connect();
  const expiresAtMs = in_(mesh, HOUR);
  const many = Array.from({ length: 10_240 }, (_, i) => ({
    ...rule({
      id: BigInt(i + 1),
      method: "",
      route: `GET /never/${i % 2 ? "a" : "b"}/${"xyz".charAt(i % 3)}`,
      expiresAtMs,
    }),
  }));
  mesh.adopt({ rules: rules(...many) });
  const exchange = mesh.request({ path: "/somewhere" });
  assert.is(exchange.status, 200);
  assert.equal(readsAtRequest(exchange), ["proxy_get_header_map_pairs", "proxy_get_property"]);
});

test("the caller is read once, at the headers, whether a rule asks for it or not", () => {
  for (const asks of [{ method: "PUT" }, { caller: OTHER }]) {
    const exchange = ruled({ action: DENY, ...asks }).request();
    assert.equal(readsAtRequest(exchange), ["proxy_get_header_map_pairs", "proxy_get_property"]);
    assert.is(exchange.entries.find((entry) => entry.name === "proxy_on_log")!.hostcalls.length, 1);
  }
});

test("a route that is too long to be named is matched by no rule of a route", () => {
  const mesh = ruled({ action: DENY, route: "GET /" });
  const segment = `${"a".repeat(30)}.${"b".repeat(33)}`;
  assert.is(mesh.request({ path: `/${Array.from({ length: 8 }, () => segment).join("/")}` }).status, 200);
  assert.is(mesh.request({ path: "/" }).status, 403);
});

test.run();
