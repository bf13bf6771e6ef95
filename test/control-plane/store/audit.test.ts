// The audit trail on disk: its chain, its retention, that an entry is there exactly where its effect is, and that every
// way of tampering is named by its first broken entry.

import { createHash } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { BanList } from "../../../control-plane/bans.ts";
import type { AuditEntry, Author, Rule } from "../../../control-plane/domain.ts";
import {
  AUDIT_HEAD_KEY,
  type AuditHead,
  appendAudit,
  auditHash,
  auditHead,
  auditKey,
  keepAuditEntries,
  readAudit,
} from "../../../control-plane/store/audit.ts";
import { GroupStore } from "../../../control-plane/store/group.ts";
import { SimulatedDisk } from "../../../control-plane/store/memory.ts";
import { type WorkloadRecord, workloadKey } from "../../../control-plane/store/records.ts";
import type { Key, Reader, Value } from "../../../control-plane/store/store.ts";
import { verifyAudit } from "../../../control-plane/store/verify.ts";
import { openPlane, TARGET } from "../fixture.ts";

const NOW_MS = 1_767_225_600_000;
const ALICE: Author = { identity: "certificate:https://people/alice", method: "SetWorkloadMode" };

async function trail(count: number, most = 1000): Promise<{ store: GroupStore; disk: SimulatedDisk }> {
  const disk = new SimulatedDisk();
  const store = new GroupStore(disk);
  await store.transact((transaction) => keepAuditEntries(transaction, most));
  for (let i = 1; i <= count; i++) await append(store, `rules/${i}`);
  return { store, disk };
}

function append(store: GroupStore, resource: string): Promise<AuditEntry> {
  const texts = { identity: "local", method: "DeleteRule", resource, code: "OK", detail: "", before: "{}", after: "" };
  return store.transact((transaction) => {
    return appendAudit(transaction, NOW_MS, { outcome: "done", ...texts, suppressed: 0 });
  });
}

/** The disk with some records as somebody else has made them. */
function tampered(disk: SimulatedDisk, changes: Record<Key, Value | undefined>): Reader {
  return { get: <T>(key: Key) => (key in changes ? changes[key] : disk.get(key)) as T, range: () => [] };
}

test("entries follow each other from 1, each with the hash of the one before", async () => {
  const { store } = await trail(3);
  const entries = readAudit(store.reader, Number.POSITIVE_INFINITY, 10);
  assert.equal(
    entries.map(({ seq }) => seq),
    [3, 2, 1],
  );
  assert.is(entries[2]?.previousHash, "0".repeat(64));
  assert.is(entries[1]?.previousHash, entries[2]?.hash);
  assert.is(entries[0]?.previousHash, entries[1]?.hash);
  assert.equal(
    readAudit(store.reader, 3, 1).map(({ seq }) => seq),
    [2],
  );
});

test("the hash is what the documents say, so that others can compute it", async () => {
  const { store } = await trail(1);
  const entry = readAudit(store.reader, 2, 1)[0]!;
  const content = '[1,1767225600000,"done","local","DeleteRule","rules/1","OK","","{}","",0]';
  const expected = createHash("sha256")
    .update(`vedette/audit/v1\0${"0".repeat(64)}\0${content}`)
    .digest("hex");
  assert.is(entry.hash, expected);
});

test("a trail that nobody touched is whole, an empty one too", async () => {
  const { store, disk } = await trail(20);
  const verdict = verifyAudit(disk);
  assert.equal(verdict, { broken: undefined, verified: 20, first: 1, last: 20, hash: auditHead(store.reader).hash });
  assert.is(verifyAudit(new SimulatedDisk()).broken, undefined);
});

test("what was changed, taken out, put in, swapped or cut is named by its first broken entry", async () => {
  const { disk } = await trail(9);
  const entry = (seq: number) => disk.get<AuditEntry>(auditKey(seq))!;
  const head = disk.get<AuditHead>(AUDIT_HEAD_KEY)!;
  const forged = { ...entry(5), identity: "certificate:https://people/bob" };
  const rehashed = { ...forged, hash: auditHash(forged) };
  const cases: [string, number, Record<Key, Value | undefined>][] = [
    ["a field", 5, { [auditKey(5)]: forged }],
    ["a field and its hash", 6, { [auditKey(5)]: rehashed }],
    ["the last, and its hash", 9, { [auditKey(9)]: { ...rehashed, seq: 9 } }],
    ["gone", 4, { [auditKey(4)]: undefined }],
    ["swapped", 2, { [auditKey(2)]: entry(3), [auditKey(3)]: entry(2) }],
    [
      "swapped with their numbers",
      2,
      { [auditKey(2)]: { ...entry(3), seq: 2 }, [auditKey(3)]: { ...entry(2), seq: 3 } },
    ],
    ["one more at the end", 10, { [auditKey(10)]: { ...entry(9), seq: 10 } }],
    ["cut, and the head as it was", 9, { [auditKey(9)]: undefined }],
    ["cut, and the head not its hash", 8, { [auditKey(9)]: undefined, [AUDIT_HEAD_KEY]: { ...head, last: 8 } }],
    ["the beginning taken off", 4, { [AUDIT_HEAD_KEY]: { ...head, first: 5, anchor: entry(4).hash } }],
    ["no head", 1, { [AUDIT_HEAD_KEY]: undefined }],
  ];
  for (const [what, seq, changes] of cases) {
    const { broken } = verifyAudit(tampered(disk, changes));
    assert.is(broken?.seq, seq, `${what}: ${broken?.detail}`);
  }
});

