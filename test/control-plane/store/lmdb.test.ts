// The real disk: what was told is there after it was closed and opened again.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { GroupStore } from "../../../control-plane/store/group.ts";
import { LmdbDisk } from "../../../control-plane/store/lmdb.ts";

const test = suite<{ directory: string }>("lmdb");

test.before.each((context) => {
  context.directory = mkdtempSync(join(tmpdir(), "vedette-lmdb-"));
});

test.after.each(({ directory }) => {
  rmSync(directory, { recursive: true });
});

test("what a transaction wrote is there after the database is opened again", async ({ directory }) => {
  const value = { n: 2 ** 53 - 1, half: 0.5, bytes: Uint8Array.of(0, 255), mean: Int16Array.of(-1, 2047), none: null };
  let store = new GroupStore(new LmdbDisk(directory));
  await store.transact((t) => t.put("a/value", value));
  await store.transact((t) => t.put("a/gone", 1));
  await store.transact((t) => t.remove("a/gone"));
  await store.close();
  store = new GroupStore(new LmdbDisk(directory));
  assert.equal(store.reader.get("a/value"), value);
  assert.is(store.reader.get("a/gone"), undefined);
  await store.close();
});

test("a range holds the keys of the prefix, and only those, ascending", async ({ directory }) => {
  const store = new GroupStore(new LmdbDisk(directory));
  const keys = ["a/10", "a/2", "a/1", "a", "b/1", "a%2F/1"];
  await store.transact((t) => {
    for (const key of keys) t.put(key, key);
  });
  assert.equal(
    store.reader.range("a/").map(({ key }) => key),
    ["a/1", "a/10", "a/2"],
  );
  await store.close();
});

test("many transactions at once are each whole", async ({ directory }) => {
  const store = new GroupStore(new LmdbDisk(directory));
  const add = (i: number) =>
    store.transact((t) => {
      t.put("sum", (t.get<number>("sum") ?? 0) + i);
      t.put(`part/${i}`, i);
    });
  await Promise.all(Array.from({ length: 1000 }, (_, i) => add(i)));
  assert.is(store.reader.get("sum"), 499_500);
  assert.is(store.reader.range("part/").length, 1000);
  await store.close();
});

test.run();
