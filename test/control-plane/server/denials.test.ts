// Denials on their way from a sidecar to the operators who watch, and what becomes of those who read too slowly.

import { create } from "@bufbuild/protobuf";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DenialSchema, ReasonKind, Verdict } from "../../../control-plane/gen/vedette/v1/decision_pb.ts";
import { OperatorService, type WatchDenialsResponse } from "../../../control-plane/gen/vedette/v1/operator_pb.ts";
import { SegmentKind } from "../../../control-plane/gen/vedette/v1/statistics_pb.ts";
import { QUEUE_MAX, WATCHERS_MAX } from "../../../control-plane/server/denials.ts";
import { until } from "../../support/conditions.ts";
import { TestEdge } from "../../support/edge.ts";
import { TestClient } from "../../support/grpc-client.ts";
import { BOOT, TestSidecar, windowFrame } from "../../support/sidecar-client.ts";

const { watchDenials } = OperatorService.method;

const test = suite<{ edge: TestEdge; client: TestClient; sidecar: TestSidecar }>("denials");

test.before.each(async (context) => {
  context.edge = await TestEdge.start();
  context.client = new TestClient(context.edge.addresses.operator);
  context.sidecar = new TestSidecar(context.edge.addresses.sidecar);
});

test.after.each(async ({ edge, client, sidecar }) => {
  client.close();
  sidecar.close();
  await edge.stop();
});

function denial(seq: number, target = "shop/cart") {
  return {
    vmBootId: BOOT,
    denialSeq: BigInt(seq),
    target,
    verdict: Verdict.DENY,
    requestId: "x".repeat(64),
    reason: { kind: ReasonKind.MODEL, feature: 11, segment: SegmentKind.QUERY, segmentName: "q" },
  };
}

const SAMPLE = create(DenialSchema, denial(1));

test("a watcher is told of denials from now on, with node and reason in words", async ({ edge, client, sidecar }) => {
  const watch = client.serverStream(watchDenials, {});
  await until("it watches", () => edge.edge.denials.watching === 1);
  const stream = sidecar.greet();
  const value = { denials: [denial(1), denial(2, "shop/pay")] };
  stream.send({ leaseCounter: 1n, frame: { case: "denials", value } });
  const first = await watch.next();
  assert.is(first.node, "node-1");
  assert.is(first.denial?.denialSeq, 1n);
  assert.is(first.denial?.requestId, "x".repeat(64));
  assert.match(first.text, /^query parameter q: quotes \(quotes: bin 0, usual 0\.0\)/);
  assert.is(first.dropped, 0n);
  assert.is((await watch.next()).denial?.target, "shop/pay");
  watch.cancel();
  await until("it watches no more", () => edge.edge.denials.watching === 0);
});

test("a watcher of one workload is told of no other", async ({ edge, client, sidecar }) => {
  const watch = client.serverStream(watchDenials, { workload: "workloads/shop/pay" });
  await until("it watches", () => edge.edge.denials.watching === 1);
  const stream = sidecar.greet();
  const value = { denials: [denial(1), denial(2, "shop/pay"), denial(3)] };
  stream.send({ leaseCounter: 1n, frame: { case: "denials", value } });
  assert.is((await watch.next()).denial?.denialSeq, 2n);
  stream.send({ leaseCounter: 1n, frame: windowFrame(1) });
  await stream.next();
  assert.is(watch.waiting, 0);
});

test("a filter that is no workload is refused", async ({ client }) => {
  const end = await client.serverStream(watchDenials, { workload: "shop/pay" }).ended;
  assert.is(end.code, "INVALID_ARGUMENT");
  assert.equal(end.fields, ["workload"]);
});

test("a slow watcher loses the oldest, and is told how many", async ({ edge, client }) => {
  const slow = client.serverStream(watchDenials, {});
  const quick = client.serverStream(watchDenials, {});
  await until("both watch", () => edge.edge.denials.watching === 2);
  slow.pause();
  const total = 6_000;
  let quickSeen = 0;
  for (let seq = 1; seq <= total; seq++) {
    edge.edge.denials.publish("node-1", { ...SAMPLE, denialSeq: BigInt(seq) });
    if (seq % 100 !== 0) continue;
    while (quickSeen < seq) {
      await quick.next();
      quickSeen++;
    }
  }
  slow.resume();
  const seen: WatchDenialsResponse[] = [];
  do seen.push(await slow.next());
  while (seen.at(-1)?.denial?.denialSeq !== BigInt(total));
  const last = seen.at(-1)!;
  assert.ok(last.dropped > 0n, "some were lost");
  assert.is(seen.length + Number(last.dropped), total, "every one is told or counted");
  const sequence = seen.map((one) => Number(one.denial?.denialSeq));
  assert.equal(
    sequence,
    [...sequence].sort((a, b) => a - b),
  );
  assert.equal(
    sequence.slice(-QUEUE_MAX),
    Array.from({ length: QUEUE_MAX }, (_, i) => total - QUEUE_MAX + 1 + i),
    "the newest are kept",
  );
});

test("no more than 100 watch at once", async ({ edge, client }) => {
  const second = new TestClient(edge.addresses.operator, undefined, { "grpc.use_local_subchannel_pool": 1 });
  const watches = Array.from({ length: WATCHERS_MAX }, (_, i) => {
    return (i % 2 === 0 ? client : second).serverStream(watchDenials, {});
  });
  await until("all watch", () => edge.edge.denials.watching === WATCHERS_MAX);
  assert.is((await client.serverStream(watchDenials, {}).ended).code, "RESOURCE_EXHAUSTED");
  for (const watch of watches) watch.cancel();
  second.close();
});

test("stopping ends a watch with status 0", async ({ edge, client }) => {
  const watch = client.serverStream(watchDenials, {});
  await until("it watches", () => edge.edge.denials.watching === 1);
  await edge.stop();
  assert.is((await watch.ended).code, "OK");
});

test.run();
