// Frames that end a stream: each names the field that was wrong.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ConnectRequestSchema } from "../../../control-plane/gen/vedette/v1/sidecar_pb.ts";
import { TestEdge } from "../../support/edge.ts";
import { type Frame, HELLO, type HelloFields, TestSidecar, windowFrame } from "../../support/sidecar-client.ts";

const test = suite<{ edge: TestEdge; sidecar: TestSidecar }>("frames");

test.before(async (context) => {
  context.edge = await TestEdge.start();
  context.sidecar = new TestSidecar(context.edge.addresses.sidecar);
});

test.after(async ({ edge, sidecar }) => {
  sidecar.close();
  await edge.stop();
});

test("a hello that breaks a rule is refused with the field", async ({ sidecar }) => {
  const cases: [HelloFields, string][] = [
    [{ protocolVersion: 0 }, "hello.protocol_version"],
    [{ mesh: "" }, "hello.mesh"],
    [{ mesh: "other" }, "hello.mesh"],
    [{ node: "" }, "hello.node"],
    [{ node: "n".repeat(257) }, "hello.node"],
    [{ processId: 0n }, "hello.process_id"],
    [{ vmBootId: 0n }, "hello.vm_boot_id"],
    [{ targets: [] }, "hello.targets"],
    [{ targets: ["shop/cart", "shop"] }, "hello.targets[1]"],
    [{ targets: ["shop/Cart"] }, "hello.targets[0]"],
    [{ targets: ["a/b/c"] }, "hello.targets[0]"],
    [{ held: [{ target: "shop/cart", version: 2n ** 60n }] }, "hello.held[0].version"],
    [{ configError: "e".repeat(257) }, "hello.config_error"],
  ];
  for (const [changes, field] of cases) {
    const end = await sidecar.greet(changes).ended;
    assert.is(end.code, "INVALID_ARGUMENT", field);
    assert.equal(end.fields, [field]);
    assert.ok(end.details.startsWith(field), end.details);
  }
});

test("every broken rule of a frame is told, the first in words", async ({ sidecar }) => {
  const end = await sidecar.greet({ mesh: "", targets: ["x"], processId: 0n }).ended;
  assert.equal(end.fields, ["hello.mesh", "hello.process_id", "hello.targets[0]"]);
});

test("a protocol version of tomorrow is answered as today's", async ({ edge, sidecar }) => {
  const stream = sidecar.greet({ protocolVersion: 9 });
  stream.send({ leaseCounter: 1n, frame: windowFrame(1) });
  await stream.next();
  assert.ok(edge.ingest.reports.length > 0);
  stream.cancel();
});

test("the first frame is hello, and comes once", async ({ sidecar }) => {
  const early = sidecar.connect();
  early.send({ leaseCounter: 1n, frame: windowFrame(1) });
  assert.equal((await early.ended).fields, ["frame"]);
  const twice = sidecar.greet();
  twice.send({ leaseCounter: 1n, frame: { case: "hello", value: HELLO } });
  const end = await twice.ended;
  assert.is(end.code, "INVALID_ARGUMENT");
  assert.equal(end.fields, ["frame"]);
});

test("a frame after hello that breaks a rule is refused with the field", async ({ sidecar }) => {
  const cases: [Frame, string][] = [
    [{ case: "pulse", value: { vmBootId: 1n, configError: "e".repeat(257) } }, "pulse.config_error"],
    [{ case: "pulse", value: { seen: 1n } }, "pulse.vm_boot_id"],
    [{ case: "pulse", value: { vmBootId: 1n, seen: 2n ** 60n } }, "pulse.seen"],
    [{ case: "ack", value: { target: "t".repeat(257) } }, "ack.target"],
    [{ case: "nack", value: { version: 2n ** 60n } }, "nack.version"],
    [{ case: "denials", value: { denials: Array.from({ length: 65 }, () => ({})) } }, "denials.denials"],
    [{ case: "denials", value: { denials: [{ target: "" }] } }, "denials.denials[0].target"],
    [windowFrame(0), "window.window_seq"],
    [windowFrame(1, { vmBootId: 0n }), "window.vm_boot_id"],
  ];
  for (const [frame, field] of cases) {
    const stream = sidecar.greet();
    stream.send({ leaseCounter: 1n, frame });
    const end = await stream.ended;
    assert.is(end.code, "INVALID_ARGUMENT", field);
    assert.equal(end.fields, [field]);
  }
});

test("bytes that are no message, and a message without a frame, are refused", async ({ sidecar }) => {
  const garbled = sidecar.connect();
  garbled.sendBytes(Uint8Array.of(0x0a, 0xff, 0xff));
  const end = await garbled.ended;
  assert.is(end.code, "INVALID_ARGUMENT");
  assert.equal(end.fields, [ConnectRequestSchema.name]);
  const empty = sidecar.greet();
  empty.sendBytes(Uint8Array.of(0x08, 0x01));
  assert.equal((await empty.ended).fields, ["frame"]);
});

test("a field that is not known is skipped", async ({ sidecar }) => {
  const stream = sidecar.greet();
  // Field 1000, varint 1, behind a lease counter; then a window.
  stream.sendBytes(Uint8Array.of(0x08, 0x01, 0x3a, 0x00, 0xc0, 0x3e, 0x01));
  stream.send({ leaseCounter: 1n, frame: windowFrame(1) });
  assert.is((await stream.next()).frame.case, "windowAcks");
  stream.cancel();
});

test("a message beyond the limit is refused before it is read", async ({ edge, sidecar }) => {
  const before = edge.ingest.reports.length;
  const stream = sidecar.greet();
  stream.sendBytes(new Uint8Array((1 << 20) + 1));
  assert.is((await stream.ended).code, "RESOURCE_EXHAUSTED");
  assert.is(edge.ingest.reports.length, before);
});

test.run();
