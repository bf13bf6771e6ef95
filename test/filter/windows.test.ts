// Windows: sealed once, sent until acknowledged, never more than four on their way, the oldest dropped and counted when
// there are too many.

import { create } from "@bufbuild/protobuf";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { WindowAcksSchema, WindowOutcome } from "../../control-plane/gen/vedette/v1/sidecar_pb.ts";
import { WINDOWS_IN_FLIGHT_MAX } from "../../filter/core/limits.ts";
import { quoteModel, quoteSection } from "../support/snapshot.ts";
import { Mesh, SPIFFE, sumCounts } from "./mesh.ts";

const key = (window: { vmBootId: bigint; windowSeq: bigint }) => `${window.vmBootId}/${window.windowSeq}`;

function skips(window: { counts?: { skipped: { count: bigint }[] } | undefined }): bigint {
  return window.counts!.skipped.reduce((sum, { count }) => sum + count, 0n);
}

test("every request is in exactly one window, whichever worker served it", () => {
  const mesh = new Mesh({ workers: 3 }).adopt();
  for (let i = 0; i < 10; i++) {
    mesh.requests(10 + i);
    mesh.sidecar.tick(700);
  }
  mesh.settle();
  assert.is(mesh.counts().seen, 145);
  const boots = new Set(mesh.windows().map((window) => window.vmBootId));
  assert.is(boots.size, 3);
  assert.equal(mesh.sidecar.failures, []);
});

test("in every window seen is scored plus skipped, and what passed, was denied or shadow-denied is all of it", () => {
  const mesh = new Mesh().adopt();
  for (let i = 0; i < 200; i++) {
    mesh.request({
      path: `/search?q=a${"'".repeat(i % 6)}`,
      code: i % 9 === 0 ? 503 : 200,
      answeredBefore: i % 13 === 0,
    });
    if (i % 40 === 0) mesh.sidecar.tick(600);
  }
  mesh.settle();
  assert.ok(mesh.windows().length > 3);
  for (const window of mesh.windows()) {
    const counts = window.counts!;
    assert.is(counts.seen, counts.scored + skips(window));
    const verdicts = counts.allowed + counts.deniedByRule + counts.deniedByModel + counts.shadowDenied;
    assert.is(counts.seen, verdicts + counts.answeredBefore);
    assert.ok(counts.learnt <= counts.seen);
    assert.ok(window.endMs >= window.startMs);
    assert.is(window.target, "shop/quotes");
    assert.is(window.hashKeyId, 7);
  }
  assert.is(mesh.counts().seen, 200);
});

test("sequence numbers of a VM begin at 1 and have no gap while nothing is dropped", () => {
  const mesh = new Mesh({ workers: 2 }).adopt();
  for (let i = 0; i < 12; i++) {
    mesh.requests(4);
    mesh.sidecar.tick(1100);
  }
  mesh.settle();
  const byBoot = new Map<bigint, bigint[]>();
  for (const { vmBootId, windowSeq } of mesh.windows())
    byBoot.set(vmBootId, [...(byBoot.get(vmBootId) ?? []), windowSeq]);
  for (const sequence of byBoot.values())
    assert.equal(
      sequence,
      sequence.map((_, i) => BigInt(i + 1)),
    );
});

test("a VM has at most four windows on their way, and sends the next when one is acknowledged", () => {
  const mesh = new Mesh({ workers: 1 }).adopt();
  mesh.plane.acks = false;
  for (let i = 0; i < 10; i++) {
    mesh.requests(1);
    mesh.sidecar.tick(1100);
  }
  assert.is(mesh.plane.of("window").length, WINDOWS_IN_FLIGHT_MAX);
  mesh.plane.acks = true;
  mesh.plane.acknowledge(mesh.plane.stream, mesh.plane.of("window")[0]!);
  mesh.settle();
  assert.is(mesh.windows().length, 10);
  assert.is(mesh.plane.of("window").length, 10, "none was sent twice");
});

