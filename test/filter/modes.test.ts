// What a mode does with a judged request, what the caller, the access log, the metrics and the control plane are told
// of it.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { ReasonKind, Verdict } from "../../control-plane/gen/vedette/v1/decision_pb.ts";
import { CallerClass, SegmentKind } from "../../control-plane/gen/vedette/v1/statistics_pb.ts";
import { REQUEST_ID } from "../host/request.ts";
import { distancePart } from "../reference/contexts.ts";
import { extract } from "../reference/features.ts";
import { score } from "../reference/model.ts";
import { readModels } from "../reference/sections.ts";
import { settings } from "../support/sections.ts";
import { FAST, QUOTE_EXCESS, QUOTES, quoteModel, quoteScore, quoteSection } from "../support/snapshot.ts";
import { Mesh, quoted, SPIFFE, sumResponses } from "./mesh.ts";

const OFF = 1;
const LEARN = 2;
const SHADOW = 3;
const ENFORCE = 4;

function inMode(mode: number): Mesh {
  return new Mesh({ workers: 1 }).adopt({ settings: settings({ ...FAST, mode }) });
}

const metric = (mesh: Mesh, name: string): number => mesh.sidecar.metrics.value(`wasm_filter.vedette.${name}`);
const tagged = (mesh: Mesh, verdict: string): number => metric(mesh, `tag.${verdict};.vedette_requests_total`);

test("off looks at nothing: everything passes and is counted as skipped", () => {
  const mesh = inMode(OFF);
  mesh.requests(12, { path: quoted(4) });
  assert.is(mesh.request({ path: quoted(4) }).status, 200);
  mesh.settle();
  const counts = mesh.counts();
  assert.equal([counts.seen, counts.scored, counts.learnt, counts.skipped[1]], [13, 0, 0, 13]);
  assert.is(mesh.windows().flatMap((window) => window.moments).length, 0);
});

test("learn measures and learns and judges nothing", () => {
  const mesh = inMode(LEARN);
  for (let i = 0; i < 12; i++) {
    const exchange = mesh.request({ path: quoted(4) });
    assert.is(exchange.status, 200);
    assert.is(exchange.filterState.size, 0);
  }
  mesh.settle();
  const counts = mesh.counts();
  assert.equal([counts.seen, counts.learnt, counts.shadowDenied, counts.deniedByModel], [12, 12, 0, 0]);
});

test("shadow counts what would be denied, tells it, and lets it pass", () => {
  const mesh = inMode(SHADOW);
  mesh.requests(12);
  const exchange = mesh.request({ path: quoted(4) });
  assert.is(exchange.status, 200);
  assert.match(exchange.filterState.get("vedette")!, /^shadow_deny;model:quotes;query:q;14055$/);
  mesh.settle();
  const counts = mesh.counts();
  assert.equal([counts.seen, counts.scored, counts.shadowDenied, counts.deniedByModel], [13, 13, 1, 0]);
  assert.is(counts.learnt, 12, "what would be denied is not learnt from");
  const scores = mesh.windows().flatMap((window) => window.scores.flatMap((histogram) => histogram.counts));
  assert.is(
    scores.reduce((sum, count) => sum + Number(count), 0),
    12,
    "nor calibrated on",
  );
  assert.is(mesh.plane.of("denials")[0]!.denials[0]!.verdict, Verdict.SHADOW_DENY);
  assert.is(tagged(mesh, "shadow_deny"), 1);
});

