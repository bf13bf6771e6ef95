// One stream a process, whatever happens to it: the lease, updates of the configuration, a stalled owner, a reload, a
// control plane that comes and goes.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Capability } from "../../control-plane/gen/vedette/v1/sidecar_pb.ts";
import { Direction } from "../../control-plane/gen/vedette/v1/statistics_pb.ts";
import { featureHash } from "../reference/features.ts";
import { Prng } from "../support/prng.ts";
import { FAST } from "../support/snapshot.ts";
import { Mesh } from "./mesh.ts";

/** Streams that each process of the plane has live now. */
const live = (mesh: Mesh): number => mesh.plane.live.length;

function healthy(mesh: Mesh): void {
  assert.equal(mesh.sidecar.failures, []);
  for (const vm of mesh.sidecar.vms) assert.ok(mesh.sidecar.streamsKept(vm) <= 1, `${vm.name} keeps closed streams`);
}

test("hello comes first and says who speaks, for whom, and what is held", () => {
  const mesh = new Mesh({ node: "quotes-7" }).connect();
  const { hello, call, frames } = mesh.plane.stream;
  assert.is(frames[0]!.frame.case, "hello");
  assert.is(call.authority, "vedette");
  assert.is(hello!.protocolVersion, 1);
  assert.is(hello!.mesh, "default");
  assert.is(hello!.node, "quotes-7");
  assert.equal(hello!.targets, ["shop/quotes"]);
  assert.is(hello!.direction, Direction.SERVER);
  assert.is(hello!.featureHash, featureHash());
  assert.is(hello!.configError, "");
  assert.ok(hello!.processId !== 0n && hello!.vmBootId !== 0n && hello!.filterVersion !== "");
  assert.ok(hello!.capabilities.includes(Capability.RULES) && hello!.capabilities.includes(Capability.SIGNED_SECTIONS));
  assert.ok(frames[0]!.leaseCounter >= 1n);
});

test("a process with several workers opens one stream, and the main thread's VM owns it", () => {
  for (const workers of [1, 2, 7]) {
    const mesh = new Mesh({ workers }).connect();
    mesh.sidecar.tick(10_000);
    assert.is(mesh.plane.streams.length, 1, `${workers} workers`);
    assert.is(mesh.sidecar.streamsKept(mesh.sidecar.vms[0]!), 1);
    healthy(mesh);
  }
});

test("a VM that has served requests bids later than one that has not", () => {
  const mesh = new Mesh({ workers: 2 });
  mesh.sidecar.request({ worker: 0 });
  mesh.sidecar.request({ worker: 1 });
  mesh.connect();
  assert.is(mesh.sidecar.streamsKept(mesh.sidecar.vms[0]!), 1);
});

test("every VM pulses through the one stream", () => {
  const mesh = new Mesh({ workers: 2 }).adopt();
  mesh.sidecar.tick(3000);
  const boots = new Set(mesh.plane.of("pulse").map((pulse) => pulse.vmBootId));
  assert.is(boots.size, 3);
  assert.is(mesh.plane.streams.length, 1);
  for (const pulse of mesh.plane.of("pulse")) assert.ok(pulse.memoryPages > 0 && pulse.memoryPages <= 64);
});

test("a shorter pulse counts from its adoption: the server ends a stream that is silent for three", () => {
  const mesh = new Mesh({ workers: 1 }).adopt();
  const before = mesh.plane.of("pulse").length;
  mesh.sidecar.tick(FAST.pulseMs + 250);
  assert.ok(mesh.plane.of("pulse").length > before, "a pulse within the new interval");
});

test("one minute with five updates of the configuration, a stalled owner and a reload: never two live streams", () => {
  const mesh = new Mesh({ workers: 2 }).adopt();
  const owner = mesh.sidecar.vms[0]!;
  let most = 0;
  const run = (ms: number) => {
    for (let passed = 0; passed < ms; passed += 50) {
      mesh.sidecar.tick(50);
      mesh.requests(1);
      most = Math.max(most, live(mesh));
    }
  };
  for (let i = 1; i <= 5; i++) {
    mesh.sidecar.configure({ tickMs: 200 + i });
    run(4000);
    assert.is(live(mesh), 1, `after update ${i}`);
  }
  mesh.sidecar.stall(owner);
  run(8000);
  assert.is(live(mesh), 1, "another VM took over");
  mesh.sidecar.resume(owner);
  run(8000);
  assert.is(live(mesh), 1, "the stalled one gave way");
  mesh.sidecar.reload({ tickMs: 210 });
  run(24_000);
  assert.is(live(mesh), 1, "after the reload");
  assert.is(most, 1);
  assert.is(mesh.plane.liveMost, 1);
  healthy(mesh);
});