test("every outcome lets a window go: merged, duplicate, expired, invalid", () => {
  for (const outcome of [WindowOutcome.MERGED, WindowOutcome.DUPLICATE, WindowOutcome.EXPIRED, WindowOutcome.INVALID]) {
    const mesh = new Mesh({ workers: 1 }).adopt();
    mesh.plane.acks = false;
    mesh.requests(1);
    mesh.settle();
    const { vmBootId, windowSeq } = mesh.plane.of("window")[0]!;
    const acks = create(WindowAcksSchema, { acks: [{ vmBootId, windowSeq, outcome }] });
    mesh.plane.stream.send({ case: "windowAcks", value: acks });
    mesh.sidecar.tick(1000);
    mesh.plane.kill();
    mesh.plane.down = false;
    mesh.connect();
    mesh.settle();
    assert.is(
      mesh.plane.stream.frames.filter(({ frame }) => frame.case === "window").length,
      0,
      WindowOutcome[outcome],
    );
  }
});

test("unacknowledged windows are sent again, unchanged, on the next stream", () => {
  const mesh = new Mesh({ workers: 2 }).adopt();
  mesh.plane.acks = false;
  for (let i = 0; i < 3; i++) {
    mesh.requests(10);
    mesh.sidecar.tick(1100);
  }
  mesh.sidecar.tick(2000);
  const first = mesh.plane.of("window").map(key).sort();
  assert.is(first.length, 6);
  mesh.plane.kill();
  mesh.sidecar.tick(3000);
  mesh.requests(10);
  mesh.plane.down = false;
  mesh.plane.acks = true;
  mesh.until(() => mesh.plane.live.length === 1, "stream", 31_000);
  mesh.settle();
  const again = mesh.plane.streams
    .at(-1)!
    .frames.flatMap(({ frame }) => (frame.case === "window" ? [key(frame.value)] : []));
  for (const one of first) assert.ok(again.includes(one), `${one} was sent again`);
  assert.is(mesh.counts().seen, 40, "and each counts once");
});

test("an ack that was lost leads to a duplicate, not to a loss", () => {
  const mesh = new Mesh({ workers: 1 }).adopt();
  mesh.requests(10);
  mesh.plane.acks = false;
  mesh.settle();
  const lost = mesh.plane.of("window").length;
  assert.ok(lost >= 1);
  mesh.plane.kill();
  mesh.plane.down = false;
  mesh.plane.acks = true;
  mesh.connect();
  mesh.settle();
  assert.is(mesh.plane.of("window").length, 2 * lost);
  assert.is(mesh.counts().seen, 10);
});

test("while the control plane is gone the ring keeps what it can, drops the oldest and says how many", () => {
  const mesh = new Mesh({ workers: 1 }).adopt();
  mesh.plane.kill();
  // Many routes and callers make windows large.
  const windows = 400;
  for (let i = 0; i < windows; i++) {
    for (let j = 0; j < 40; j++) {
      const identity = `spiffe://cluster.local/ns/shop/sa/${"caller".repeat(10)}-${j % 4}`;
      mesh.request({ path: `/page${j % 4}/${"x".repeat(50)}`, identity });
    }
    mesh.sidecar.tick(1050);
  }
  mesh.plane.down = false;
  mesh.until(() => mesh.plane.live.length === 1, "stream", 31_000);
  mesh.sidecar.tick(30_000);
  const got = mesh.windows();
  const dropped = Number(mesh.plane.of("pulse").at(-1)!.windowsDropped);
  const told = Math.max(...mesh.plane.of("pulse").map((pulse) => Number(pulse.windowsDropped)));
  assert.ok(told > 0, "some had to go");
  assert.ok(dropped <= told);
  const last = Math.max(...got.map((window) => Number(window.windowSeq)));
  assert.is(got.length + told, last, "what is not there was counted");
  assert.ok(
    got.some((window) => Number(window.windowSeq) === last),
    "the newest stays",
  );
  assert.is(mesh.sidecar.metrics.value("wasm_filter.vedette.vedette_windows_dropped_total"), told);
  assert.equal(mesh.sidecar.failures, []);
});

