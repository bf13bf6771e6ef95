// The order of stopping.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Lifetime } from "../../envoy/lifetime.ts";

test("what was started last is stopped first, each after the other has ended", async () => {
  const order: string[] = [];
  const lifetime = new Lifetime(() => undefined);
  lifetime.onStop("first", () => order.push("first"));
  lifetime.onStop("second", async () => {
    order.push("second begins");
    await Promise.resolve();
    order.push("second ends");
  });
  lifetime.onStop("third", () => order.push("third"));
  await lifetime.stop();
  assert.equal(order, ["third", "second begins", "second ends", "first"]);
});

test("one that cannot be stopped is named and keeps nobody else running", async () => {
  const said: string[] = [];
  let stopped = false;
  const lifetime = new Lifetime((line) => said.push(line));
  lifetime.onStop("good", () => {
    stopped = true;
  });
  lifetime.onStop("bad", () => Promise.reject(new Error("stuck")));
  await lifetime.stop();
  assert.ok(stopped);
  assert.equal(said, ["stopping bad: stuck"]);
});

test("stopping twice stops once, and the signal says that the end has begun", async () => {
  let times = 0;
  const lifetime = new Lifetime(() => undefined);
  lifetime.onStop("once", () => {
    times += 1;
  });
  assert.not.ok(lifetime.signal.aborted);
  await Promise.all([lifetime.stop(), lifetime.stop()]);
  assert.is(times, 1);
  assert.ok(lifetime.signal.aborted);
});

test("what is added while all is being stopped is stopped too", async () => {
  const order: string[] = [];
  const lifetime = new Lifetime(() => undefined);
  lifetime.onStop("early", () => {
    order.push("early");
    lifetime.onStop("late", () => order.push("late"));
  });
  await lifetime.stop();
  assert.equal(order, ["early", "late"]);
});

test.run();
