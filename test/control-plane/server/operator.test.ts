// The operator service over a real connection: workloads, pages, etags, rules, nodes.

import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Mode, RuleAction } from "../../../control-plane/gen/vedette/v1/model_pb.ts";
import { Confidence, OperatorService, VmStatus_State } from "../../../control-plane/gen/vedette/v1/operator_pb.ts";
import { emptyStatistics } from "../../../control-plane/store/statistics.ts";
import { until } from "../../support/conditions.ts";
import { snapshot, TestEdge, workload } from "../../support/edge.ts";
import { TestClient } from "../../support/grpc-client.ts";
import { nextUpdate, pulseFrame, TestSidecar } from "../../support/sidecar-client.ts";

const { method } = OperatorService;
const NOW_MS = 1_767_225_600_000;

const test = suite<{ edge: TestEdge; client: TestClient }>("operator");

test.before.each(async (context) => {
  context.edge = await TestEdge.start();
  context.client = new TestClient(context.edge.addresses.operator);
});

test.after.each(async ({ edge, client }) => {
  client.close();
  await edge.stop();
});

const RULE = {
  action: RuleAction.DENY,
  workload: "workloads/shop/cart",
  match: { caller: "spiffe://cluster.local/ns/shop/sa/web", method: "GET" },
  expiresAt: timestampFromMs(NOW_MS + 3_600_000),
  owner: "alice",
  reason: "test",
};

test("a workload is shown with what is in force and what was counted", async ({ edge, client }) => {
  const shown = workload("shop/cart");
  shown.confidence = "insufficient-callers";
  shown.counts.seen = 12;
  shown.counts.skipped = { "3": 4, "4": 1 };
  shown.windows = { merged: 9, duplicate: 2, expired: 1, dropped: 3 };
  shown.statistics = {
    ...emptyStatistics(),
    routes: {
      "00000000000000a1": { name: "GET /cart", n: 10, sums: [], failures: 1 },
      "00000000000000a2": { name: "", n: 20, sums: [], failures: 0 },
    },
    callers: { "00000000000000c1": { name: "spiffe://x", class: "attested", group: 3, n: 30 } },
  };
  edge.workloads.byTarget.set("shop/cart", shown);
  edge.snapshots.publish(snapshot(4));
  const answer = await client.unary(method.getWorkload, { name: "workloads/shop/cart" });
  const got = answer.workload!;
  assert.is(got.mode, Mode.LEARN);
  assert.is(got.confidence, Confidence.INSUFFICIENT_CALLERS);
  assert.is(got.version, 4n);
  assert.is(got.digest, edge.snapshots.current("shop/cart")?.digest);
  assert.is(got.counts?.seen, 12n);
  assert.is(got.counts?.skipped, 5n);
  assert.is(got.counts?.windowsDuplicate, 2n);
  assert.equal(
    got.routes.map((route) => [route.name, route.requests]),
    [
      ["#00000000000000a2", 20n],
      ["GET /cart", 10n],
    ],
  );
  assert.is(got.callers[0]?.callerClass, "attested");
  assert.is(got.modeSetAt?.seconds, BigInt(NOW_MS / 1000));
});

test("workloads come in pages, in order, whatever comes and goes meanwhile", async ({ edge, client }) => {
  const names = Array.from({ length: 7 }, (_, i) => `shop/w${i}`);
  for (const name of [...names].reverse()) await edge.workloads.ensure(name);
  const seen: string[] = [];
  let pageToken = "";
  do {
    const page = await client.unary(method.listWorkloads, { pageSize: 3, pageToken });
    assert.ok(page.workloads.length <= 3);
    seen.push(...page.workloads.map((one) => one.name));
    pageToken = page.nextPageToken;
    edge.workloads.byTarget.delete("shop/w2");
  } while (pageToken !== "");
  assert.equal(
    seen,
    names.map((name) => `workloads/${name}`),
  );
});

test("a page token of another list, or of nobody, is refused", async ({ edge, client }) => {
  for (const name of ["shop/a", "shop/b"]) await edge.workloads.ensure(name);
  const { nextPageToken } = await client.unary(method.listWorkloads, { pageSize: 1 });
  assert.is.not(nextPageToken, "");
  for (const end of [
    await client.refusal(method.listNodes, { pageToken: nextPageToken }),
    await client.refusal(method.listRules, { pageToken: nextPageToken }),
    await client.refusal(method.listWorkloads, { pageToken: "not a token" }),
    await client.refusal(method.listWorkloads, { pageToken: Buffer.from("[1]").toString("base64url") }),
  ]) {
    assert.is(end.code, "INVALID_ARGUMENT");
    assert.equal(end.fields, ["page_token"]);
  }
  assert.equal((await client.refusal(method.listWorkloads, { pageSize: 1001 })).fields, ["page_size"]);
});

