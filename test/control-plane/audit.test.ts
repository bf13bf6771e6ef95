// Refusals in the audit trail: each is entered, and a flood of them is counted, not written.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { AuditTrail, HEAD_EVERY_MS, REFUSAL_EVERY_MS, REFUSALS_BURST } from "../../control-plane/audit.ts";
import type { ControlPlaneEvent } from "../../control-plane/events.ts";
import type { Refusal } from "../../control-plane/seams.ts";
import { auditHead } from "../../control-plane/store/audit.ts";
import { GroupStore } from "../../control-plane/store/group.ts";
import { SimulatedDisk } from "../../control-plane/store/memory.ts";
import { verifyAudit } from "../../control-plane/store/verify.ts";
import { ManualClock } from "../support/clock.ts";
import { until } from "../support/conditions.ts";

const REFUSAL: Refusal = {
  listener: "sidecar",
  identity: "",
  method: "Connect",
  resource: "",
  code: "UNAUTHENTICATED",
  detail: "no verified client certificate; from 10.0.0.9:4711",
};

async function opened(disk = new SimulatedDisk()) {
  const clock = new ManualClock();
  const events: ControlPlaneEvent[] = [];
  const store = new GroupStore(disk);
  const trail = await AuditTrail.open({ store, clock, observe: (event) => void events.push(event) }, 1000);
  const last = () => auditHead(store.reader).last;
  return { clock, events, store, trail, last };
}

test("a refusal is entered with who, what and why", async () => {
  const { trail, last } = await opened();
  assert.ok(trail.refuse({ ...REFUSAL, identity: "oidc:bob" }));
  await until("it is entered", () => last() === 1);
  const [entry] = trail.list(Number.POSITIVE_INFINITY, 10);
  assert.is(entry?.outcome, "refused");
  assert.is(entry?.identity, "oidc:bob");
  assert.is(entry?.code, "UNAUTHENTICATED");
  assert.match(entry!.detail, "10.0.0.9");
});

test("beyond its budget a flood is counted, and told by the next entry; other listeners have their own", async () => {
  const { trail, last, clock, events } = await opened();
  const entered = Array.from({ length: 1000 }, () => trail.refuse(REFUSAL)).filter(Boolean).length;
  assert.is(entered, REFUSALS_BURST);
  assert.ok(trail.refuse({ ...REFUSAL, listener: "operator" }));
  await until("they are entered", () => last() === REFUSALS_BURST + 1);
  clock.advance(REFUSAL_EVERY_MS);
  assert.ok(trail.refuse(REFUSAL));
  assert.not.ok(trail.refuse(REFUSAL));
  await until("it is entered", () => last() === REFUSALS_BURST + 2);
  assert.is(trail.list(Number.POSITIVE_INFINITY, 1)[0]?.suppressed, 1000 - REFUSALS_BURST);
  const counted = events.filter((event) => event.kind === "refused");
  assert.is(counted.length, 1003, "every one is counted");
});

test("an hour of nothing buys no more than one burst", async () => {
  const { trail, clock } = await opened();
  trail.refuse(REFUSAL);
  clock.advance(3_600_000);
  assert.is(Array.from({ length: 100 }, () => trail.refuse(REFUSAL)).filter(Boolean).length, REFUSALS_BURST);
});

test("the head is told once a minute where it has moved, and at the end", async () => {
  const { trail, clock, events, store, last } = await opened();
  const heads = () => events.filter((event) => event.kind === "audit-head");
  trail.start();
  clock.advance(HEAD_EVERY_MS);
  assert.equal(heads(), []);
  trail.refuse(REFUSAL);
  await until("it is entered", () => last() === 1);
  clock.advance(3 * HEAD_EVERY_MS);
  const { hash } = auditHead(store.reader);
  assert.equal(heads(), [{ kind: "audit-head", seq: 1, hash }]);
  trail.refuse(REFUSAL);
  await until("it is entered", () => last() === 2);
  trail.stop();
  const told = heads().at(-1) as { seq: number; hash: string };
  assert.is(verifyAudit(store.reader, told).broken, undefined);
  assert.is(told.seq, 2);
  assert.is(clock.pending, 0);
});

test("a refusal that could not be written is counted in the next", async () => {
  let failing = true;
  const { trail, store, last, events } = await opened();
  const { transact } = store;
  store.transact = (action) => (failing ? Promise.reject(new Error("queue")) : transact.call(store, action)) as never;
  trail.refuse(REFUSAL);
  await until("it has failed", () => events.some((event) => event.kind === "task-failed"));
  failing = false;
  trail.refuse(REFUSAL);
  await until("it is entered", () => last() === 1);
  assert.is(trail.list(Number.POSITIVE_INFINITY, 1)[0]?.suppressed, 1);
});

test.run();
