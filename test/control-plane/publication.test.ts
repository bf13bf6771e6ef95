// The one way to the filters: on disk before told, versions that only grow, and what would be refused changes nothing.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Model, Snapshot } from "../../control-plane/domain.ts";
import { SimulatedDisk } from "../../control-plane/store/memory.ts";
import {
  HISTORY_MAX,
  historyKey,
  type PublishedManifest,
  readDays,
  type WorkloadRecord,
  workloadKey,
} from "../../control-plane/store/records.ts";
import { trainModel } from "../../control-plane/train/model.ts";
import {
  attack,
  attackTable,
  core,
  dayOf,
  momentsOf,
  openPlane,
  type Plane,
  prior,
  requests,
  statisticsOf,
  TARGET,
  windowOf,
} from "./fixture.ts";

const MODES = ["learn", "shadow", "enforce", "off"] as const;
const order = ({ epoch, version }: { epoch: number; version: number }) => epoch * 1e9 + version;

test("(epoch, version) grows with every publication, over restarts too, and never repeats", async () => {
  const told: Snapshot[] = [];
  let disk = new SimulatedDisk();
  for (let run = 0; run < 4; run++) {
    const { publication, workloads } = await openPlane({ disk });
    publication.subscribe((snapshot) => told.push(snapshot));
    await workloads.ensure(TARGET);
    // Many at once: what is told follows the order of the transactions.
    await Promise.all(Array.from({ length: 8 }, (_, i) => workloads.setMode(TARGET, MODES[(i + run) % 4]!, "")));
    disk = disk.after(run % 2 === 0 ? "kill" : "power");
  }
  assert.ok(told.length > 20);
  for (const [i, snapshot] of told.slice(1).entries()) assert.ok(order(snapshot) > order(told[i]!));
  assert.is(new Set(told.map(({ digest }) => digest)).size, told.length);
});

test("what is told is on disk already", async () => {
  const { publication, workloads, store } = await openPlane();
  let checked = 0;
  publication.subscribe(({ target, manifest }) => {
    const history = store.reader.get<PublishedManifest[]>(historyKey(target))!;
    assert.equal(Buffer.from(history.at(-1)!.manifest), Buffer.from(manifest));
    checked++;
  });
  await workloads.ensure(TARGET);
  await workloads.setMode(TARGET, "shadow", "");
  assert.is(checked, 2);
});

test("after a restart the same content is in force under the same version", async () => {
  const first = await openPlane();
  await first.workloads.ensure(TARGET);
  await first.workloads.setMode(TARGET, "enforce", "");
  const second = await openPlane({ disk: first.disk.after("power") });
  assert.is(second.publication.epoch, 2);
  assert.equal(second.publication.current(TARGET), first.publication.current(TARGET));
  await second.workloads.setMode(TARGET, "learn", "");
  const { epoch, version } = second.publication.current(TARGET)!;
  assert.equal([epoch, version], [2, 1]);
});

test("a change that a filter would refuse is undone, and what was in force stays", async () => {
  const { publication, workloads, store } = await openPlane();
  await workloads.ensure(TARGET);
  const before = publication.current(TARGET);
  const record = store.reader.get<{ mode: string }>(workloadKey(TARGET))!;
  const change = publication.change(TARGET, (transaction) =>
    transaction.put(workloadKey(TARGET), { ...record, mode: "no" }),
  );
  const refusal = await change.catch((error: unknown) => error as { code: string; field: string });
  assert.equal([refusal?.code, refusal?.field], ["FAILED_PRECONDITION", "settings.mode"]);
  assert.is(publication.current(TARGET), before);
  assert.equal(store.reader.get(workloadKey(TARGET)), record);
});

test("nothing is told when nothing changed, and no listener after it stopped", async () => {
  const { publication, workloads } = await openPlane();
  const told: number[] = [];
  const stop = publication.subscribe(({ version }) => told.push(version));
  await workloads.ensure(TARGET);
  await workloads.ensure(TARGET);
  await publication.change(TARGET, () => undefined);
  assert.equal(told, [1]);
  stop();
  await workloads.setMode(TARGET, "off", "");
  assert.equal(told, [1]);
});