test("a mode is set with the etag that was read, or with none", async ({ edge, client }) => {
  await edge.workloads.ensure("shop/cart");
  const name = "workloads/shop/cart";
  const first = (await client.unary(method.getWorkload, { name })).workload!;
  const set = await client.unary(method.setWorkloadMode, { name, mode: Mode.SHADOW, etag: first.etag });
  assert.is(set.workload?.mode, Mode.SHADOW);
  const stale = await client.refusal(method.setWorkloadMode, { name, mode: Mode.OFF, etag: first.etag });
  assert.is(stale.code, "ABORTED");
  await client.unary(method.setWorkloadMode, { name, mode: Mode.ENFORCE });
  assert.is(edge.workloads.get("shop/cart")?.mode, "enforce");
  assert.equal((await client.refusal(method.setWorkloadMode, { name, mode: 0 })).fields, ["mode"]);
  assert.equal((await client.refusal(method.setWorkloadMode, { name, mode: 9 as Mode })).fields, ["mode"]);
  const line = edge.log.lines.find(({ event }) => event === "mode set");
  assert.equal(line?.fields, { target: "shop/cart", mode: "shadow", operator: "local" });
});

test("names that are none are refused, names of nothing are not found", async ({ client }) => {
  for (const name of ["", "shop/cart", "workloads/Shop/cart", "workloads/shop", `workloads/shop/${"x".repeat(300)}`]) {
    const end = await client.refusal(method.getWorkload, { name });
    assert.is(end.code, "INVALID_ARGUMENT", name);
    assert.ok(end.fields.includes("name"));
  }
  assert.is((await client.refusal(method.getWorkload, { name: "workloads/shop/none" })).code, "NOT_FOUND");
  assert.is((await client.refusal(method.getRule, { name: "rules/17" })).code, "NOT_FOUND");
  assert.is((await client.refusal(method.getRule, { name: "rules/99999999999999999999" })).code, "NOT_FOUND");
  assert.is((await client.refusal(method.deleteRule, { name: "rules/0" })).code, "INVALID_ARGUMENT");
});

test("a rule is created, shown, listed and deleted", async ({ edge, client }) => {
  await edge.workloads.ensure("shop/cart");
  const { rule } = await client.unary(method.createRule, { rule: RULE });
  assert.is(rule?.name, "rules/1");
  assert.is(rule?.acting, false);
  assert.is(rule?.match?.callerGroup, undefined);
  assert.equal(edge.rules.get(1)?.match, {
    caller: "spiffe://cluster.local/ns/shop/sa/web",
    callerGroup: null,
    method: "GET",
    route: "",
    scoreMin: 0,
  });
  await edge.workloads.setMode("shop/cart", "enforce", "");
  assert.is((await client.unary(method.getRule, { name: "rules/1" })).rule?.acting, true);
  await client.unary(method.createRule, {
    rule: { ...RULE, workload: "workloads/shop/pay", match: { callerGroup: 0 } },
  });
  assert.is((await client.unary(method.listRules, {})).rules.length, 2);
  const listed = await client.unary(method.listRules, { workload: "workloads/shop/pay" });
  assert.is(listed.rules[0]?.match?.callerGroup, 0);
  await client.unary(method.deleteRule, { name: "rules/1" });
  assert.is((await client.unary(method.listRules, { workload: "workloads/shop/cart" })).rules.length, 0);
  assert.equal(
    edge.log.lines.filter(({ event }) => event.startsWith("rule ")).map(({ event, fields }) => [event, fields.rule]),
    [
      ["rule created", 1],
      ["rule created", 2],
      ["rule deleted", 1],
    ],
  );
});

test("rules come in pages of one workload", async ({ client }) => {
  for (let i = 0; i < 5; i++) {
    const workloadName = i % 2 === 0 ? "workloads/shop/cart" : "workloads/shop/pay";
    await client.unary(method.createRule, { rule: { ...RULE, workload: workloadName } });
  }
  const workloadName = "workloads/shop/cart";
  const first = await client.unary(method.listRules, { pageSize: 2, workload: workloadName });
  const pageToken = first.nextPageToken;
  const second = await client.unary(method.listRules, { pageSize: 2, workload: workloadName, pageToken });
  assert.equal(
    [...first.rules, ...second.rules].map((rule) => rule.name),
    ["rules/1", "rules/3", "rules/5"],
  );
  assert.is(second.nextPageToken, "");
  assert.equal((await client.refusal(method.listRules, { pageToken })).fields, ["page_token"]);
});

