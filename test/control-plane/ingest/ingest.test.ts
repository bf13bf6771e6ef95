// Windows on their way to the disk: outcomes, horizon, days, withdrawal.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { HORIZON_MS, SKEW_MS } from "../../../control-plane/ingest/ingest.ts";
import { DAY_MS, readDays, strataPrefix, stratumOf } from "../../../control-plane/store/records.ts";
import { openPlane, requests, statisticsOf, TARGET, windowOf } from "../fixture.ts";

const statistics = statisticsOf(requests(1, 50));

/** A node whose stratum is not that of the others. */
function nodes(count: number): string[] {
  const found: string[] = [];
  for (let i = 0; found.length < count; i++) {
    const node = `sidecar-${i}`;
    if (!found.some((other) => stratumOf(other) === stratumOf(node))) found.push(node);
  }
  return found;
}

test("a window is merged once and then a duplicate; both are counted", async () => {
  const { ingest, workloads, clock } = await openPlane();
  await workloads.ensure(TARGET);
  const report = windowOf({ statistics, startMs: clock.nowMs() });
  const outcomes = await Promise.all([ingest.accept(report), ingest.accept(report)]);
  assert.equal(outcomes, ["merged", "duplicate"]);
  assert.is(await ingest.accept(report), "duplicate");
  const workload = workloads.get(TARGET)!;
  assert.equal(workload.windows, { merged: 1, duplicate: 2, expired: 0, dropped: 0 });
  assert.is(workload.counts.seen, 50);
  assert.equal(workload.statistics.moments, statistics.moments);
});

test("the same number from another VM, node or identity is another window", async () => {
  const { ingest, clock } = await openPlane();
  const report = windowOf({ statistics, startMs: clock.nowMs() });
  const others = [report, { ...report, vmBootId: "00000000000000f2" }, { ...report, node: "n" }];
  for (const other of [...others, { ...report, identity: "local" }]) assert.is(await ingest.accept(other), "merged");
});

test("a window outside the horizon is counted as expired, and as a duplicate when it comes again", async () => {
  const { ingest, workloads, clock } = await openPlane();
  await workloads.ensure(TARGET);
  const now = clock.nowMs();
  const at = (windowSeq: number, startMs: number) => ingest.accept(windowOf({ statistics, windowSeq, startMs }));
  assert.is(await at(1, now - HORIZON_MS), "merged");
  assert.is(await at(2, now - HORIZON_MS - 1), "expired");
  assert.is(await at(3, now + SKEW_MS), "merged");
  assert.is(await at(4, now + SKEW_MS + 1), "expired");
  assert.is(await at(4, now + SKEW_MS + 1), "duplicate");
  assert.is(workloads.get(TARGET)!.windows.expired, 2);
  assert.is(workloads.get(TARGET)!.counts.seen, 100);
});

test("the day of a window is that of its start, kept within five minutes of its receipt", async () => {
  const { ingest, store, clock } = await openPlane();
  const midnight = Math.ceil(clock.nowMs() / DAY_MS) * DAY_MS + DAY_MS;
  clock.advance(midnight + 60_000 - clock.nowMs());
  const day = midnight / DAY_MS;
  const dayOf = async (windowSeq: number, startMs: number) => {
    const before = new Map(readDays(store.reader, TARGET).map((one) => [one.day, one.statistics.counts.seen]));
    await ingest.accept(windowOf({ statistics, windowSeq, startMs }));
    return readDays(store.reader, TARGET).find((one) => one.statistics.counts.seen !== before.get(one.day))?.day;
  };
  assert.is(await dayOf(1, midnight - 1), day - 1, "a minute ago, yesterday");
  assert.is(await dayOf(2, midnight), day);
  assert.is(await dayOf(3, midnight - 3 * DAY_MS), day - 1, "three days ago counts as five minutes ago");
});

test("an implausible window is counted, told with what is wrong, and touches nothing else", async () => {
  const { ingest, store, workloads, clock } = await openPlane();
  await workloads.ensure(TARGET);
  const wrong = structuredClone(statistics);
  wrong.counts.seen++;
  const report = windowOf({ statistics: wrong, startMs: clock.nowMs() });
  assert.is(await ingest.accept(report), "invalid");
  assert.is(store.reader.range(strataPrefix(TARGET)).length, 0);
  assert.is(await ingest.accept({ ...report, statistics }), "merged", "its number was not taken");
});

test("a window whose sums do not fit on top of what is there is invalid, and what is there stays", async () => {
  const { ingest, store, clock } = await openPlane();
  const report = windowOf({ statistics, startMs: clock.nowMs() });
  await ingest.accept(report);
  const [stratum] = store.reader.range<typeof statistics>(strataPrefix(TARGET));
  const full = structuredClone(stratum!.value);
  full.counts.seen = Number.MAX_SAFE_INTEGER - 10;
  await store.transact((t) => t.put(stratum!.key, full));
  assert.is(await ingest.accept({ ...report, windowSeq: 2 }), "invalid");
  assert.equal(store.reader.get(stratum!.key), full);
});

test("a node's share can be taken out again, bit for bit, and its windows stay known", async () => {
  const [bad, ...good] = nodes(4);
  const spoilt = await openPlane();
  const clean = await openPlane();
  const startMs = spoilt.clock.nowMs();
  for (const plane of [spoilt, clean]) await plane.workloads.ensure(TARGET);
  for (const [i, node] of good.entries()) {
    const report = windowOf({ statistics: statisticsOf(requests(i, 40)), node, startMs });
    for (const plane of [spoilt, clean]) assert.is(await plane.ingest.accept(report), "merged");
  }
  const poison = windowOf({ statistics: statisticsOf(requests(99, 70, [6])), node: bad!, startMs });
  await spoilt.ingest.accept(poison);
  const sums = (plane: typeof spoilt) => readDays(plane.store.reader, TARGET);
  assert.not.equal(sums(spoilt), sums(clean));
  assert.is(await spoilt.ingest.withdraw(TARGET, bad!), 1);
  assert.equal(sums(spoilt), sums(clean));
  assert.equal(spoilt.workloads.get(TARGET)!.statistics, clean.workloads.get(TARGET)!.statistics);
  assert.is(await spoilt.ingest.accept(poison), "duplicate");
});

test("windows that were dropped at a sidecar are summed over its VMs", async () => {
  const { ingest, workloads, clock } = await openPlane();
  await workloads.ensure(TARGET);
  const send = (vmBootId: string, windowSeq: number, windowsDropped: number) =>
    ingest.accept(windowOf({ statistics, startMs: clock.nowMs(), vmBootId, windowSeq, windowsDropped }));
  await send("00000000000000f1", 1, 2);
  await send("00000000000000f2", 1, 5);
  await send("00000000000000f1", 2, 3);
  await send("00000000000000f1", 2, 3);
  assert.is(workloads.get(TARGET)!.windows.dropped, 8);
});

test.run();