test("enforce denies at the threshold, tells of alerts below it, and is silent about the rest", () => {
  const mesh = inMode(ENFORCE);
  const [plain, quiet, alert, deny] = [0, 1, 2, 4].map((quotes) => mesh.request({ path: quoted(quotes) }));
  assert.equal(
    [plain, quiet, alert, deny].map((exchange) => exchange!.status),
    [200, 200, 200, 403],
  );
  assert.is(plain!.filterState.size, 0);
  assert.is(quiet!.filterState.size, 0);
  assert.is(alert!.filterState.get("vedette"), "alert;model:quotes;query:q;1152");
  assert.is(deny!.filterState.get("vedette"), "deny;model:quotes;query:q;14055");
  mesh.settle();
  const counts = mesh.counts();
  assert.equal([counts.scored, counts.allowed, counts.alerted, counts.deniedByModel], [4, 3, 1, 1]);
  assert.is(tagged(mesh, "allow"), 2);
  assert.is(tagged(mesh, "alert"), 1);
  assert.is(tagged(mesh, "deny_model"), 1);
  assert.is(metric(mesh, "vedette_model_version"), 1);
});

test("the threshold itself is denied, one below is not, and 0 is not calibrated and never met", () => {
  const mesh = new Mesh({ workers: 1 });
  mesh.adopt({ model: quoteSection({ alert: 14_055, deny: 14_055 }) });
  assert.is(mesh.request({ path: quoted(4) }).status, 403);
  mesh.adopt({ model: quoteSection({ alert: 14_055, deny: 14_056 }) });
  const passed = mesh.request({ path: quoted(4) });
  assert.is(passed.status, 200);
  assert.match(passed.filterState.get("vedette")!, /^alert;/);
  mesh.adopt({ model: quoteSection({ alert: 0, deny: 0 }) });
  const silent = mesh.request({ path: quoted(30) });
  assert.is(silent.status, 200);
  assert.is(silent.filterState.size, 0);
});

test("the caller of a denied request learns its request id and nothing else, whatever the reason", () => {
  const mesh = inMode(ENFORCE);
  const replies = [quoted(4), quoted(30), `/${"'".repeat(9)}`].map((path) => mesh.request({ path }).localReply!);
  for (const reply of replies) {
    assert.is(reply.code, 403);
    assert.is(reply.body.trimEnd(), `denied, request id ${REQUEST_ID}`);
    assert.equal(reply.headers, []);
    assert.is(reply.details, "vedette_denied");
    assert.equal(reply, replies[0]);
  }
});

test("a request id that was forged to break the reply is cut to what ids are made of", () => {
  const mesh = inMode(ENFORCE);
  for (const requestId of ["<script>", `${"a".repeat(500)}`, "a\r\nb", "", "\xff\x00"]) {
    const body = mesh.request({ path: quoted(4), requestId }).localReply!.body;
    assert.match(body, /^denied, request id [A-Za-z0-9-]{1,64}\n?$/, JSON.stringify(requestId));
  }
  const none = mesh.request({ path: quoted(4), requestId: undefined }).localReply!;
  assert.is(none.code, 403);
});

test("a denial is told with enough to replay it, and without content", () => {
  const mesh = inMode(ENFORCE);
  mesh.requests(25, { path: quoted(1) });
  mesh.request({ path: "/search?q=secret''''&page=2" });
  mesh.sidecar.tick(1000);
  const denial = mesh.plane.of("denials").flatMap((batch) => batch.denials)[0]!;
  assert.is(denial.verdict, Verdict.DENY);
  assert.is(denial.target, "shop/quotes");
  assert.is(denial.caller!.class, CallerClass.ATTESTED);
  assert.is(denial.caller!.name, SPIFFE);
  assert.is(denial.requestId, REQUEST_ID);
  assert.is(denial.route, "GET /search");
  const reason = denial.reason!;
  assert.equal([reason.kind, reason.feature, reason.featureBin, reason.featureMean], [ReasonKind.MODEL, QUOTES, 4, 0]);
  assert.equal([reason.contributionPercent, reason.segment, reason.segmentIndex], [100, SegmentKind.QUERY, 0]);
  assert.is(reason.segmentName, "q", "the name was seen 25 times");
  const record = denial.record!;
  const body = readModels(quoteSection()).current!;
  const bins = extract("/search?q=secret''''&page=2").first;
  assert.equal([...record.bins], bins);
  const excess = 128 * (record.attackExcess + record.structureExcess);
  assert.is(record.score, distancePart(score(body, bins)) + excess);
  assert.is(record.score, quoteScore(4));
  assert.equal([record.attackExcess, record.structureExcess], [QUOTE_EXCESS / 128, 0]);
  assert.is(record.modelId, quoteModel().modelId);
  assert.is(record.denyThreshold, 2000);
  const sent = JSON.stringify(denial, (_, value) => (typeof value === "bigint" ? String(value) : value));
  assert.not.match(sent, /secret/);
});