test("a rule that breaks a rule is refused with every field", async ({ client }) => {
  const end = await client.refusal(method.createRule, {
    rule: { action: 7 as RuleAction, workload: "shop/cart", match: { method: "get", callerGroup: 8 }, owner: "" },
  });
  assert.is(end.code, "INVALID_ARGUMENT");
  assert.equal(end.fields.sort(), [
    "rule.action",
    "rule.expires_at",
    "rule.match.caller_group",
    "rule.match.method",
    "rule.owner",
    "rule.reason",
    "rule.workload",
  ]);
  assert.equal((await client.refusal(method.createRule, {})).fields, ["rule"]);
  const late = { ...RULE, expiresAt: { seconds: 2n ** 60n, nanos: 0 } };
  assert.equal((await client.refusal(method.createRule, { rule: late })).fields, ["rule.expires_at"]);
});

test("a preview creates nothing and names the callers it knows", async ({ edge, client }) => {
  const known = workload("shop/cart");
  known.statistics.callers["00000000000000ca"] = { name: "spiffe://web", class: "attested", group: 2, n: 9 };
  edge.workloads.byTarget.set("shop/cart", known);
  const preview = await client.unary(method.previewRule, { rule: RULE });
  assert.is(preview.requests, 100n);
  assert.is(preview.matched, 7n);
  assert.is(preview.limitation, "no scores");
  assert.is(preview.callers[0]?.name, "spiffe://web");
  assert.is(preview.callers[0]?.requests, 7n);
  assert.is(edge.rules.byId.size, 0);
});

test("a node shows what its VMs hold, how they answered, and what they counted", async ({ edge, client }) => {
  edge.snapshots.publish(snapshot(2));
  const sidecar = new TestSidecar(edge.addresses.sidecar);
  const stream = sidecar.greet();
  const { nonce } = await nextUpdate(stream);
  const about = { nonce, target: "shop/cart", epoch: 1n, version: 2n };
  stream.send({ leaseCounter: 1n, frame: { case: "ack", value: { ...about, vmBootId: 0xb001n } } });
  const refusal = { ...about, vmBootId: 0xb002n, field: "model.scale", value: 96n, bound: "128 bytes" };
  stream.send({ leaseCounter: 1n, frame: { case: "nack", value: refusal } });
  stream.send({ leaseCounter: 1n, frame: pulseFrame({ seen: 5n, denied: 1n }) });
  stream.send({ leaseCounter: 1n, frame: pulseFrame({ vmBootId: 0xb002n, seen: 7n, shadowDenied: 2n }) });
  await until("all has been read", () => edge.edge.nodes.get("node-1")?.vms.get("000000000000b002")?.totals.seen === 7);
  const { nodes } = await client.unary(method.listNodes, {});
  assert.is(nodes.length, 1);
  const node = nodes[0]!;
  assert.is(node.name, "nodes/node-1");
  assert.is(node.identity, "local");
  assert.equal(node.workloads, ["workloads/shop/cart"]);
  assert.ok(node.connected);
  assert.is(node.seen, 12n);
  assert.is(node.denied, 1n);
  assert.is(node.shadowDenied, 2n);
  const [acked, nacked] = node.vms;
  assert.is(acked?.state, VmStatus_State.ACKED);
  assert.is(acked?.version, 2n);
  assert.is(nacked?.state, VmStatus_State.NACKED);
  assert.is(nacked?.nackReason, "model.scale: 96, bound 128 bytes");
  const shown = await client.unary(method.getWorkload, { name: "workloads/shop/cart" });
  assert.equal(shown.workload?.nodes, ["node-1"]);
  stream.cancel();
  await until("it is gone", () => edge.edge.streams === 0);
  assert.not.ok((await client.unary(method.listNodes, {})).nodes[0]?.connected);
  assert.equal((await client.unary(method.getWorkload, { name: "workloads/shop/cart" })).workload?.nodes, []);
  sidecar.close();
});

test("a fault of ours says nothing on the wire and all in the log", async ({ edge, client }) => {
  edge.rules.preview = () => {
    throw new Error("secret path in here");
  };
  const end = await client.refusal(method.previewRule, { rule: RULE });
  assert.is(end.code, "INTERNAL");
  assert.is(end.details, "internal error");
  const line = edge.log.lines.find(({ event }) => event === "fault");
  assert.is(line?.fields.error, "secret path in here");
  assert.is(line?.fields.method, "PreviewRule");
});

test.run();
