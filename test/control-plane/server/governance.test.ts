// Bans and the audit trail as operators see them, over a whole control plane: what each change leaves, page by page,
// and what is refused.

import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { RuleAction } from "../../../control-plane/gen/vedette/v1/model_pb.ts";
import {
  type AuditEntry,
  AuditEntry_Outcome,
  OperatorService,
} from "../../../control-plane/gen/vedette/v1/operator_pb.ts";
import { type ControlPlane, startControlPlane } from "../../../control-plane/plane.ts";
import { SystemFiles } from "../../../control-plane/ports/files.ts";
import { SimulatedDisk } from "../../../control-plane/store/memory.ts";
import { verifyAudit } from "../../../control-plane/store/verify.ts";
import { ManualClock } from "../../support/clock.ts";
import { until } from "../../support/conditions.ts";
import { MemoryLog, testConfig, testPorts } from "../../support/edge.ts";
import { TestClient } from "../../support/grpc-client.ts";
import { CERTIFICATES, certificateOf, channelOf, FILES, OVERRIDE } from "../../support/operators.ts";
import { nextAcks, nextUpdate, TestSidecar, windowFrame } from "../../support/sidecar-client.ts";

const { method } = OperatorService;
const NAME = "workloads/shop/cart";
const ADMIN = "certificate:https://people/admin";
const EVE = "certificate:https://people/viewer";

interface Context {
  clock: ManualClock;
  disk: SimulatedDisk;
  plane: ControlPlane;
  admin: TestClient;
  viewer: TestClient;
}

const test = suite<Context>("governance");

const files: Record<string, string> = FILES;
const system = new SystemFiles();

test.before.each(async (context) => {
  context.clock = new ManualClock();
  context.disk = new SimulatedDisk();
  const ports = testPorts(context.clock);
  ports.files.read = (path) => (files[path] === undefined ? system.read(path) : Buffer.from(files[path]));
  context.plane = await startControlPlane(testConfig(CERTIFICATES), ports, new MemoryLog(), { disk: context.disk });
  const client = (role: string) => {
    return new TestClient(
      context.plane.addresses.operator,
      channelOf(certificateOf(`https://people/${role}`)),
      OVERRIDE,
    );
  };
  context.admin = client("admin");
  context.viewer = client("viewer");
});

test.after.each(async ({ admin, viewer, plane, clock }) => {
  for (const one of [admin, viewer]) one.close();
  let over = false;
  const stopped = plane.stop().then(() => {
    over = true;
  });
  while (!over) {
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(100);
  }
  await stopped;
});

