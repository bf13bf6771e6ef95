// Delivery by itself: one update in flight, coalescing, deltas, answers, and what never comes back.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Snapshot } from "../../../control-plane/domain.ts";
import { ANSWER_MS, Delivery, type Held, type Update } from "../../../control-plane/server/delivery.ts";
import { ManualClock } from "../../support/clock.ts";
import { digestOf, snapshot } from "../../support/edge.ts";

interface Context {
  clock: ManualClock;
  sent: { update: Update; snapshot: Snapshot }[];
  held: Snapshot[];
  delivery: Delivery;
}

const test = suite<Context>("delivery");

test.before.each((context) => {
  let nonce = 0n;
  context.clock = new ManualClock();
  context.sent = [];
  context.held = [];
  context.delivery = new Delivery({
    clock: context.clock,
    nextNonce: () => ++nonce,
    send: (update, sent) => context.sent.push({ update, snapshot: sent }),
    alreadyHeld: (one) => context.held.push(one),
  });
});

function holding(version: number, words: string[]): Held {
  return { epoch: 1, version, digests: new Set(words.map(digestOf)) };
}

/** The owner's answer to the n-th update. */
function answer({ sent, delivery }: Context, n: number, changes: object = {}): boolean {
  const { update, snapshot: told } = sent[n]!;
  const { target, epoch, version } = told;
  return delivery.answer({ nonce: update.nonce!, target, epoch, version, owner: true, refused: undefined, ...changes });
}

function contents({ sent }: Context, n: number): string[] {
  return (sent[n]?.update.sections ?? []).map((section) => Buffer.from(section.content ?? []).toString());
}

test("one update is in flight; of those that wait only the newest is sent", (context) => {
  const { delivery, sent } = context;
  for (const version of [1, 2, 3, 4]) delivery.offer(snapshot(version, [`s${version}`, "m1", "r1"]));
  assert.equal(
    sent.map((one) => one.snapshot.version),
    [1],
  );
  assert.ok(answer(context, 0));
  assert.equal(
    sent.map((one) => one.snapshot.version),
    [1, 4],
  );
});

test("what was acknowledged is not sent again", (context) => {
  const { delivery } = context;
  delivery.offer(snapshot(1));
  answer(context, 0);
  delivery.offer(snapshot(2, ["s1", "m2", "r1"]));
  assert.equal(contents(context, 0), ["s1", "m1", "r1"]);
  assert.equal(contents(context, 1), ["m2"]);
});

test("after a refusal the next delta goes by what is still held", (context) => {
  const { delivery } = context;
  delivery.hold("shop/cart", holding(1, ["s1", "m1", "r1"]));
  delivery.offer(snapshot(2, ["s2", "m1", "r1"]));
  assert.ok(answer(context, 0, { refused: "settings.mode" }));
  delivery.offer(snapshot(3, ["s2", "m3", "r1"]));
  assert.equal(contents(context, 1), ["s2", "m3"]);
});

test("a sidecar that turns out to lack a section gets the whole, once", (context) => {
  const { delivery, sent } = context;
  delivery.hold("shop/cart", holding(1, ["s1", "m1", "r1"]));
  delivery.offer(snapshot(2, ["s2", "m1", "r1"]));
  answer(context, 0, { refused: "manifest.digest" });
  assert.equal(contents(context, 1), ["s2", "m1", "r1"]);
  answer(context, 1, { refused: "manifest.digest" });
  assert.is(sent.length, 2);
});

test("what is held already is not sent", ({ delivery, sent, held }) => {
  delivery.hold("shop/cart", holding(5, ["s1", "m1", "r1"]));
  delivery.offer(snapshot(5));
  assert.is(sent.length, 0);
  assert.is(held.length, 1);
  assert.is(delivery.current("shop/cart")?.version, 5);
});

test("the same version with another content is sent", ({ delivery, sent }) => {
  delivery.hold("shop/cart", holding(5, ["s1", "m1", "r9"]));
  delivery.offer(snapshot(5));
  assert.is(sent.length, 1);
});

test("an answer with an old nonce, another version or another target is stale", (context) => {
  const { delivery, sent } = context;
  delivery.offer(snapshot(1));
  answer(context, 0);
  delivery.offer(snapshot(2));
  assert.not.ok(answer(context, 0));
  assert.not.ok(answer(context, 1, { version: 1 }));
  assert.not.ok(answer(context, 1, { target: "shop/other" }));
  delivery.offer(snapshot(3));
  assert.is(sent.length, 2, "the second is still in flight");
});

test("the answer of another VM counts for that VM, and frees nothing", (context) => {
  const { delivery, sent } = context;
  delivery.offer(snapshot(1));
  delivery.offer(snapshot(2));
  assert.ok(answer(context, 0, { owner: false }));
  assert.is(sent.length, 1);
  assert.ok(answer(context, 0));
  assert.is(sent.length, 2);
});

test("targets take turns", (context) => {
  const { delivery, sent } = context;
  delivery.offer(snapshot(1, ["s1", "m1", "r1"], "shop/a"));
  delivery.offer(snapshot(1, ["s1", "m1", "r1"], "shop/b"));
  assert.is(sent.length, 1);
  answer(context, 0);
  assert.equal(
    sent.map((one) => one.snapshot.target),
    ["shop/a", "shop/b"],
  );
});

test("an update that is never answered is given up, and its late answer still counts", (context) => {
  const { delivery, clock, sent } = context;
  delivery.offer(snapshot(1));
  delivery.offer(snapshot(2));
  clock.advance(ANSWER_MS - 1);
  assert.not.ok(delivery.sweep());
  clock.advance(1);
  assert.ok(delivery.sweep());
  assert.is(sent.length, 2);
  delivery.offer(snapshot(3, ["s3", "m1", "r1"]));
  answer(context, 1);
  assert.equal(contents(context, 2), ["s3"]);
});

test.run();