test("a VM that has lost its lease gives its stream up by itself, also where the server would keep it", () => {
  const mesh = new Mesh({ workers: 1 }).adopt();
  mesh.plane.supersedes = false;
  mesh.sidecar.stall(mesh.sidecar.vms[0]!);
  mesh.until(() => live(mesh) === 2, "a second owner while the first stands still");
  mesh.sidecar.resume(mesh.sidecar.vms[0]!);
  mesh.sidecar.tick(1000);
  assert.is(live(mesh), 1);
  assert.ok(mesh.plane.streams[1]!.live, "the newer one stays");
});

test("the lease counter grows with each owner, and rides in every frame", () => {
  const mesh = new Mesh({ workers: 1 }).adopt();
  mesh.sidecar.stall(mesh.sidecar.vms[0]!);
  mesh.until(() => mesh.plane.streams.length === 2, "a second stream");
  mesh.sidecar.tick(3000);
  const [first, second] = mesh.plane.streams.map((stream) => new Set(stream.frames.map((frame) => frame.leaseCounter)));
  assert.is(first!.size, 1);
  assert.is(second!.size, 1);
  assert.ok([...second!][0]! > [...first!][0]!);
  assert.is(mesh.plane.streams[0]!.hello!.processId, mesh.plane.streams[1]!.hello!.processId);
});

test("an update of the configuration hands the stream over at the next tick, not after the lease has run out", () => {
  const mesh = new Mesh().adopt();
  mesh.sidecar.configure({ tickMs: 100 });
  mesh.until(() => live(mesh) === 1, "a new stream", 1000);
  assert.is(mesh.plane.streams.length, 2);
});

test("what a VM holds is told in hello, so that nothing is sent twice", () => {
  const mesh = new Mesh().adopt({ epoch: 3n, version: 9n });
  mesh.plane.kill();
  mesh.plane.down = false;
  mesh.connect();
  const held = mesh.plane.stream.hello!.held[0]!;
  assert.is(held.target, "shop/quotes");
  assert.is(held.epoch, 3n);
  assert.is(held.version, 9n);
  assert.is(held.sections.length, 3);
});

test("while the control plane is down attempts back off, doubled and jittered, up to 30 s", () => {
  const mesh = new Mesh({ workers: 1 });
  mesh.plane.down = true;
  const attempts: number[] = [];
  let opened = 0;
  const refusing = { open: () => void opened++ as undefined };
  mesh.sidecar.clusters.set("vedette", refusing);
  for (let ms = 0; ms < 300_000; ms += 50) {
    const before = opened;
    mesh.sidecar.tick(50);
    if (opened > before) attempts.push(ms);
  }
  const gaps = attempts.slice(1).map((at, i) => at - attempts[i]!);
  assert.ok(attempts.length >= 10 && attempts.length <= 60, `${attempts.length} attempts in 300 s`);
  assert.ok(Math.max(...gaps) <= 30_000 + 500, `longest gap ${Math.max(...gaps)}`);
  assert.ok(new Set(gaps).size > gaps.length / 2, "gaps are jittered");
  mesh.sidecar.clusters.set("vedette", mesh.plane);
  mesh.plane.down = false;
  mesh.until(() => live(mesh) === 1, "the stream returns", 31_000);
  assert.is(mesh.sidecar.streamsKept(mesh.sidecar.vms[0]!), 1, "refused streams were closed towards the host");
});

test("a missing cluster is no trap: the close of a token never given is ignored, and it is tried again", () => {
  const mesh = new Mesh({ config: { cluster: "outbound|50051||vedette.mesh.svc" } });
  mesh.sidecar.tick(10_000);
  assert.is(mesh.plane.streams.length, 0);
  mesh.sidecar.clusters.set("outbound|50051||vedette.mesh.svc", mesh.plane);
  mesh.until(() => live(mesh) === 1, "stream", 31_000);
  assert.is(mesh.plane.stream.call.cluster, "outbound|50051||vedette.mesh.svc");
  healthy(mesh);
});