test("denials beyond the ring are lost, oldest first, and counted", () => {
  const mesh = inMode(ENFORCE);
  mesh.plane.kill();
  mesh.requests(100, { path: quoted(4) });
  mesh.plane.down = false;
  mesh.until(() => mesh.plane.live.length === 1, "stream", 31_000);
  mesh.settle();
  mesh.sidecar.tick(6000);
  const sequences = mesh.plane
    .of("denials")
    .flatMap((batch) => batch.denials.map((denial) => Number(denial.denialSeq)));
  const lost = Math.max(...mesh.plane.of("pulse").map((pulse) => Number(pulse.denialsDropped)));
  assert.is(sequences.length + lost, 100);
  assert.is(sequences.at(-1), 100);
  assert.ok(sequences.length >= 1 && sequences.length <= 64 && lost >= 36);
  assert.is(metric(mesh, "vedette_denials_dropped_total"), lost);
});

test("our own denials are in their own cells: in no response class, no failure, no score, no moments, no route", () => {
  const mesh = inMode(ENFORCE);
  mesh.requests(20);
  mesh.requests(15, { path: quoted(4) });
  mesh.settle();
  const windows = mesh.windows();
  const counts = mesh.counts();
  assert.equal([counts.seen, counts.deniedByModel, counts.learnt], [35, 15, 20]);
  assert.equal(sumResponses(windows), [0, 20, 0, 0, 0]);
  const edges = windows.flatMap((window) => window.edges);
  assert.is(
    edges.reduce((sum, edge) => sum + Number(edge.denied), 0),
    15,
  );
  assert.is(
    edges.reduce((sum, edge) => sum + Number(edge.failures), 0),
    0,
  );
  assert.is(
    windows.flatMap((window) => window.routes).reduce((sum, route) => sum + Number(route.n), 0),
    20,
  );
  assert.is(
    windows.flatMap((window) => window.moments).reduce((sum, group) => sum + Number(group.n), 0),
    20,
  );
  const scored = windows.flatMap((window) => window.scores.flatMap((histogram) => histogram.counts));
  assert.is(
    scored.reduce((sum, n) => sum + Number(n), 0),
    20,
  );
});

test("a pulse tells totals since boot, the mode and what is held", () => {
  const mesh = inMode(SHADOW);
  mesh.requests(9);
  mesh.request({ path: quoted(4) });
  mesh.sidecar.tick(6000);
  const byBoot = new Map(mesh.plane.of("pulse").map((pulse) => [pulse.vmBootId, pulse]));
  const pulse = [...byBoot.values()].find((candidate) => candidate.seen > 0n)!;
  assert.equal([pulse.seen, pulse.scored, pulse.shadowDenied, pulse.denied], [10n, 10n, 1n, 0n]);
  assert.is(pulse.mode, SHADOW);
  assert.is(pulse.held!.version, 1n);
});

test("an absolute-form target, a second decoding and escapes are scored as the law says", () => {
  const mesh = inMode(ENFORCE);
  const cases: [string, number][] = [
    ["http://quotes.shop/search?q=%27%27%27%27", 403],
    ["/search?q=%2527%2527%2527%2527", 403],
    ["/search?q=%u0027%u0027%u0027%u0027", 403],
    ["/''''", 403],
    ["/search?''''", 403],
    ["/search?q=%27%27", 200],
    ["/search?q=caf%C3%A9", 200],
  ];
  for (const [path, status] of cases) assert.is(mesh.request({ path }).status, status, path);
});

test.run();
