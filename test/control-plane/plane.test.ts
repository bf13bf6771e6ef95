// The control plane as a whole, in this process: from a sidecar's hello to the operator's list, over a restart, over a
// failed disk.

import { generateKeyPairSync, type KeyObject, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { fromBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ModelSectionSchema, RuleAction, SectionKind } from "../../control-plane/gen/vedette/v1/model_pb.ts";
import { OperatorService } from "../../control-plane/gen/vedette/v1/operator_pb.ts";
import { WindowOutcome } from "../../control-plane/gen/vedette/v1/sidecar_pb.ts";
import { type ControlPlane, startControlPlane } from "../../control-plane/plane.ts";
import { SimulatedDisk } from "../../control-plane/store/memory.ts";
import { ManualClock } from "../support/clock.ts";
import { MemoryLog, testConfig, testPorts } from "../support/edge.ts";
import { TestClient } from "../support/grpc-client.ts";
import { BOOT, nextAcks, nextUpdate, type SidecarStream, TestSidecar, windowFrame } from "../support/sidecar-client.ts";

const { method } = OperatorService;
const NAME = "workloads/shop/cart";
const TABLE_FILE = fileURLToPath(new URL("../../control-plane/train/attack-table.json", import.meta.url));
const WEIGHTS_FILE = TABLE_FILE.replace(/json$/, "bin");

/** A control plane over a simulated disk, with an operator and a sidecar at it. */
class Bench {
  readonly clock = new ManualClock();
  readonly log = new MemoryLog();
  readonly exits: number[] = [];
  plane!: ControlPlane;
  operator!: TestClient;
  sidecar!: TestSidecar;

  static async start(disk: SimulatedDisk, settings: Record<string, string> = {}, files: Record<string, string> = {}) {
    const bench = new Bench();
    const ports = testPorts(bench.clock, files, bench.exits);
    ports.files.read = (path) => (files[path] === undefined ? readFileSync(path) : Buffer.from(files[path]));
    bench.plane = await startControlPlane(testConfig(settings), ports, bench.log, { disk });
    bench.operator = new TestClient(bench.plane.addresses.operator);
    bench.sidecar = new TestSidecar(bench.plane.addresses.sidecar);
    return bench;
  }

  async stop(): Promise<void> {
    this.operator.close();
    this.sidecar.close();
    await this.plane.stop();
  }
}

async function acknowledge(stream: SidecarStream): Promise<{ version: bigint; kinds: SectionKind[] }> {
  const update = await nextUpdate(stream);
  const { manifest } = update;
  const { ManifestSchema } = await import("../../control-plane/gen/vedette/v1/model_pb.ts");
  const { fromBinary } = await import("@bufbuild/protobuf");
  const { target, epoch, version } = fromBinary(ManifestSchema, manifest);
  const value = { nonce: update.nonce, vmBootId: BOOT, target, epoch, version };
  stream.send({ leaseCounter: 1n, frame: { case: "ack", value } });
  return { version, kinds: update.sections.map((section) => section.kind) };
}

test("a sidecar makes its workload known, its window counts, and an operator's changes reach it", async () => {
  const bench = await Bench.start(new SimulatedDisk());
  const stream = bench.sidecar.greet();
  const first = await acknowledge(stream);
  assert.equal(first.kinds, [SectionKind.SETTINGS, SectionKind.MODEL, SectionKind.RULES]);
  stream.send({ leaseCounter: 1n, frame: windowFrame(1) });
  assert.is((await nextAcks(stream, 1))[0]?.outcome, WindowOutcome.MERGED);
  const shown = (await bench.operator.unary(method.getWorkload, { name: NAME })).workload!;
  assert.is(shown.counts?.seen, 3n);
  assert.is(shown.counts?.windowsMerged, 1n);
  assert.equal(shown.nodes, ["node-1"]);

  const rule = {
    action: RuleAction.DENY,
    workload: NAME,
    match: { method: "DELETE" },
    expiresAt: timestampFromMs(bench.clock.nowMs() + 60_000),
    owner: "alice",
    reason: "test",
  };
  await bench.operator.unary(method.createRule, { rule });
  const second = await acknowledge(stream);
  assert.ok(second.version > first.version);
  assert.equal(second.kinds, [SectionKind.RULES], "what is held is not sent again");
  await bench.operator.unary(method.setWorkloadMode, { name: NAME, mode: 4, etag: shown.etag });
  assert.equal((await acknowledge(stream)).kinds, [SectionKind.SETTINGS]);
  stream.cancel();
  await bench.stop();
});

test("after SIGKILL all that was acknowledged is there, and what comes again is a duplicate", async () => {
  const disk = new SimulatedDisk();
  const before = await Bench.start(disk);
  const stream = before.sidecar.greet();
  await acknowledge(stream);
  for (let seq = 1; seq <= 5; seq++) stream.send({ leaseCounter: 1n, frame: windowFrame(seq) });
  await nextAcks(stream, 5);
  const left = disk.after("kill");
  await before.stop();

  const after = await Bench.start(left);
  assert.is(after.plane.epoch, before.plane.epoch + 1);
  const again = after.sidecar.greet();
  await acknowledge(again);
  for (let seq = 1; seq <= 6; seq++) again.send({ leaseCounter: 1n, frame: windowFrame(seq) });
  const outcomes = (await nextAcks(again, 6)).map((ack) => [Number(ack.windowSeq), ack.outcome]);
  assert.equal(
    outcomes,
    [1, 2, 3, 4, 5, 6].map((seq) => [seq, seq <= 5 ? WindowOutcome.DUPLICATE : WindowOutcome.MERGED]),
  );
  const shown = (await after.operator.unary(method.getWorkload, { name: NAME })).workload!;
  assert.is(shown.counts?.seen, 18n);
  assert.is(shown.counts?.windowsDuplicate, 5n);
  again.cancel();
  await after.stop();
});

test("a write that fails acknowledges nothing and ends the process with code 1, once", async () => {
  let failing = false;
  const disk = new SimulatedDisk((step) => {
    if (failing && step === "flush") throw new Error("EIO");
  });
  const bench = await Bench.start(disk);
  const stream = bench.sidecar.greet();
  await acknowledge(stream);
  failing = true;
  for (let seq = 1; seq <= 3; seq++) stream.send({ leaseCounter: 1n, frame: windowFrame(seq) });
  const end = await stream.ended;
  assert.is(end.code, "DATA_LOSS");
  assert.is(stream.waiting, 0);
  assert.equal(bench.exits, [1]);
  assert.ok(bench.log.has("the store failed"));
  await bench.stop();
});

test("snapshots are signed with the key that is configured", async () => {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const bench = await Bench.start(new SimulatedDisk(), { SIGNING_KEY: "key.pem" }, { "key.pem": pemOf(privateKey) });
  const stream = bench.sidecar.greet();
  const { manifest, signature } = await nextUpdate(stream);
  const signed = Buffer.concat([Buffer.from("vedette/manifest/v1\0"), manifest]);
  assert.ok(verify("sha256", signed, publicKey, signature));
  stream.cancel();
  await bench.stop();
});

test("a key that the filters cannot verify keeps it from starting", async () => {
  const { privateKey } = generateKeyPairSync("ed25519");
  const start = Bench.start(new SimulatedDisk(), { SIGNING_KEY: "key.pem" }, { "key.pem": pemOf(privateKey) });
  const error = await start.then(
    () => undefined,
    (reason: Error) => reason,
  );
  assert.match(error!.message, "signing key: ed25519, must be a private key on P-256");
});

test("the shipped attack table goes out before there is a model", async () => {
  const bench = await Bench.start(new SimulatedDisk());
  const stream = bench.sidecar.greet();
  const [section] = (await nextUpdate(stream)).sections.filter(({ kind }) => kind === SectionKind.MODEL);
  const { attack, current } = fromBinary(ModelSectionSchema, section!.content);
  const { tableId } = JSON.parse(readFileSync(TABLE_FILE, "utf8"));
  assert.equal([attack!.tableId.toString(16).padStart(16, "0"), current], [tableId, undefined]);
  stream.cancel();
  await bench.stop();
});

test("without an attack table, or with one that is not whole, it does not start", async () => {
  const table = JSON.parse(readFileSync(TABLE_FILE, "utf8"));
  const changed = JSON.stringify({ ...table, bias: table.bias + 1 });
  const start = (files: Record<string, string>) =>
    Bench.start(new SimulatedDisk(), {}, files).then(
      () => "",
      (reason: Error) => reason.message,
    );
  assert.match(await start({ [TABLE_FILE]: changed }), /attack\.table_id: \w{16}, must be \w{16}/);
  assert.match(await start({ [WEIGHTS_FILE]: "short" }), "attack.weights: 5 bytes, must be 32768");
});

function pemOf(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

test.run();
