// The command that verifies the audit trail of a store on disk: one line, one exit code.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { BanList } from "../../control-plane/bans.ts";
import { ConfigError } from "../../control-plane/config-keys.ts";
import type { AuditEntry } from "../../control-plane/domain.ts";
import { auditHead, auditKey } from "../../control-plane/store/audit.ts";
import { GroupStore } from "../../control-plane/store/group.ts";
import { LmdbDisk, storeFolder } from "../../control-plane/store/lmdb.ts";
import { verifyStore } from "../../control-plane/verify.ts";
import { ManualClock } from "../support/clock.ts";

const folder = mkdtempSync(join(tmpdir(), "vedette-verify-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const verify = (args: string[], data = folder) => verifyStore(() => data, args);
const AUTHOR = { identity: "oidc:alice", method: "CreateBan" };

test("it says what is whole, what is broken, what it cannot read and how it is called", async () => {
  assert.equal(await verify([]), { code: 1, line: `audit: ${folder}/store: there is no store` });
  const store = new GroupStore(new LmdbDisk(storeFolder(folder)));
  assert.equal(await verify([]), { code: 0, line: "audit: no entries" });
  const bans = new BanList({ store, clock: new ManualClock() });
  for (const identity of ["oidc:a", "oidc:b", "oidc:c"]) await bans.create(identity, "test", AUTHOR);
  const { hash } = auditHead(store.reader);
  const whole = { code: 0, line: `audit: 1 to 3 are whole, head 3:${hash}` };
  assert.equal(await verify([]), whole, "while it is open");
  assert.equal(await verify([`3:${hash}`]), whole);
  const other = await verify([`3:${"0".repeat(64)}`]);
  assert.equal([other.code, /entry 3 is broken: its hash is not the one that is known/.test(other.line)], [3, true]);
  await store.close();

  const disk = new LmdbDisk(storeFolder(folder));
  await disk.write([{ key: auditKey(2), value: { ...disk.get<AuditEntry>(auditKey(2)), identity: "somebody" } }]);
  await disk.close();
  const line = "audit: entry 2 is broken: its content is not that of its hash; 1 before it are whole";
  assert.equal(await verify([]), { code: 3, line });
  const usage = { code: 2, line: "usage: main.ts verify [<seq>:<hash>]" };
  for (const args of [["1:xyz"], [`0:${hash}`], [`1:${hash}`, "more"], ["--help"]])
    assert.equal(await verify(args), usage);
});

test("it writes nothing", async () => {
  const before = new LmdbDisk(storeFolder(folder), true);
  assert.is(
    await before.write([{ key: "x", value: 1 }]).then(
      () => "written",
      () => "refused",
    ),
    "refused",
  );
  await before.close();
});

test("a data directory that is none is a fault of the configuration", async () => {
  const error = await verify([], "").then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.instance(error, ConfigError);
});

test.run();
