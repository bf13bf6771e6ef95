// A snapshot is adopted whole or not at all. Every refusal of the law is told once a VM with field, value and bound,
// and what served before serves on.

import { sign } from "node:crypto";
import { create, toBinary } from "@bufbuild/protobuf";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ConnectResponseSchema, type Nack } from "../../control-plane/gen/vedette/v1/sidecar_pb.ts";
import { MODEL_MAX } from "../../filter/core/limits.ts";
import { Prng } from "../support/prng.ts";
import { ACCEPTED, REFUSED } from "../support/section-cases.ts";
import { model, padTo, rule, rules, settings } from "../support/sections.ts";
import {
  FAST,
  manifestOf,
  otherKey,
  publicKeyOf,
  quoteModel,
  quoteSection,
  type SnapshotSpec,
  signingKey,
  signManifest,
  update,
} from "../support/snapshot.ts";
import { Mesh, quoted } from "./mesh.ts";

/** Deny thresholds tell which model serves: 2,000 the first, 300 the second. */
const stricter = quoteSection({ alert: 200, deny: 200 });

function servesTheFirst(mesh: Mesh): void {
  assert.is(mesh.request({ path: quoted(4) }).status, 403, "the old model still judges");
  assert.is(mesh.request({ path: quoted(1) }).status, 200, "the refused one does not");
}

test("every VM adopts and acknowledges, and the model judges from then on", () => {
  const mesh = new Mesh({ workers: 2 }).connect();
  assert.is(mesh.request({ path: quoted(4) }).status, 200, "without a model everything passes");
  mesh.adopt();
  for (const worker of [0, 1]) assert.is(mesh.request({ path: quoted(4), worker }).status, 403);
  const ack = mesh.plane.of("ack")[0]!;
  assert.is(ack.target, "shop/quotes");
  assert.is(ack.epoch, 1n);
  assert.is(ack.version, 1n);
});

test("a section that is held need not be sent again", () => {
  const mesh = new Mesh().adopt();
  mesh.adopt({ model: stricter, omit: ["settings", "rules"] });
  assert.is(mesh.request({ path: quoted(1) }).status, 403);
});

function expectRefusal(mesh: Mesh, spec: SnapshotSpec, field: string, title: string): Nack {
  const nack = mesh.refuse({ model: stricter, ...spec });
  assert.is(nack.field, field, `${title}: ${nack.field}, ${nack.value}, ${nack.bound}`);
  assert.ok(nack.bound !== "" || field === "section", `${title}: no bound`);
  return nack;
}

test("what the manifest must not be is refused, and the old model serves", () => {
  const mesh = new Mesh().adopt({ epoch: 5n, version: 10n });
  const next = (spec: SnapshotSpec): SnapshotSpec => ({ epoch: 5n, version: 11n, ...spec });
  const cases: [string, SnapshotSpec, string][] = [
    ["another mesh", { mesh: "other" }, "manifest.mesh"],
    ["another target", { target: "shop/cart" }, "manifest.target"],
    ["an older version", { version: 9n }, "manifest.version"],
    ["an older epoch", { epoch: 4n, version: 99n }, "manifest.version"],
    ["the same version with other content", { version: 10n }, "manifest.version"],
    ["other features", { featureHash: 1n }, "manifest.feature_hash"],
    ["two sections named", { named: ["settings", "model"] }, "manifest.sections"],
    ["another order", { named: ["model", "settings", "rules"] }, "manifest.sections"],
    ["a section twice", { named: ["settings", "model", "model"] }, "manifest.sections"],
    ["no manifest that can be read", { manifest: Uint8Array.of(0x0a, 0x7f, 1) }, "manifest"],
    ["a section that is missing", { omit: ["model"] }, "manifest.digest"],
    ["a corrupt section", { swap: { model: flip(stricter, 40) } }, "manifest.digest"],
    ["a truncated section", { swap: { model: stricter.subarray(0, 100) } }, "manifest.digest"],
    ["a section of another kind", { swap: { model: rules() } }, "manifest.digest"],
  ];
  for (const [title, spec, field] of cases) expectRefusal(mesh, next(spec), field, title);
  servesTheFirst(mesh);
  assert.equal(mesh.sidecar.failures, []);
});

function flip(bytes: Uint8Array, at: number): Uint8Array {
  const changed = Uint8Array.from(bytes);
  changed[at]! ^= 1;
  return changed;
}