test("cluster names that parse as something else never reach the host bare", () => {
  for (const cluster of ["analytics", "a", "q2345678", "x".repeat(256)]) {
    const mesh = new Mesh({ config: { cluster } });
    mesh.sidecar.clusters.set(cluster, mesh.plane);
    mesh.connect();
    assert.is(mesh.plane.stream.call.cluster, cluster);
  }
});

test("a stream that the server ends is opened again", () => {
  const mesh = new Mesh().adopt();
  for (const status of [0, 8, 13, 14]) {
    mesh.plane.stream.end(status);
    mesh.until(() => live(mesh) === 1, `after status ${status}`, 31_000);
  }
  healthy(mesh);
});

test("frames that are no message are ignored, and so are acks and updates nobody asked for", () => {
  const mesh = new Mesh().adopt();
  const { stream } = mesh.plane;
  for (const bytes of [[], [0xff], [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f], [0x12, 2, 0x0a, 0x7f], [0x0b, 0x0c], [8, 1]]) {
    stream.sendRaw(Uint8Array.from(bytes));
  }
  mesh.sidecar.tick(2000);
  healthy(mesh);
  assert.is(live(mesh), 1);
});

test("a hostcall that the operator does not allow costs the stream, not the traffic", () => {
  for (const name of ["proxy_grpc_stream", "proxy_set_shared_data", "proxy_register_shared_queue", "proxy_grpc_send"]) {
    const mesh = new Mesh();
    mesh.sidecar.refused.add(name);
    mesh.sidecar.tick(3000);
    mesh.requests(5);
    assert.is(mesh.request().status, 200, name);
    assert.equal(mesh.sidecar.failures, [], name);
    mesh.sidecar.refused.clear();
    mesh.until(() => live(mesh) === 1, `stream after ${name} is allowed again`, 40_000);
  }
});

test("a VM id of the operator's choice changes nothing", () => {
  const mesh = new Mesh({ vmId: "vedette", workers: 2 }).adopt();
  mesh.sidecar.tick(3000);
  assert.is(new Set(mesh.plane.of("pulse").map((pulse) => pulse.vmBootId)).size, 3);
});

test("the canary of a configuration claims no slot, opens no stream and draws no lease", () => {
  const mesh = new Mesh({ workers: 1 }).adopt();
  const slots = () => mesh.sidecar.data.keys("").filter((key) => key.startsWith("vedette/1/slot/"));
  const before = slots();
  assert.is(before.length, 2);
  for (let i = 0; i < 5; i++) mesh.sidecar.configure({ tickMs: 300 + i });
  mesh.sidecar.tick(2000);
  assert.equal(slots(), before);
});

test("more reloads than there are slots: every VM finds one in the end, and nothing is left undone", () => {
  const mesh = new Mesh({ workers: 2 }).adopt();
  for (let i = 0; i < 60; i++) {
    mesh.sidecar.reload({ tickMs: 200 + i });
    mesh.sidecar.tick(500);
  }
  mesh.sidecar.tick(15_000);
  assert.equal(mesh.sidecar.failures, []);
  assert.is(live(mesh), 1);
  mesh.adopt();
  const slots = mesh.sidecar.data.keys("").filter((key) => key.startsWith("vedette/1/slot/"));
  assert.ok(slots.length <= 64, `${slots.length} slots`);
});

test("what others put into the queues of the process traps nothing and ends no stream", () => {
  const mesh = new Mesh({ workers: 2 }).adopt();
  const prng = new Prng(9);
  const tokens = ["vedette/1/up", ...[0, 1, 2].map((i) => `vedette/1/slot/0${i}`)].map(
    (name) => mesh.sidecar.queues.resolve("", name)!,
  );
  for (let i = 0; i < 400; i++) {
    mesh.sidecar.queues.enqueue(prng.pick(tokens), prng.bytes(prng.pick([0, 1, 2, 8, 9, 10, 100, 5000])));
    if (i % 50 === 0) mesh.sidecar.tick(300);
  }
  mesh.requests(12);
  mesh.settle();
  healthy(mesh);
  assert.is(mesh.plane.streams.length, 1);
  assert.is(mesh.counts().seen, 12);
});

test("all shared keys begin with the product and the version", () => {
  const mesh = new Mesh().adopt();
  mesh.requests(20);
  mesh.settle();
  const strangers = mesh.sidecar.data.keys("").filter((key) => !key.startsWith("vedette/1/"));
  assert.equal(strangers, []);
});

test.run();
