// Workloads: known when a sidecar says hello, changed with an etag.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { openPlane, requests, statisticsOf, TARGET, windowOf } from "./fixture.ts";

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "taken",
    (error: { code: string }) => error.code,
  );

test("a workload is made once, in the mode of the configuration, with a first snapshot", async () => {
  const { workloads, publication, clock } = await openPlane({ defaultMode: "shadow" });
  assert.is(workloads.get(TARGET), undefined);
  await Promise.all([workloads.ensure(TARGET), workloads.ensure(TARGET), workloads.ensure("shop/cart")]);
  assert.equal(
    workloads.list().map(({ target }) => target),
    ["shop/cart", TARGET],
  );
  const workload = workloads.get(TARGET)!;
  assert.is(workload.mode, "shadow");
  assert.is(workload.modeSetAtMs, clock.nowMs());
  assert.is(workload.confidence, "learning");
  assert.is(publication.current(TARGET)!.version, 1);
});

test("a mode is set with the etag that was read, or with none; an old etag is refused", async () => {
  const { workloads, clock } = await openPlane();
  await workloads.ensure(TARGET);
  const { etag } = workloads.get(TARGET)!;
  clock.advance(5000);
  const changed = await workloads.setMode(TARGET, "enforce", etag);
  assert.is(changed.mode, "enforce");
  assert.is(changed.modeSetAtMs, clock.nowMs());
  assert.is.not(changed.etag, etag);
  assert.is(await codeOf(workloads.setMode(TARGET, "off", etag)), "ABORTED");
  assert.is(workloads.get(TARGET)!.mode, "enforce");
  assert.is(await codeOf(workloads.setMode(TARGET, "off", "")), "taken");
  assert.is(await codeOf(workloads.setMode("shop/none", "off", "")), "NOT_FOUND");
});

test("of two changes with the same etag one is taken", async () => {
  const { workloads } = await openPlane();
  await workloads.ensure(TARGET);
  const { etag } = workloads.get(TARGET)!;
  const both = [workloads.setMode(TARGET, "off", etag), workloads.setMode(TARGET, "enforce", etag)];
  assert.equal(await Promise.all(both.map(codeOf)), ["taken", "ABORTED"]);
  assert.is(workloads.get(TARGET)!.mode, "off");
});

test("a mode is there after a loss of power", async () => {
  const { workloads, disk } = await openPlane();
  await workloads.ensure(TARGET);
  await workloads.setMode(TARGET, "enforce", "");
  const next = await openPlane({ disk: disk.after("power") });
  assert.is(next.workloads.get(TARGET)!.mode, "enforce");
});

test("the sums follow each window", async () => {
  const { workloads, ingest, clock } = await openPlane();
  await workloads.ensure(TARGET);
  for (let windowSeq = 1; windowSeq <= 3; windowSeq++) {
    const statistics = statisticsOf(requests(windowSeq, 40));
    await ingest.accept(windowOf({ statistics, windowSeq, startMs: clock.nowMs() }));
    const { counts, statistics: sum } = workloads.get(TARGET)!;
    assert.is(counts.seen, 40 * windowSeq);
    assert.is(sum.counts.seen, 40 * windowSeq);
    assert.is(
      Object.values(sum.callers).reduce((n, caller) => n + caller.n, 0),
      40 * windowSeq,
    );
  }
});

test("what is no target is refused", async () => {
  const { workloads } = await openPlane();
  for (const target of ["", "shop", "a/b/c", "a b/c", `a/${"b".repeat(255)}`]) {
    assert.is(await codeOf(workloads.ensure(target)), "INVALID_ARGUMENT", target);
  }
});

test.run();
