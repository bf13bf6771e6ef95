// Rules: on disk and published before they are told of, gone at their expiry, bounded.

import { fromBinary } from "@bufbuild/protobuf";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { RulesSectionSchema } from "../../../control-plane/gen/vedette/v1/model_pb.ts";
import type { RuleDraft } from "../../../control-plane/seams.ts";
import {
  MESH_KEY,
  type MeshRecord,
  ruleKey,
  type WorkloadRecord,
  workloadKey,
} from "../../../control-plane/store/records.ts";
import { until } from "../../support/conditions.ts";
import { openPlane, type Plane, TARGET } from "../fixture.ts";

async function openShop(spec = {}): Promise<Plane> {
  const plane = await openPlane(spec);
  await plane.workloads.ensure(TARGET);
  await plane.workloads.ensure("shop/cart");
  return plane;
}

function draft(plane: Plane, some: Partial<RuleDraft> = {}): RuleDraft {
  return {
    action: "deny",
    target: TARGET,
    match: { caller: "", callerGroup: null, method: "DELETE", route: "", scoreMin: 0 },
    expiresAtMs: plane.clock.nowMs() + 60_000,
    owner: "ops",
    reason: "test",
    ...some,
  };
}

function published({ publication }: Plane, target = TARGET): bigint[] {
  const section = publication.current(target)!.sections[2]!;
  return fromBinary(RulesSectionSchema, section.content).rules.map(({ id }) => id);
}

const refusal = (promise: Promise<unknown>) =>
  promise.then(
    () => "taken",
    (error: { code: string; field: string }) => `${error.code} ${error.field}`,
  );

test("a rule is published and on disk when it is told of; ids ascend from 1 and are never used again", async () => {
  const plane = await openShop();
  const { rules } = plane;
  const first = await rules.create(draft(plane));
  assert.is(first.id, 1);
  assert.equal(published(plane), [1n]);
  const more = await Promise.all([rules.create(draft(plane)), rules.create(draft(plane, { target: "shop/cart" }))]);
  assert.equal(
    more.map(({ id }) => id),
    [2, 3],
  );
  await rules.delete(3);
  await rules.delete(2);
  assert.equal(published(plane), [1n]);
  assert.equal(published(plane, "shop/cart"), []);
  const next = await openPlane({ disk: plane.disk.after("power") });
  assert.equal(next.rules.list(), [first]);
  assert.is((await next.rules.create(draft(next))).id, 4);
  assert.equal(published(next), [1n, 4n]);
});

test("rules are listed by id, of one workload or of all", async () => {
  const plane = await openShop();
  const { rules } = plane;
  for (const target of [TARGET, "shop/cart", TARGET]) await rules.create(draft(plane, { target }));
  assert.equal(
    rules.list().map(({ id }) => id),
    [1, 2, 3],
  );
  assert.equal(
    rules.list(TARGET).map(({ id }) => id),
    [1, 3],
  );
  assert.is(rules.get(2)!.target, "shop/cart");
  assert.is(rules.get(9), undefined);
});

test("at its expiry a rule is gone from the list at once, and from the snapshot at the next look", async () => {
  const plane = await openShop();
  const { rules, clock, events } = plane;
  rules.start();
  await rules.create(draft(plane, { expiresAtMs: clock.nowMs() + 5000 }));
  await rules.create(draft(plane));
  clock.advance(4999);
  assert.is(rules.list().length, 2);
  clock.advance(1);
  assert.equal(
    rules.list().map(({ id }) => id),
    [2],
  );
  assert.is(rules.get(1), undefined);
  await until("the rule is no longer published", () => published(plane).length === 1);
  assert.equal(published(plane), [2n]);
  await until("it is told", () => events.some(({ kind }) => kind === "rule-expired"));
  assert.is(await refusal(rules.delete(1)), "NOT_FOUND name");
  rules.stop();
  assert.is(clock.pending, 0);
});

