// The sidecar service over a real connection: hello, frames, delivery, windows, takeover, silence, drain.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { WindowOutcome } from "../../../control-plane/gen/vedette/v1/sidecar_pb.ts";
import { until } from "../../support/conditions.ts";
import { digestOf, PULSE_MS, snapshot, TestEdge } from "../../support/edge.ts";
import { BOOT, nextAcks, nextUpdate, pulseFrame, TestSidecar, windowFrame } from "../../support/sidecar-client.ts";

const test = suite<{ edge: TestEdge; sidecar: TestSidecar }>("sidecar stream");

test.before.each(async (context) => {
  context.edge = await TestEdge.start();
  context.sidecar = new TestSidecar(context.edge.addresses.sidecar);
});

test.after.each(async ({ edge, sidecar }) => {
  sidecar.close();
  await edge.stop();
});

test("hello makes the node and its workload known, and brings the snapshot in force", async ({ edge, sidecar }) => {
  edge.snapshots.publish(snapshot(7));
  const stream = sidecar.greet();
  const update = await nextUpdate(stream);
  assert.is(Buffer.from(update.manifest).toString(), "manifest 7");
  assert.is(Number(update.serverNowMs), edge.clock.nowMs());
  assert.equal(
    update.sections.map((section) => Buffer.from(section.content).toString()),
    ["s1", "m1", "r1"],
  );
  assert.equal(edge.workloads.ensured, ["shop/cart"]);
  const node = edge.edge.nodes.get("node-1");
  assert.is(node?.identity, "local");
  assert.is(node?.vms.get("000000000000b001")?.state, "pending");
});

test("a window is acknowledged when ingest says so, with what became of it", async ({ edge, sidecar }) => {
  const stream = sidecar.greet();
  edge.ingest.blocked = true;
  stream.send({ leaseCounter: 1n, frame: windowFrame(1) });
  await until("the window is in ingest", () => edge.ingest.reports.length === 1);
  assert.is(stream.waiting, 0);
  edge.ingest.outcome = "duplicate";
  edge.ingest.release();
  const [ack] = await nextAcks(stream, 1);
  assert.is(ack?.vmBootId, BOOT);
  assert.is(ack?.windowSeq, 1n);
  assert.is(ack?.outcome, WindowOutcome.DUPLICATE);
  const report = edge.ingest.reports[0];
  assert.is(report?.identity, "local");
  assert.is(report?.node, "node-1");
  assert.is(report?.vmBootId, "000000000000b001");
  assert.is(report?.statistics.counts.seen, 3);
});

test("a window that cannot be merged is told so and not sent again; the stream lives", async ({ edge, sidecar }) => {
  const stream = sidecar.greet();
  const bad = [
    windowFrame(1, { target: "x" }),
    windowFrame(2, { moments: [{ group: 0, n: 1n, sums: [1n], products: [] }] }),
    windowFrame(3, { counts: { seen: 2n ** 60n } }),
    windowFrame(4, { routes: [{ key: 5n }, { key: 5n }] }),
    windowFrame(5, { scores: [{ modelId: 1n, buckets: [3, 2], counts: [1n, 1n] }] }),
    windowFrame(6, { startMs: 2n, endMs: 1n }),
  ];
  for (const frame of bad) stream.send({ leaseCounter: 1n, frame });
  stream.send({ leaseCounter: 1n, frame: windowFrame(7) });
  const acks = await nextAcks(stream, 7);
  const outcome = new Map(acks.map((ack) => [Number(ack.windowSeq), ack.outcome]));
  for (let seq = 1; seq <= 6; seq++) assert.is(outcome.get(seq), WindowOutcome.INVALID, `window ${seq}`);
  assert.is(outcome.get(7), WindowOutcome.MERGED);
  assert.is(edge.ingest.reports.length, 1);
});

test("a disk that fails ends the stream, acknowledges nothing more and is reported", async ({ edge, sidecar }) => {
  const { ControlPlaneError } = await import("../../../control-plane/errors.ts");
  const stream = sidecar.greet();
  edge.ingest.failure = new ControlPlaneError("DATA_LOSS", "sync failed");
  stream.send({ leaseCounter: 1n, frame: windowFrame(1) });
  stream.send({ leaseCounter: 1n, frame: windowFrame(2) });
  const end = await stream.ended;
  assert.is(end.code, "DATA_LOSS");
  assert.is(end.details, "internal error");
  assert.is(stream.waiting, 0);
  assert.is(edge.diskFailures.length, 1);
});

