// The two clocks: the real one never steps, the manual one moves only when told.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { SystemClock } from "../../../control-plane/ports/system-clock.ts";
import { ManualClock } from "../../support/clock.ts";

test("the real clock does not follow a wall clock that is set", () => {
  const clock = new SystemClock();
  const before = clock.nowMs();
  const wall = Date.now;
  try {
    Date.now = () => wall() + 3_600_000;
    const after = clock.nowMs();
    assert.ok(after >= before && after - before < 1_800_000, `${before} to ${after}`);
  } finally {
    Date.now = wall;
  }
});

test("the real clock sleeps, repeats, and stops when told", async () => {
  const clock = new SystemClock();
  const alive = setInterval(() => undefined, 1_000);
  await clock.sleep(1);
  await new Promise<void>((resolve) => {
    let runs = 0;
    const stop = clock.every(1, () => {
      runs++;
      if (runs < 2) return;
      stop();
      resolve();
    });
  });
  const abort = new AbortController();
  const sleeping = clock.sleep(3_600_000, abort.signal).then(
    () => "slept",
    () => "aborted",
  );
  abort.abort();
  assert.is(await sleeping, "aborted");
  clearInterval(alive);
});

test("the manual clock runs what comes due, in order", async () => {
  const clock = new ManualClock(0);
  const ran: string[] = [];
  const stop = clock.every(10, () => ran.push(`every ${clock.nowMs()}`));
  void clock.sleep(15).then(() => ran.push(`slept ${clock.nowMs()}`));
  clock.advance(20);
  await Promise.resolve();
  assert.equal(ran, ["every 10", "every 20", "slept 20"]);
  stop();
  clock.advance(100);
  assert.is(ran.length, 3);
  assert.is(clock.nowMs(), 120);
  assert.is(clock.pending, 0);
});

test("a sleep on the manual clock can be given up", async () => {
  const clock = new ManualClock(0);
  const abort = new AbortController();
  const sleeping = clock.sleep(10, abort.signal).then(
    () => "slept",
    () => "aborted",
  );
  abort.abort();
  assert.is(await sleeping, "aborted");
  assert.is(clock.pending, 0);
});

test.run();