async function entries(client: TestClient, pageSize = 1000): Promise<AuditEntry[]> {
  const all: AuditEntry[] = [];
  let pageToken = "";
  do {
    const page = await client.unary(method.listAuditEntries, { pageSize, pageToken });
    assert.ok(page.entries.length <= pageSize);
    all.push(...page.entries);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return all;
}

test("each change leaves an entry that says who, what, before and after", async ({ plane, admin, clock, disk }) => {
  const sidecar = new TestSidecar(plane.addresses.sidecar);
  const stream = sidecar.greet();
  await nextUpdate(stream);
  await admin.unary(method.setWorkloadMode, { name: NAME, mode: 3 });
  const rule = {
    action: RuleAction.DENY,
    workload: NAME,
    match: { method: "GET" },
    expiresAt: timestampFromMs(clock.nowMs() + 60_000),
    owner: "alice",
    reason: "test",
  };
  const made = (await admin.unary(method.createRule, { rule })).rule!;
  await admin.unary(method.deleteRule, { name: made.name });
  const told = await entries(admin);
  assert.equal(
    told.map(({ seq, identity, method: call, resource, code }) => [seq, identity, call, resource, code]),
    [
      [3n, ADMIN, "DeleteRule", "rules/1", "OK"],
      [2n, ADMIN, "CreateRule", "rules/1", "OK"],
      [1n, ADMIN, "SetWorkloadMode", NAME, "OK"],
    ],
  );
  const [deleted, created, mode] = told as [AuditEntry, AuditEntry, AuditEntry];
  assert.equal([mode.before, mode.after], ['{"mode":"learn"}', '{"mode":"shadow"}']);
  assert.is(mode.outcome, AuditEntry_Outcome.DONE);
  assert.is(mode.time?.seconds, BigInt(clock.nowMs() / 1000));
  assert.equal([created.before, deleted.after], ["", ""]);
  assert.is(created.after, deleted.before);
  assert.is((JSON.parse(created.after) as { owner: string }).owner, "alice");
  assert.equal([deleted.previousHash, created.previousHash], [created.hash, mode.hash]);
  assert.is(verifyAudit(disk).verified, 3);
  stream.cancel();
  sidecar.close();
});

test("a refusal leaves an entry; what is refused for its content leaves none", async ({ admin, viewer }) => {
  await viewer.refusal(method.setWorkloadMode, { name: NAME, mode: 2 });
  await viewer.refusal(method.listAuditEntries, {});
  await admin.refusal(method.setWorkloadMode, { name: NAME, mode: 2 });
  await admin.refusal(method.createRule, {});
  const told = await entries(admin);
  assert.equal(
    told.map(({ outcome, identity, method: call, code }) => [outcome, identity, call, code]),
    [
      [AuditEntry_Outcome.REFUSED, EVE, "ListAuditEntries", "PERMISSION_DENIED"],
      [AuditEntry_Outcome.REFUSED, EVE, "SetWorkloadMode", "PERMISSION_DENIED"],
    ],
  );
});

test("the trail comes in pages, newest first, whatever is entered meanwhile", async ({ admin }) => {
  for (let i = 0; i < 7; i++)
    await admin.unary(method.createBan, { ban: { identity: `spiffe://x/${i}`, reason: "r" } });
  const first = await admin.unary(method.listAuditEntries, { pageSize: 3 });
  await admin.unary(method.deleteBan, { identity: "spiffe://x/0" });
  const second = await admin.unary(method.listAuditEntries, { pageSize: 3, pageToken: first.nextPageToken });
  const third = await admin.unary(method.listAuditEntries, { pageSize: 3, pageToken: second.nextPageToken });
  const seqs = [first, second, third].map((page) => page.entries.map(({ seq }) => Number(seq)));
  assert.equal(seqs, [[7, 6, 5], [4, 3, 2], [1]]);
  assert.is(third.nextPageToken, "");
  assert.is((await entries(admin, 2)).length, 8);
  const { nextPageToken } = await admin.unary(method.listBans, { pageSize: 1 });
  for (const pageToken of [nextPageToken, "x"]) {
    assert.equal((await admin.refusal(method.listAuditEntries, { pageToken })).fields, ["page_token"]);
  }
});

test("a ban ends what the identity has open, and lets it back in when it is lifted", async ({
  plane,
  admin,
  viewer,
  clock,
}) => {
  const watch = viewer.serverStream(method.watchDenials, {});
  const listed = await viewer.unary(method.listBans, {});
  assert.equal(listed.bans, []);
  const { ban } = await admin.unary(method.createBan, { ban: { identity: EVE, reason: "left the company" } });
  assert.equal([ban?.identity, ban?.reason, ban?.author], [EVE, "left the company", ADMIN]);
  assert.is(ban?.createdAt?.seconds, BigInt(clock.nowMs() / 1000));
  clock.advance(1_000);
  assert.is((await watch.ended).code, "PERMISSION_DENIED");
  assert.is((await viewer.refusal(method.listBans, {})).code, "PERMISSION_DENIED");
  assert.equal((await admin.unary(method.listBans, {})).bans.length, 1);
  assert.is(
    (await admin.refusal(method.createBan, { ban: { identity: EVE, reason: "again" } })).code,
    "ALREADY_EXISTS",
  );
  await admin.unary(method.deleteBan, { identity: EVE });
  assert.is((await viewer.refusal(method.listBans, {})).code, "OK");
  assert.is((await admin.refusal(method.deleteBan, { identity: EVE })).code, "NOT_FOUND");
  const done = (await entries(admin)).filter(({ outcome }) => outcome === AuditEntry_Outcome.DONE);
  assert.equal(
    done.map(({ method: call, resource }) => [call, resource]),
    [
      ["DeleteBan", `bans/${EVE}`],
      ["CreateBan", `bans/${EVE}`],
    ],
  );
  assert.ok(plane.epoch > 0);
});

test("nobody bans himself, nor those who have no identity, nor without a reason", async ({ admin }) => {
  for (const identity of [ADMIN, "local"]) {
    const end = await admin.refusal(method.createBan, { ban: { identity, reason: "oops" } });
    assert.equal([end.code, ...end.fields], ["INVALID_ARGUMENT", "ban.identity"]);
  }
  assert.equal((await admin.refusal(method.createBan, { ban: { identity: EVE } })).fields, ["ban.reason"]);
  assert.equal((await admin.refusal(method.createBan, {})).fields, ["ban"]);
  const long = await admin.refusal(method.createBan, { ban: { identity: "x".repeat(2049), reason: "r" } });
  assert.equal(long.fields, ["ban.identity"]);
});

test("a flood of refusals is counted and not written, and what is done is entered all the same", async ({
  plane,
  admin,
  viewer,
}) => {
  for (let i = 0; i < 100; i++) await viewer.refusal(method.listAuditEntries, {});
  await admin.unary(method.createBan, { ban: { identity: "oidc:x", reason: "r" } });
  const told = await entries(admin);
  assert.is(told.length, 31);
  assert.is(told[0]?.method, "CreateBan");
  const text = await (await fetch(`http://${plane.addresses.http}/metrics`)).text();
  const count = (entered: boolean) => {
    return Number(new RegExp(`refusals_total\\{listener="operator",entered="${entered}"\\} (\\d+)`).exec(text)?.[1]);
  };
  assert.equal([count(true), count(false)], [30, 70]);
});

test("a window is acknowledged while a ban of others is written", async ({ plane, admin }) => {
  const sidecar = new TestSidecar(plane.addresses.sidecar);
  const stream = sidecar.greet();
  await nextUpdate(stream);
  const ban = admin.unary(method.createBan, { ban: { identity: "oidc:x", reason: "r" } });
  stream.send({ leaseCounter: 1n, frame: windowFrame(1) });
  await Promise.all([ban, nextAcks(stream, 1)]);
  stream.cancel();
  await until("it is over", () => stream.waiting === 0);
  sidecar.close();
});

test.run();