test("under another attack table models and contexts are learnt again; moments and counts stay", async () => {
  const list = requests(1, 400);
  const statistics = statisticsOf(list);
  const settings = { learnRequestsMin: 300 };
  const first = await openPlane({ settings });
  await first.workloads.ensure(TARGET);
  await first.ingest.accept(windowOf({ statistics, startMs: first.clock.nowMs() }));
  await first.cycle.turn();
  const record = (plane: Plane) => plane.store.reader.get<WorkloadRecord>(workloadKey(TARGET))!;
  const learnt = (plane: Plane) => readDays(plane.store.reader, TARGET)[0]!.statistics;
  const { modelId, attackId } = record(first).current!.model;
  assert.is(attackId, attack.tableId);

  const same = await openPlane({ settings, disk: first.disk.after("power") });
  assert.is(record(same).current!.model.modelId, modelId);
  assert.equal(learnt(same), statistics);

  const other = attackTable(40);
  const next = await openPlane({ settings, disk: same.disk.after("power"), attack: other });
  assert.equal([record(next).current, record(next).attackId], [null, other.tableId]);
  assert.equal(learnt(next), { ...statistics, contexts: {} });
  await next.ingest.accept(windowOf({ statistics, windowSeq: 2, startMs: next.clock.nowMs() }));
  await next.cycle.turn();
  assert.is(record(next).current!.model.attackId, other.tableId);
  assert.equal(learnt(next).contexts, statistics.contexts);
});

test("a model of before there were attack tables is dropped, and what else was stored stays", async () => {
  const { workloads, store, disk } = await openPlane();
  await workloads.ensure(TARGET);
  await workloads.setMode(TARGET, "enforce", "");
  const { attackId: _, ...old } = store.reader.get<WorkloadRecord>(workloadKey(TARGET))!;
  const model = { ...trainModel([dayOf(1, momentsOf(requests(1, 100)))], prior, core)! } as Partial<Model>;
  for (const field of ["contexts", "kinds", "routes", "structureBase", "attackId"] as const) delete model[field];
  const current = { model, basis: { learnt: 100, trainedAtMs: 1 } };
  await store.transact((transaction) => transaction.put(workloadKey(TARGET), { ...old, current }));
  const next = await openPlane({ disk: disk.after("power") });
  const record = next.store.reader.get<WorkloadRecord>(workloadKey(TARGET));
  assert.equal(record, { ...old, current: null, attackId: attack.tableId });
});

/** Starts again over a store in which the workload's record is this. */
async function restarted({ store, disk }: Plane, record: WorkloadRecord, table = attack): Promise<Plane> {
  await store.transact((transaction) => transaction.put(workloadKey(TARGET), record));
  return openPlane({ disk: disk.after("power"), attack: table });
}

test("scores of models stay with their attack table, and go with it", async () => {
  const plane = await openPlane();
  await plane.workloads.ensure(TARGET);
  const record = plane.store.reader.get<WorkloadRecord>(workloadKey(TARGET))!;
  const scores = new Array<number>(128).fill(0).with(40, 900);
  const same = await restarted(plane, { ...record, scores });
  assert.equal(same.store.reader.get<WorkloadRecord>(workloadKey(TARGET)), { ...record, scores });
  const other = attackTable(40);
  const next = await restarted(same, { ...record, scores }, other);
  const found = next.store.reader.get<WorkloadRecord>(workloadKey(TARGET));
  assert.equal(found, { ...record, attackId: other.tableId });
});

test("a model of before there were routes is dropped; scores, contexts and a newer candidate stay", async () => {
  const plane = await openPlane();
  await plane.workloads.ensure(TARGET);
  const statistics = statisticsOf(requests(1, 100));
  await plane.ingest.accept(windowOf({ statistics, startMs: plane.clock.nowMs() }));
  const record = plane.store.reader.get<WorkloadRecord>(workloadKey(TARGET))!;
  const { moments, contexts } = statistics;
  const model = trainModel([{ ...dayOf(1, moments), contexts }], prior, core, attack)!;
  const { routes: _, ...old } = model;
  const trained = (one: Partial<Model>) => ({ model: one as Model, basis: { learnt: 100, trainedAtMs: 1 } });
  const scores = new Array<number>(128).fill(1);
  const before = { ...record, current: trained(old), candidate: trained(model), scores };
  const next = await restarted(plane, before);
  const found = next.store.reader.get<WorkloadRecord>(workloadKey(TARGET));
  assert.equal(found, { ...before, current: null });
  assert.equal(readDays(next.store.reader, TARGET)[0]!.statistics.contexts, contexts);
});

test("the hash key is made once, and the last ten manifests are remembered", async () => {
  const { workloads, publication, store, disk } = await openPlane();
  await workloads.ensure(TARGET);
  const settings = publication.current(TARGET)!.sections[0]!.digest;
  for (let i = 1; i < 15; i++) await workloads.setMode(TARGET, MODES[i % 4]!, "");
  const history = store.reader.get<PublishedManifest[]>(historyKey(TARGET))!;
  assert.equal(
    history.map(({ version }) => version),
    Array.from({ length: HISTORY_MAX }, (_, i) => 6 + i),
  );
  const next = await openPlane({ disk: disk.after("kill") });
  await next.workloads.setMode(TARGET, "learn", "");
  assert.is(next.publication.current(TARGET)!.sections[0]!.digest, settings, "the same mode, the same key");
});

test.run();