test("a full store ends the stream without ending the process", async ({ edge, sidecar }) => {
  const { ControlPlaneError } = await import("../../../control-plane/errors.ts");
  const stream = sidecar.greet();
  edge.ingest.failure = new ControlPlaneError("RESOURCE_EXHAUSTED", "store.queue: 9 wait, at most 9");
  stream.send({ leaseCounter: 1n, frame: windowFrame(1) });
  assert.is((await stream.ended).code, "RESOURCE_EXHAUSTED");
  assert.equal(edge.diskFailures, []);
});

test("no more than 16 windows of a stream are in processing", async ({ edge, sidecar }) => {
  const stream = sidecar.greet();
  edge.ingest.blocked = true;
  for (let seq = 1; seq <= 100; seq++) stream.send({ leaseCounter: 1n, frame: windowFrame(seq) });
  await until("16 are in processing", () => edge.ingest.reports.length === 16);
  // The rest came over the same connection before the answer to this call.
  const probe = sidecar.greet({ processId: 0xbbn, node: "node-2" });
  edge.snapshots.publish(snapshot(1));
  await nextUpdate(probe);
  assert.is(edge.ingest.reports.length, 16);
  edge.clock.advance(2 * PULSE_MS);
  probe.cancel();
  edge.clock.advance(10 * PULSE_MS);
  edge.ingest.release();
  const seqs: number[] = [];
  while (seqs.length < 100) {
    const { frame } = await stream.next();
    if (frame.case === "windowAcks") seqs.push(...frame.value.acks.map((ack) => Number(ack.windowSeq)));
  }
  assert.equal(
    seqs.sort((a, b) => a - b),
    Array.from({ length: 100 }, (_, i) => i + 1),
  );
});

test("pulses say what a VM holds and counts", async ({ edge, sidecar }) => {
  edge.snapshots.publish(snapshot(3));
  const stream = sidecar.greet();
  await nextUpdate(stream);
  const held = { target: "shop/cart", epoch: 1n, version: 3n };
  stream.send({
    leaseCounter: 1n,
    frame: pulseFrame({ held, seen: 10n, scored: 8n, mode: 3, configError: "mode, x, a mode" }),
  });
  const vm = () => edge.edge.nodes.get("node-1")?.vms.get("000000000000b001");
  await until("the pulse has been read", () => vm()?.totals.seen === 10);
  assert.is(vm()?.totals.scored, 8);
  assert.is(vm()?.mode, "shadow");
  assert.is(vm()?.state, "acked");
  assert.is(vm()?.version, 3);
  assert.is(vm()?.configError, "mode, x, a mode");
});

test("a sidecar that says nothing for three pulses is let go", async ({ edge, sidecar }) => {
  const stream = sidecar.greet();
  await until("hello has been read", () => edge.edge.nodes.get("node-1") !== undefined);
  edge.clock.advance(2 * PULSE_MS);
  stream.send({ leaseCounter: 1n, frame: pulseFrame({ seen: 1n }) });
  await until(
    "the pulse has been read",
    () => edge.edge.nodes.get("node-1")?.vms.values().next().value?.totals.seen === 1,
  );
  edge.clock.advance(3 * PULSE_MS);
  assert.is(edge.edge.nodes.get("node-1")?.processes.size, 1);
  edge.clock.advance(PULSE_MS);
  const end = await stream.ended;
  assert.is(end.code, "DEADLINE_EXCEEDED");
  assert.is(edge.edge.nodes.get("node-1")?.processes.size, 0);
});

test("a stream that never says hello is let go too", async ({ edge, sidecar }) => {
  const stream = sidecar.connect();
  await until("it is connected", () => edge.edge.streams === 1);
  edge.clock.advance(4 * PULSE_MS);
  assert.is((await stream.ended).code, "DEADLINE_EXCEEDED");
});