test("a window of the open kind is sealed before the hash key changes", () => {
  const mesh = new Mesh({ workers: 1 }).adopt();
  mesh.requests(10);
  const { settings } = mesh.rekeyed(9);
  mesh.adopt({ settings });
  mesh.requests(12);
  mesh.settle();
  const byKey = (id: number) => sumCounts(mesh.windows().filter((window) => window.hashKeyId === id)).seen;
  assert.is(byKey(7), 10);
  assert.is(byKey(9), 12);
});

test("what was held back under an old hash key goes on under the overflow route", () => {
  const mesh = new Mesh({ workers: 1 }).adopt();
  for (const path of ["/a", "/b", "/c"]) mesh.requests(5, { path });
  mesh.settle();
  mesh.adopt(mesh.rekeyed(9));
  mesh.requests(12, { path: "/a" });
  mesh.settle();
  const routes = mesh.windows().flatMap((window) => window.routes);
  assert.equal(routes.map((route) => [route.key === 0n, Number(route.n)]).sort(), [
    [false, 12],
    [true, 15],
  ]);
});

test("a request that was scored under one model and ends under another is in no histogram", () => {
  const mesh = new Mesh({ workers: 1 }).adopt();
  mesh.requests(3);
  const { finish } = mesh.sidecar.open({ identity: SPIFFE });
  mesh.adopt({ model: quoteSection({ scale: 5 * 65536 }) });
  finish();
  mesh.requests(4);
  mesh.settle();
  const scores = new Map<bigint, number>();
  for (const { modelId, counts } of mesh.windows().flatMap((window) => window.scores)) {
    scores.set(modelId, (scores.get(modelId) ?? 0) + counts.reduce((sum, n) => sum + Number(n), 0));
  }
  assert.is(scores.get(quoteModel().modelId), 3);
  assert.is(scores.get(quoteModel({ scale: 5 * 65536 }).modelId), 4);
  assert.is(mesh.counts().seen, 8);
});

test("a wall clock that is stepped back within a window does not turn the window round", () => {
  const mesh = new Mesh({ workers: 1 }).adopt();
  mesh.requests(10);
  mesh.sidecar.loop.stepWall(-3_600_000);
  mesh.settle();
  mesh.requests(10);
  mesh.sidecar.loop.stepWall(7_200_000);
  mesh.settle();
  assert.is(mesh.counts().seen, 20);
  for (const window of mesh.windows()) assert.ok(window.endMs >= window.startMs);
});

test("nothing is told of a VM that saw nothing", () => {
  const mesh = new Mesh({ workers: 2 }).adopt();
  mesh.sidecar.tick(10_000);
  assert.is(mesh.plane.of("window").length, 0);
});

test("requests before the first settings are counted, without keys", () => {
  const mesh = new Mesh({ workers: 1 });
  mesh.requests(15);
  mesh.adopt();
  mesh.requests(5);
  mesh.settle();
  const counts = mesh.counts();
  assert.is(counts.seen, 20);
  assert.is(counts.bounds[7], 15, "unkeyed");
});

test("after a reload the windows of the old VMs are lost, those of the new count anew, and nothing is doubled", () => {
  const mesh = new Mesh({ workers: 1 }).adopt();
  mesh.requests(10);
  mesh.settle();
  mesh.sidecar.reload({ tickMs: 201 });
  mesh.connect();
  mesh.requests(10);
  mesh.settle();
  assert.is(mesh.counts().seen, 20);
  assert.is(new Set(mesh.windows().map((window) => window.vmBootId)).size, 2);
});

test.run();