test("what expired while the process was down goes at the first look", async () => {
  const plane = await openShop();
  await plane.rules.create(draft(plane));
  plane.clock.advance(60_000);
  const next = await openPlane({ disk: plane.disk.after("kill"), clock: plane.clock });
  assert.equal(next.rules.list(), []);
  await next.rules.expire();
  assert.equal(published(next), []);
  assert.is(next.store.reader.get<WorkloadRecord>(workloadKey(TARGET))!.rules, 0);
});

test("what a filter would refuse is refused at creation, with its field, and uses no id", async () => {
  const plane = await openShop();
  const { rules, clock } = plane;
  const match = draft(plane).match;
  const cases: [string, Partial<RuleDraft>][] = [
    ["INVALID_ARGUMENT rule.expires_at", { expiresAtMs: clock.nowMs() }],
    ["INVALID_ARGUMENT rule.expires_at", { expiresAtMs: Number.NaN }],
    ["INVALID_ARGUMENT rule.owner", { owner: "" }],
    ["INVALID_ARGUMENT rule.reason", { reason: "x".repeat(513) }],
    ["INVALID_ARGUMENT rule.match.caller", { match: { ...match, caller: "é".repeat(129) } }],
    ["INVALID_ARGUMENT rule.match.route", { match: { ...match, route: "r".repeat(513) } }],
    ["INVALID_ARGUMENT rule.match.method", { match: { ...match, method: "M".repeat(17) } }],
    ["INVALID_ARGUMENT rule.match.caller_group", { match: { ...match, callerGroup: 8 } }],
    ["INVALID_ARGUMENT rule.match.score_min", { match: { ...match, scoreMin: 2 ** 31 } }],
    ["INVALID_ARGUMENT rule.match", { match: { ...match, method: "" } }],
    ["NOT_FOUND rule.workload", { target: "shop/none" }],
  ];
  for (const [expected, some] of cases) assert.is(await refusal(rules.create(draft(plane, some))), expected);
  assert.is((await rules.create(draft(plane))).id, 1);
});

test("a workload takes 10,240 rules and not one more", async () => {
  const plane = await openShop();
  const { rules, store } = plane;
  await rules.create(draft(plane));
  // As if 10,238 others were there: counted in the record of the workload.
  const record = store.reader.get<WorkloadRecord>(workloadKey(TARGET))!;
  await store.transact((t) => t.put(workloadKey(TARGET), { ...record, rules: 10_239 }));
  assert.is(await refusal(rules.create(draft(plane))), "taken");
  assert.is(await refusal(rules.create(draft(plane))), "RESOURCE_EXHAUSTED rule");
  await rules.delete(1);
  assert.is(await refusal(rules.create(draft(plane))), "taken");
});

test("the rule that would make the section too large is refused, and what was in force stays", async () => {
  const plane = await openShop();
  const { rules, publication } = plane;
  // Each about 780 bytes: 1,400 of them are above 1 MiB. Most are put on disk as if made before.
  const match = { caller: "c".repeat(250), callerGroup: null, method: "", route: "r".repeat(500), scoreMin: 0 };
  await publication.change(TARGET, (t) => {
    for (let id = 1; id <= 1330; id++) t.put(ruleKey(TARGET, id), { ...draft(plane, { match }), id, createdAtMs: 0 });
    t.put(MESH_KEY, { ...t.get<MeshRecord>(MESH_KEY)!, nextRuleId: 2000 });
  });
  let last = "taken";
  for (let i = 0; i < 60 && last === "taken"; i++) last = await refusal(rules.create(draft(plane, { match })));
  assert.is(last, "RESOURCE_EXHAUSTED rule");
  const size = publication.current(TARGET)!.sections[2]!.content.length;
  assert.ok(size <= 1_048_576 && size > 1_047_000, `${size} bytes in force`);
  assert.is(published(plane).length, 1330 + rules.list().length);
});

test.run();