test("every section the law refuses is refused with its field and value, and the old model serves", () => {
  const mesh = new Mesh({ workers: 1 }).adopt();
  const counted = mesh.sidecar.metrics.value("wasm_filter.vedette.vedette_updates_refused_total");
  for (const { name, kind, bytes, field, value } of REFUSED) {
    const nack = expectRefusal(mesh, { [kind]: bytes }, field, name);
    if (value !== undefined) assert.is(nack.value, value, name);
  }
  servesTheFirst(mesh);
  mesh.sidecar.tick(1000);
  assert.ok(
    mesh.sidecar.metrics.value("wasm_filter.vedette.vedette_updates_refused_total") >= counted + REFUSED.length,
  );
  assert.equal(mesh.sidecar.failures, []);
});

test("what stands just at a bound is adopted", () => {
  const mesh = new Mesh({ workers: 1 });
  for (const { name, kind, bytes } of ACCEPTED) {
    try {
      mesh.adopt({ [kind]: bytes });
    } catch (error) {
      const told = mesh.plane.of("nack").map((nack) => `${nack.field} ${nack.value} ${nack.bound}`);
      assert.unreachable(`${name}: ${(error as Error).message}; ${told.at(-1)}`);
    }
  }
});

test("a refusal is told once a VM and names field, value and bound", () => {
  const mesh = new Mesh({ workers: 2 }).adopt();
  const large = padTo(quoteSection(), MODEL_MAX + 1);
  const nonce = mesh.push({ model: large });
  mesh.sidecar.tick(5000);
  const nacks = mesh.plane.of("nack").filter((nack) => nack.nonce === nonce);
  const boots = new Set(nacks.map((nack) => nack.vmBootId));
  assert.is(nacks.length, boots.size, "none twice");
  assert.is(nacks[0]!.field, "section.size");
  assert.is(nacks[0]!.value, BigInt(MODEL_MAX + 1));
  assert.match(nacks[0]!.bound, "131072");
});

test("with a key configured only what it signed is adopted", () => {
  const mesh = new Mesh({ workers: 1, config: { publicKey: publicKeyOf(signingKey) } });
  mesh.connect();
  expectRefusal(mesh, {}, "signature", "unsigned");
  expectRefusal(mesh, { key: otherKey }, "signature", "signed with another key");
  expectRefusal(mesh, { signature: new Uint8Array(70) }, "signature", "no signature at all");
  mesh.adopt({ key: signingKey });
  const older = signManifest(manifestOf({ version: 50n }), signingKey);
  expectRefusal(mesh, { version: 60n, signature: older }, "signature", "the signature of another manifest");
  const bare = sign("sha256", manifestOf({ version: 60n, model: stricter }), signingKey);
  expectRefusal(mesh, { version: 60n, signature: bare }, "signature", "signed without saying what it is");
  servesTheFirst(mesh);
  mesh.adopt({ version: 61n, key: signingKey, model: stricter });
  assert.is(mesh.request({ path: quoted(1) }).status, 403);
});

test("where the host may not verify, nothing signed is adopted", () => {
  const mesh = new Mesh({ workers: 1, config: { publicKey: publicKeyOf(signingKey) } });
  mesh.sidecar.refused.add("proxy_call_foreign_function");
  mesh.connect();
  expectRefusal(mesh, { key: signingKey }, "signature", "not verified");
});

test("the version never goes back, but for a rollback under a higher epoch", () => {
  const mesh = new Mesh().adopt({ epoch: 2n, version: 7n });
  expectRefusal(mesh, { epoch: 2n, version: 6n }, "manifest.version", "older");
  mesh.adopt({ epoch: 3n, version: 1n, model: stricter });
  assert.is(mesh.request({ path: quoted(1) }).status, 403);
});

test("the same snapshot sent again is acknowledged again", () => {
  const mesh = new Mesh().adopt({ epoch: 2n, version: 7n });
  mesh.adopt({ epoch: 2n, version: 7n });
  assert.equal(mesh.plane.of("nack"), []);
});

