// What a rule would have matched, answered from counts by caller and route.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { RuleMatch, Statistics } from "../../../control-plane/domain.ts";
import { previewRule } from "../../../control-plane/rules/preview.ts";
import { emptyStatistics } from "../../../control-plane/store/statistics.ts";

const WEB = "00000000000000a1";
const APP = "00000000000000a2";
const LIST = "00000000000000b1";
const BUY = "00000000000000b2";
const HELD = "00000000000000b3";

function shop(): Statistics {
  const statistics = emptyStatistics();
  statistics.counts.seen = 200;
  const route = (name: string) => ({ name, n: 50, sums: [], failures: 0 });
  statistics.routes = { [LIST]: route("GET /products"), [BUY]: route("POST /orders"), [HELD]: route("") };
  statistics.callers = {
    [WEB]: { name: "spiffe://cluster.local/ns/shop/sa/web", class: "attested", group: 1, n: 90 },
    [APP]: { name: "10.0.0.7", class: "address", group: 2, n: 60 },
  };
  const edge = (n: number) => ({ n, denied: 0, failures: 0 });
  statistics.edges = {
    [`${WEB}/${LIST}`]: edge(70),
    [`${WEB}/${BUY}`]: edge(20),
    [`${APP}/${LIST}`]: edge(30),
    [`${APP}/${HELD}`]: edge(30),
  };
  return statistics;
}

function preview(some: Partial<RuleMatch>) {
  const match = { caller: "", callerGroup: null, method: "", route: "", scoreMin: 0, ...some };
  const statistics = shop();
  return previewRule(match, { statistics, counts: statistics.counts });
}

test("every field that is set must match", () => {
  const web = "spiffe://cluster.local/ns/shop/sa/web";
  assert.is(preview({ caller: web }).matched, 90);
  assert.is(preview({ caller: web, method: "POST" }).matched, 20);
  assert.is(preview({ callerGroup: 2 }).matched, 60);
  assert.is(preview({ route: "GET /products" }).matched, 100);
  assert.is(preview({ route: "GET /products", callerGroup: 1 }).matched, 70);
  assert.is(preview({ method: "GE" }).matched, 0);
  assert.is(preview({ caller: "10.0.0.8" }).matched, 0);
});

test("callers come most first, and requests are all that were seen", () => {
  const { callers, requests } = preview({ route: "GET /products" });
  assert.equal(callers, [
    { key: WEB, matched: 70 },
    { key: APP, matched: 30 },
  ]);
  assert.is(requests, 200);
});

test("at most twenty callers are told", () => {
  const statistics = shop();
  for (let i = 16; i < 60; i++)
    statistics.edges[`${i.toString(16).padStart(16, "0")}/${LIST}`] = { n: i, denied: 0, failures: 0 };
  const match = { caller: "", callerGroup: null, method: "GET", route: "", scoreMin: 0 };
  const { callers } = previewRule(match, { statistics, counts: statistics.counts });
  assert.is(callers.length, 20);
  assert.equal(callers[0], { key: WEB, matched: 70 });
  assert.equal(callers[1], { key: (59).toString(16).padStart(16, "0"), matched: 59 });
});

test("what the counts cannot say is told", () => {
  assert.match(preview({ callerGroup: 1 }).limitation, /^50 requests are in no caller-to-route count/);
  assert.match(preview({ method: "GET" }).limitation, /30 requests are of routes whose name is held back/);
  assert.match(preview({ callerGroup: 1, scoreMin: 500 }).limitation, /score_min is left out/);
  const whole = shop();
  whole.counts.seen = 150;
  const match = { caller: "10.0.0.7", callerGroup: null, method: "", route: "", scoreMin: 0 };
  assert.is(previewRule(match, { statistics: whole, counts: whole.counts }).limitation, "");
});

test.run();
