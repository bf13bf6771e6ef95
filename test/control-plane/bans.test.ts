// Bans: on disk before they are told of, there after a restart, once each.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { BANS_MAX, BanList } from "../../control-plane/bans.ts";
import type { Author } from "../../control-plane/domain.ts";
import { ControlPlaneError } from "../../control-plane/errors.ts";
import { GroupStore } from "../../control-plane/store/group.ts";
import { SimulatedDisk } from "../../control-plane/store/memory.ts";
import { banKey } from "../../control-plane/store/records.ts";
import { ManualClock } from "../support/clock.ts";

const CART = "spiffe://cluster.local/ns/shop/sa/cart";
const AUTHOR: Author = { identity: "oidc:alice", method: "CreateBan" };

function opened(disk: SimulatedDisk): BanList {
  return new BanList({ store: new GroupStore(disk), clock: new ManualClock() });
}

async function codeOf(action: Promise<unknown>): Promise<string> {
  return await action.then(
    () => "OK",
    (error: unknown) => ControlPlaneError.from(error).code,
  );
}

test("a ban holds from the moment it is on disk, over a restart, until it is lifted", async () => {
  const disk = new SimulatedDisk();
  const bans = opened(disk);
  assert.not.ok(bans.has(CART));
  const ban = await bans.create(CART, "cloned", AUTHOR);
  assert.equal(ban, { identity: CART, reason: "cloned", author: "oidc:alice", createdAtMs: 1_767_225_600_000 });
  assert.ok(bans.has(CART));
  const next = opened(disk.after("power"));
  assert.equal(next.list(), [ban]);
  await next.delete(CART, AUTHOR);
  assert.not.ok(next.has(CART));
});

test("there is one ban of an identity, and none to lift where there is none", async () => {
  const bans = opened(new SimulatedDisk());
  const both = await Promise.all([codeOf(bans.create(CART, "a", AUTHOR)), codeOf(bans.create(CART, "b", AUTHOR))]);
  assert.equal(both, ["OK", "ALREADY_EXISTS"]);
  await bans.delete(CART, AUTHOR);
  assert.is(await codeOf(bans.delete(CART, AUTHOR)), "NOT_FOUND");
});

test("they are listed in order, and no more than 10,000", async () => {
  const content = new Map<string, unknown>();
  for (let i = 0; i < BANS_MAX - 1; i++) {
    const identity = `spiffe://x/${String(i).padStart(5, "0")}`;
    content.set(banKey(identity), { identity, reason: "r", author: "a", createdAtMs: 1 });
  }
  const bans = opened(new SimulatedDisk(undefined, content));
  assert.is(await codeOf(bans.create("spiffe://a", "r", AUTHOR)), "OK");
  assert.is(await codeOf(bans.create("spiffe://b", "r", AUTHOR)), "RESOURCE_EXHAUSTED");
  const names = bans.list().map(({ identity }) => identity);
  assert.equal(names.slice(0, 2), ["spiffe://a", "spiffe://x/00000"]);
  assert.is(names.length, BANS_MAX);
});

test.run();