test("of two streams of a process the one with the lower lease ends", async ({ edge, sidecar }) => {
  const first = sidecar.greet({}, 1n);
  await until("the first is connected", () => edge.edge.nodes.get("node-1") !== undefined);
  const second = sidecar.greet({}, 2n);
  assert.is((await first.ended).code, "ABORTED");
  const late = sidecar.greet({}, 1n);
  const end = await late.ended;
  assert.is(end.code, "ABORTED");
  assert.equal(end.fields, ["lease_counter"]);
  const again = sidecar.greet({}, 2n);
  assert.is((await second.ended).code, "ABORTED");
  again.send({ leaseCounter: 2n, frame: windowFrame(1) });
  assert.is((await nextAcks(again, 1)).length, 1);
  assert.is(edge.edge.nodes.get("node-1")?.processes.size, 1);
  assert.is(edge.edge.streams, 1);
});

test("the lease counter of any frame counts", async ({ edge, sidecar }) => {
  const first = sidecar.greet({}, 1n);
  first.send({ leaseCounter: 5n, frame: pulseFrame({ seen: 1n }) });
  await until(
    "the pulse has been read",
    () => edge.edge.nodes.get("node-1")?.vms.values().next().value?.totals.seen === 1,
  );
  assert.is((await sidecar.greet({}, 4n).ended).code, "ABORTED");
});

test("two processes of a node both keep their streams", async ({ edge, sidecar }) => {
  const first = sidecar.greet({ processId: 1n });
  const second = sidecar.greet({ processId: 2n, vmBootId: 0xb002n });
  await until("both are connected", () => edge.edge.nodes.get("node-1")?.processes.size === 2);
  first.cancel();
  await until("one is left", () => edge.edge.nodes.get("node-1")?.processes.size === 1);
  second.cancel();
});

test("a stream that has grown old is drained with status 0", async ({ edge, sidecar }) => {
  const stream = sidecar.greet();
  await until("it is connected", () => edge.edge.nodes.get("node-1") !== undefined);
  for (let minute = 0; minute < 31 * 60; minute++) {
    stream.send({ leaseCounter: 1n, frame: pulseFrame({ seen: BigInt(minute + 1) }) });
    const read = () => edge.edge.nodes.get("node-1")?.vms.values().next().value?.totals.seen === minute + 1;
    await until("the pulse has been read", () => read() || edge.edge.streams === 0);
    if (edge.edge.streams === 0) break;
    edge.clock.advance(PULSE_MS);
  }
  assert.is((await stream.ended).code, "OK");
});

test("half a close by the sidecar ends the stream after its windows", async ({ edge, sidecar }) => {
  const stream = sidecar.greet();
  edge.ingest.blocked = true;
  stream.send({ leaseCounter: 1n, frame: windowFrame(1) });
  stream.halfClose();
  await until("the window is in ingest", () => edge.ingest.reports.length === 1);
  edge.ingest.release();
  assert.is((await nextAcks(stream, 1)).length, 1);
  assert.is((await stream.ended).code, "OK");
});

test("stopping acknowledges what is in processing and ends streams with status 0", async ({ edge, sidecar }) => {
  const stream = sidecar.greet();
  edge.ingest.blocked = true;
  stream.send({ leaseCounter: 1n, frame: windowFrame(1) });
  await until("the window is in ingest", () => edge.ingest.reports.length === 1);
  const stopped = edge.edge.stop();
  edge.ingest.release();
  assert.is((await nextAcks(stream, 1)).length, 1);
  assert.is((await stream.ended).code, "OK");
  sidecar.close();
  await stopped;
});

test("stopping does not wait for a disk that hangs", async ({ edge, sidecar }) => {
  const stream = sidecar.greet();
  edge.ingest.blocked = true;
  stream.send({ leaseCounter: 1n, frame: windowFrame(1) });
  await until("the window is in ingest", () => edge.ingest.reports.length === 1);
  await edge.stop();
  assert.is.not((await stream.ended).code, "OK");
});

test("the sections that the sidecar holds are not sent again", async ({ edge, sidecar }) => {
  edge.snapshots.publish(snapshot(2, ["s1", "m2", "r1"]));
  const bytes = (word: string) => ({ digest: Buffer.from(digestOf(word), "hex"), size: 2 });
  const stream = sidecar.greet({
    held: [{ target: "shop/cart", epoch: 1n, version: 1n, sections: [bytes("s1"), bytes("m1"), bytes("r1")] }],
  });
  const update = await nextUpdate(stream);
  assert.equal(
    update.sections.map((section) => Buffer.from(section.content).toString()),
    ["m2"],
  );
});

test.run();
