// Transactions over a disk that can be watched, stopped and failed.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { GroupStore } from "../../../control-plane/store/group.ts";
import { SimulatedDisk } from "../../../control-plane/store/memory.ts";

const outcomeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "resolved",
    (error: { code?: string; message: string }) => error.code ?? error.message,
  );

test("a transaction sees what earlier ones put, also in the same write", async () => {
  const store = new GroupStore(new SimulatedDisk());
  const grow = () =>
    store.transact((transaction) => {
      const n = (transaction.get<number>("n") ?? 0) + 1;
      transaction.put("n", n);
      return n;
    });
  assert.equal(await Promise.all([grow(), grow(), grow()]), [1, 2, 3]);
  assert.is(await grow(), 4);
  assert.is(store.reader.get("n"), 4);
});

test("transactions that wait together go to disk in one write", async () => {
  const disk = new SimulatedDisk();
  const store = new GroupStore(disk);
  await Promise.all(Array.from({ length: 100 }, (_, i) => store.transact((t) => t.put(`k${i}`, i))));
  assert.is(disk.steps, 3, "steps of one write");
  assert.is(store.reader.range("k").length, 100);
});

test("a transaction that throws leaves nothing behind and does not disturb its neighbours", async () => {
  const store = new GroupStore(new SimulatedDisk());
  const first = store.transact((t) => t.put("a", 1));
  const second = store.transact((t) => {
    t.put("a", 2);
    t.put("b", 2);
    throw new Error("no");
  });
  const third = store.transact((t) => t.get("a"));
  assert.equal(await Promise.all([first, second, third].map(outcomeOf)), ["resolved", "no", "resolved"]);
  assert.is(await third, 1);
  assert.is(store.reader.get("b"), undefined);
});

test("a range joins what is on disk with what was put and removed, ascending", async () => {
  const store = new GroupStore(new SimulatedDisk());
  await store.transact((t) => {
    for (const key of ["a/1", "a/3", "b/1"]) t.put(key, key);
  });
  const seen = await store.transact((t) => {
    t.put("a/2", "new");
    t.remove("a/3");
    return t.range<string>("a/").map(({ key, value }) => `${key}=${value}`);
  });
  assert.equal(seen, ["a/1=a/1", "a/2=new"]);
  assert.equal(store.reader.range("a/"), [
    { key: "a/1", value: "a/1" },
    { key: "a/2", value: "new" },
  ]);
});

test("after the first failed flush nothing is told any more, not even what only reads", async () => {
  const failures: string[] = [];
  const disk = new SimulatedDisk((step) => {
    if (step === "flush") throw new Error("EIO");
  });
  const store = new GroupStore(disk);
  store.onFailure((error) => failures.push(error.message));
  const inGroup = [store.transact((t) => t.put("a", 1)), store.transact((t) => t.get("a"))];
  await Promise.resolve();
  const waiting = store.transact((t) => t.get("a"));
  assert.equal(await Promise.all([...inGroup, waiting].map(outcomeOf)), ["DATA_LOSS", "DATA_LOSS", "DATA_LOSS"]);
  assert.is(await outcomeOf(store.transact((t) => t.get("a"))), "DATA_LOSS");
  assert.is(failures.length, 1);
  assert.match(failures[0]!, /EIO/);
  assert.is(store.reader.get("a"), undefined, "not visible");
  assert.is(disk.after("kill").get("a"), 1, "it may be there for the next process");
});

test("the queue is bounded", async () => {
  const disk = new SimulatedDisk(() => new Promise(() => undefined));
  const store = new GroupStore(disk);
  void store.transact((t) => t.put("a", 1));
  await new Promise((resolve) => setImmediate(resolve));
  for (let i = 0; i < 16_384; i++) void store.transact((t) => t.get("a"));
  assert.is(await outcomeOf(store.transact((t) => t.get("a"))), "RESOURCE_EXHAUSTED");
});

test("closing waits for what is queued", async () => {
  const disk = new SimulatedDisk();
  const store = new GroupStore(disk);
  const written = store.transact((t) => t.put("a", 1));
  await store.close();
  await written;
  assert.is(disk.after("power").get("a"), 1);
});

test.run();