test("what another filter writes under our keys is never adopted, and does no harm", () => {
  const mesh = new Mesh({ workers: 2 }).adopt();
  const { data } = mesh.sidecar;
  const content = data.get("", "vedette/1/content")!.value;
  const forged: Uint8Array[] = [
    new Uint8Array(0),
    Uint8Array.of(1, 2, 3),
    content.subarray(0, content.length - 1),
    Uint8Array.from(content, (byte, i) => (i > 60 ? byte ^ 0xff : byte)),
    new Uint8Array(2_000_000).fill(0xff),
  ];
  for (const [i, value] of forged.entries()) {
    data.set("", "vedette/1/content", value, 0);
    const version = Buffer.alloc(24);
    version.writeBigUInt64LE(1n, 0);
    version.writeBigUInt64LE(BigInt(100 + i), 8);
    version.writeBigUInt64LE(BigInt(100 + i), 16);
    data.set("", "vedette/1/content-version", version, 0);
    mesh.sidecar.tick(1000);
    servesTheFirst(mesh);
  }
  for (const key of ["process", "lease", "configured", "slot/00", "slot/01", "content-version"]) {
    for (const size of [0, 1, 7, 24, 5000]) {
      data.set("", `vedette/1/${key}`, new Uint8Array(size).fill(0xff), 0);
      mesh.sidecar.tick(500);
    }
  }
  mesh.sidecar.tick(20_000);
  servesTheFirst(mesh);
  assert.equal(mesh.sidecar.failures, []);
  assert.is(mesh.plane.live.length, 1, "the stream is there, or came back");
});

test("2,000 mutated updates: nothing half is adopted, nothing traps", () => {
  const mesh = new Mesh({ workers: 1, config: { publicKey: publicKeyOf(signingKey) } }).adopt({ key: signingKey });
  // Nothing of it is held, so a mutation can leave nothing out.
  const other = { settings: settings({ ...FAST, pulseMs: 700 }), model: stricter, rules: rules(rule()) };
  const next = update({ nonce: 77n, version: 2n, key: signingKey, ...other });
  const good = toBinary(
    ConnectResponseSchema,
    create(ConnectResponseSchema, { frame: { case: "update", value: next } }),
  );
  const prng = new Prng(4);
  for (let i = 0; i < 2000; i++) {
    const bytes = Uint8Array.from(good);
    const kind = prng.below(4);
    // The first bytes hold nonce and time, which no signature covers and no adoption needs.
    const at = 24 + prng.below(bytes.length - 24);
    if (kind === 0) mesh.plane.stream.sendRaw(bytes.subarray(0, at));
    else {
      if (kind === 1) bytes[at]! ^= 1 << prng.below(8);
      if (kind === 2) bytes.copyWithin(at, prng.below(bytes.length), prng.below(bytes.length));
      if (kind === 3) bytes.set(prng.bytes(Math.min(8, bytes.length - at)), at);
      if (Buffer.compare(bytes, good) === 0) continue;
      mesh.plane.stream.sendRaw(bytes);
    }
    mesh.sidecar.tick(1);
    assert.equal(mesh.sidecar.failures, [], `mutation ${i}`);
  }
  mesh.sidecar.tick(1000);
  servesTheFirst(mesh);
  assert.not.ok(mesh.plane.of("ack").some((ack) => ack.version === 2n));
  mesh.plane.stream.sendRaw(good);
  mesh.sidecar.tick(1000);
  assert.is(mesh.request({ path: quoted(1) }).status, 403, "unharmed, it is adopted");
});

test("a VM made by a reload adopts what the process holds, without the control plane", () => {
  const mesh = new Mesh({ workers: 2 }).adopt();
  mesh.plane.kill();
  mesh.sidecar.tick(1000);
  mesh.sidecar.reload({ tickMs: 205 });
  mesh.sidecar.tick(1500);
  for (const worker of [0, 1]) assert.is(mesh.request({ path: quoted(4), worker }).status, 403);
});

test("an update without a current model lets everything pass and scores nothing", () => {
  const mesh = new Mesh().adopt();
  mesh.adopt({ model: model(undefined) });
  assert.is(mesh.request({ path: quoted(4) }).status, 200);
  mesh.settle();
  assert.is(mesh.counts().skipped[2], 1);
});

test("a candidate is scored beside the current model and judges nothing", () => {
  const mesh = new Mesh().adopt();
  const candidate = { alert: 1, deny: 1, scale: 5 * 65536 };
  const body = quoteModel(candidate);
  mesh.adopt({ model: quoteSection({}, candidate), settings: settings(FAST), rules: rules(rule({ method: "PUT" })) });
  for (let i = 0; i < 20; i++) assert.is(mesh.request({ path: quoted(1) }).status, 200);
  mesh.settle();
  const ids = new Set(mesh.windows().flatMap((window) => window.scores.map((histogram) => histogram.modelId)));
  assert.ok(ids.has(quoteModel().modelId) && ids.has(body.modelId));
});

test.run();