test("a trail that was cut or written anew as a whole is seen against a head that the log has told", async () => {
  const { disk } = await trail(9);
  const { hash } = auditHead(disk);
  assert.is(verifyAudit(disk, { seq: 9, hash }).broken, undefined);
  const shorter = (await trail(8)).disk;
  assert.is(verifyAudit(shorter).broken, undefined, "by itself it is whole");
  assert.is(verifyAudit(shorter, { seq: 9, hash }).broken?.seq, 9);
  const other = new GroupStore(new SimulatedDisk());
  for (let i = 1; i <= 12; i++) await append(other, `rules/${i + 1}`);
  assert.is(verifyAudit(other.reader).broken, undefined, "by itself it is whole");
  assert.is(verifyAudit(other.reader, { seq: 9, hash }).broken?.seq, 9);
});

test("the newest entries are kept, and verified from the hash of the last that went", async () => {
  const { store, disk } = await trail(25, 10);
  const { first, last } = auditHead(disk);
  assert.equal([first, last], [16, 25]);
  assert.is(disk.range("audit/").length, 10);
  assert.is(verifyAudit(disk).verified, 10);
  assert.is(verifyAudit(disk, { seq: 3, hash: "0".repeat(64) }).broken?.detail, "known, but no longer kept");
  await store.transact((transaction) => keepAuditEntries(transaction, 4));
  for (let i = 26; i <= 30; i++) await append(store, `rules/${i}`);
  assert.is(disk.range("audit/").length, 5, "two go with each new one");
  await append(store, "rules/31");
  assert.is(disk.range("audit/").length, 4);
  assert.is(verifyAudit(disk).broken, undefined);
});

test("a text beyond its bound is cut, and the chain holds", async () => {
  const { store, disk } = await trail(0);
  const { resource } = await append(store, `rules/${"x".repeat(10_000)}`);
  assert.is(resource.length, 4096);
  assert.is(verifyAudit(disk).verified, 1);
});

/** What a disk holds: the mode, the rules, the bans, and which changes the trail tells. */
function effects(reader: Reader): { mode: string | undefined; rules: number; bans: number; told: string[] } {
  return {
    mode: reader.get<WorkloadRecord>(workloadKey(TARGET))?.mode,
    rules: reader.range<Rule>("rule/").length,
    bans: reader.range("ban/").length,
    told: readAudit(reader, Number.POSITIVE_INFINITY, 100).map(({ method }) => method),
  };
}

const RULE_MATCH = { caller: "", callerGroup: null, method: "GET", route: "", scoreMin: 0 };
const TOLD = ["SetWorkloadMode", "CreateRule", "CreateBan", "DeleteRule", "DeleteBan"];

async function changeAll(disk: SimulatedDisk): Promise<void> {
  const { workloads, rules, clock, store } = await openPlane({ disk });
  const bans = new BanList({ store, clock });
  const by = (method: string): Author => ({ ...ALICE, method });
  await workloads.ensure(TARGET);
  await workloads.setMode(TARGET, "shadow", "", by("SetWorkloadMode"));
  const draft = { target: TARGET, match: RULE_MATCH, expiresAtMs: clock.nowMs() + 60_000, owner: "a", reason: "b" };
  const rule = await rules.create({ action: "deny", ...draft }, by("CreateRule"));
  await bans.create("spiffe://cluster.local/ns/shop/sa/x", "test", by("CreateBan"));
  await rules.delete(rule.id, by("DeleteRule"));
  await bans.delete("spiffe://cluster.local/ns/shop/sa/x", by("DeleteBan"));
}

test("an effect is on disk exactly where its entry is, wherever the process dies", async () => {
  const whole = new SimulatedDisk();
  await changeAll(whole);
  assert.equal(effects(whole), { mode: "shadow", rules: 0, bans: 0, told: [...TOLD].reverse() });
  for (let step = 0; step < whole.steps; step++) {
    const disk = new SimulatedDisk((_, index) => {
      if (index === step) throw new Error("the process died");
    });
    await changeAll(disk).catch(() => undefined);
    for (const crash of ["kill", "power"] as const) {
      const left = disk.after(crash);
      const { mode, rules, bans, told } = effects(left);
      const done = (method: string) => told.includes(method);
      assert.equal([...told].reverse(), TOLD.slice(0, told.length), `step ${step}`);
      assert.is(mode === "shadow", done("SetWorkloadMode"), `mode, step ${step}`);
      assert.is(rules === 1, done("CreateRule") && !done("DeleteRule"), `rule, step ${step}`);
      assert.is(bans === 1, done("CreateBan") && !done("DeleteBan"), `ban, step ${step}`);
      assert.is(verifyAudit(left).broken, undefined);
    }
  }
});

test("an entry tells who, what and both states; what changes nothing has none", async () => {
  const { workloads, store } = await openPlane();
  await workloads.ensure(TARGET);
  await workloads.setMode(TARGET, "learn", "", ALICE);
  assert.is(readAudit(store.reader, 10, 10).length, 0);
  await workloads.setMode(TARGET, "enforce", "", ALICE);
  await workloads.setMode(TARGET, "off", "stale", ALICE).catch(() => undefined);
  const [entry, ...more] = readAudit(store.reader, 10, 10);
  assert.equal(more, []);
  const { identity, method, resource, outcome, code, before, after } = entry!;
  assert.equal(
    [identity, method, resource, outcome, code],
    [...Object.values(ALICE), `workloads/${TARGET}`, "done", "OK"],
  );
  assert.equal([before, after], ['{"mode":"learn"}', '{"mode":"enforce"}']);
});

test.run();
