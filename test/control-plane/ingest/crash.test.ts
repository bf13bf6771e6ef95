// The process dies at every step between a window's arrival and its acknowledgement. Whatever was told before is on
// disk after, and after everything was sent again each window counts exactly once.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { WindowOutcome, WindowReport } from "../../../control-plane/domain.ts";
import { WindowIngest } from "../../../control-plane/ingest/ingest.ts";
import { GroupStore } from "../../../control-plane/store/group.ts";
import { type DiskStep, SimulatedDisk } from "../../../control-plane/store/memory.ts";
import { readDays } from "../../../control-plane/store/records.ts";
import { ManualClock } from "../../support/clock.ts";
import { core, requests, statisticsOf, TARGET, windowOf } from "../fixture.ts";

const clock = new ManualClock();
/** Two VMs of each of two nodes, three windows each. */
const reports: WindowReport[] = [1, 2, 3].flatMap((windowSeq) =>
  ["00000000000000f1", "00000000000000f2"].flatMap((vmBootId, vm) =>
    ["n1", "n2"].map((node, n) => {
      const statistics = statisticsOf(requests(100 * windowSeq + 10 * vm + n, 20 + n));
      return windowOf({ statistics, node, vmBootId, windowSeq, startMs: clock.nowMs() });
    }),
  ),
);
const expected = reports.reduce((sum, { statistics }) => sum + statistics.counts.seen, 0);

/** Sends everything, a third at a time, until the disk stops; tells what was answered. */
async function sendAll(disk: SimulatedDisk): Promise<Map<WindowReport, WindowOutcome>> {
  const ingest = new WindowIngest({ store: new GroupStore(disk), core, clock });
  const answered = new Map<WindowReport, WindowOutcome>();
  for (let i = 0; i < reports.length; i += 4) {
    for (const report of reports.slice(i, i + 4)) {
      // A duplicate within the same write, too.
      for (const sent of [report, report]) {
        ingest.accept(sent).then(
          (outcome) => answered.has(sent) || answered.set(sent, outcome),
          () => undefined,
        );
      }
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  return answered;
}

function seenOn(disk: SimulatedDisk): number {
  return readDays(disk, TARGET).reduce((sum, { statistics }) => sum + statistics.counts.seen, 0);
}

type Fault = "stop" | "fail";

/** Hook that lets `before` steps pass and then stops the process for ever, or fails that step and all after it. */
function faultAt(before: number, fault: Fault): (step: DiskStep, index: number) => Promise<void> | undefined {
  return (_, index) => {
    if (index < before) return undefined;
    return fault === "stop" ? new Promise(() => undefined) : Promise.reject(new Error("EIO"));
  };
}

const clean = new SimulatedDisk();
await sendAll(clean);

test("without a fault each window is merged once", () => {
  assert.is(seenOn(clean), expected);
  assert.ok(clean.steps >= 9, "several writes, so that there are steps to die at");
});

for (const fault of ["stop", "fail"] as const) {
  for (const crash of ["kill", "power"] as const) {
    test(`${fault} at each step, then ${crash}: nothing told is lost, nothing counts twice`, async () => {
      for (let step = 0; step <= clean.steps; step++) {
        const disk = new SimulatedDisk(faultAt(step, fault));
        const answered = await sendAll(disk);
        const next = disk.after(crash);
        const held = await sendAll(next);
        for (const report of answered.keys()) {
          assert.is(held.get(report), "duplicate", `step ${step}: told, so known to the next process`);
        }
        assert.is(held.size, reports.length);
        assert.is(seenOn(next), expected, `step ${step}: each window once`);
      }
    });
  }
}

test("after a failed flush nothing is acknowledged, though the record may be there", async () => {
  const disk = new SimulatedDisk((step) => (step === "flush" ? Promise.reject(new Error("EIO")) : undefined));
  assert.is((await sendAll(disk)).size, 0);
  assert.ok(seenOn(disk.after("kill")) > 0, "committed, never told");
  assert.is(seenOn(disk.after("power")), 0);
});

test.run();
