// From windows to a model that judges: there at once, learnt, scored beside, calibrated, published; and what must not
// leave stays in.

import { fromBinary } from "@bufbuild/protobuf";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Model } from "../../control-plane/domain.ts";
import { type ModelSection, ModelSectionSchema } from "../../control-plane/gen/vedette/v1/model_pb.ts";
import { scoreOf } from "../../control-plane/snapshot/check.ts";
import { SimulatedDisk } from "../../control-plane/store/memory.ts";
import {
  DAY_MS,
  DEDUPE_PREFIX,
  readDays,
  type WorkloadRecord,
  workloadKey,
} from "../../control-plane/store/records.ts";
import { trainModel } from "../../control-plane/train/model.ts";
import { TRAIN_DEFAULTS } from "../../control-plane/train/settings.ts";
import { thresholdsOf } from "../../control-plane/train/threshold.ts";
import {
  attack,
  core,
  openPlane,
  type Plane,
  type PlaneSpec,
  prior,
  requests,
  scored,
  statisticsOf,
  TARGET,
  usual,
  windowOf,
} from "./fixture.ts";

const SETTINGS = { learnRequestsMin: 300, calibrationRequestsMin: 20 };

async function openShop(spec: PlaneSpec = {}): Promise<Plane> {
  const plane = await openPlane({ settings: SETTINGS, ...spec });
  await plane.workloads.ensure(TARGET);
  return plane;
}

let windowSeq = 0;

/** What a sidecar sends after so many requests: learnt, and scored under the candidate or else the current model. */
async function traffic(plane: Plane, count: number): Promise<void> {
  const list = requests(++windowSeq, count);
  const record = plane.store.reader.get<WorkloadRecord>(workloadKey(TARGET))!;
  const model = (record.candidate ?? record.current)?.model;
  const scores = list.map(({ bins }) => (model === undefined ? 0 : scoreOf(model, bins)));
  const learnt = statisticsOf(list);
  const statistics = model === undefined ? learnt : scored(learnt, model.modelId, scores);
  const outcome = await plane.ingest.accept(windowOf({ statistics, windowSeq, startMs: plane.clock.nowMs() }));
  assert.is(outcome, "merged");
}

function published({ publication }: Plane): ModelSection {
  return fromBinary(ModelSectionSchema, publication.current(TARGET)!.sections[1]!.content);
}

const kinds = ({ events }: Plane) => events.map(({ kind }) => kind).filter((kind) => kind !== "snapshot-published");

const recordOf = ({ store }: Plane) => store.reader.get<WorkloadRecord>(workloadKey(TARGET))!;
const scoresIn = (counts: readonly number[] | undefined) => (counts ?? []).reduce((sum, count) => sum + count, 0);

test("the first turn puts a model in force, and be it the prior alone; it denies nothing", async () => {
  const plane = await openShop();
  await plane.cycle.turn();
  assert.equal(kinds(plane), ["model-trained", "model-promoted"]);
  const { current, candidate } = published(plane);
  assert.is(candidate, undefined);
  const usualAlert = thresholdsOf(undefined, 0, usual, TRAIN_DEFAULTS, core).alertThreshold;
  assert.equal([current!.alertThreshold, current!.denyThreshold], [usualAlert, 0]);
  assert.is(current!.contexts.length, 0);
  assert.is(recordOf(plane).current!.model.modelId, trainModel([], prior, core, attack).modelId);
  const { confidence, confidenceDetail } = plane.workloads.get(TARGET)!;
  assert.equal([confidence, confidenceDetail], ["learning", "0 of 300 requests learnt"]);
  await plane.cycle.turn();
  assert.is(kinds(plane).length, 2, "and once");
});

test("a target that is first seen with traffic begins with what it has, and denies nothing either", async () => {
  const plane = await openShop();
  await traffic(plane, 400);
  await plane.cycle.turn();
  const { model, basis } = recordOf(plane).current!;
  assert.equal([basis.learnt, model.denyThreshold, recordOf(plane).candidate], [400, 0, null]);
  assert.ok(model.contexts.length > 0 && model.routes.length === 8, "contexts and routes");
  const { confidence, confidenceDetail } = plane.workloads.get(TARGET)!;
  assert.equal(
    [confidence, confidenceDetail],
    ["calibrating", "400 requests learnt, the next model is not trained yet"],
  );
});

test("learning, calibrating, confident: each when there is enough, each published; deny from then on", async () => {
  const plane = await openShop();
  const { cycle, workloads } = plane;
  const after = async (count: number) => {
    await traffic(plane, count);
    await cycle.turn();
  };
  await cycle.turn();
  await after(9);
  assert.is(recordOf(plane).candidate, null);
  await after(1);
  assert.is(recordOf(plane).candidate!.basis.learnt, 10);
  // One score is a twentieth of ten, rounded up.
  await after(1);
  assert.equal([recordOf(plane).current!.basis.learnt, recordOf(plane).candidate], [10, null]);
  assert.ok(published(plane).current!.alertThreshold > 0);
  assert.is(published(plane).current!.denyThreshold, 0, "ten requests are too few to deny by");
  assert.is(scoresIn(recordOf(plane).scores), 1);
  await after(288);
  assert.is(workloads.get(TARGET)!.confidence, "learning");
  assert.is(recordOf(plane).candidate!.basis.learnt, 299);
  await after(15);
  assert.is(published(plane).current!.denyThreshold, 0, "299 are one too few");
  assert.is(workloads.get(TARGET)!.confidence, "calibrating");
  await after(100);
  const { candidate } = published(plane);
  await after(19);
  assert.ok(published(plane).candidate, "20 are to be scored");
  await after(1);
  const promoted = published(plane);
  assert.is(promoted.current!.modelId, candidate!.modelId);
  assert.is(promoted.candidate, undefined);
  const workload = workloads.get(TARGET)!;
  assert.is(workload.confidence, "confident");
  assert.equal(
    [workload.alertThreshold, workload.denyThreshold],
    [promoted.current!.alertThreshold, promoted.current!.denyThreshold],
  );
  const { model } = recordOf(plane).current!;
  assert.ok(model.denyThreshold > model.alertThreshold);
  for (const { bins } of requests(1000, 2000)) assert.ok(scoreOf(model, bins) < model.denyThreshold, "normal");
  for (const attack of ["/search?q=%27%20or%201=1--%20&page=1", "/products/..%2f..%2f..%2fetc%2fpasswd"]) {
    const score = scoreOf(model, core.binsOf(Buffer.from(attack)));
    assert.ok(score >= model.denyThreshold, `${attack}: ${score}, denied from ${model.denyThreshold}`);
  }
});

test("the next candidate is scored beside the current model and then replaces it; the old histogram goes", async () => {
  const plane = await openShop();
  const { cycle, store } = plane;
  await traffic(plane, 300);
  await cycle.turn();
  const first = published(plane).current!.modelId;
  await traffic(plane, 100);
  await cycle.turn();
  const both = published(plane);
  assert.is(both.current!.modelId, first);
  assert.ok(both.candidate);
  assert.is.not(both.candidate!.modelId, first);
  await traffic(plane, 20);
  await cycle.turn();
  assert.is(published(plane).current!.modelId, both.candidate!.modelId);
  await traffic(plane, 10);
  const held = readDays(store.reader, TARGET).flatMap(({ statistics }) => Object.keys(statistics.scores));
  assert.equal(held, [both.candidate!.modelId.toString(16).padStart(16, "0")]);
});

test("scores of models before count for seven eighths each time, and move thresholds within their bound", async () => {
  const plane = await openShop();
  const { cycle } = plane;
  await cycle.turn();
  /** Trains, and has the candidate score so many at one score. */
  const round = async (count: number, score: number) => {
    await traffic(plane, count);
    await cycle.turn();
    const { modelId } = recordOf(plane).candidate!.model;
    const statistics = scored(statisticsOf(requests(++windowSeq, count)), modelId, new Array(count).fill(score));
    const outcome = await plane.ingest.accept(windowOf({ statistics, windowSeq, startMs: plane.clock.nowMs() }));
    assert.is(outcome, "merged");
    await cycle.turn();
    assert.is(recordOf(plane).current!.model.modelId, modelId);
    return recordOf(plane);
  };
  const [low, high] = [core.bucketOf(256), core.bucketOf(1e6 * 256)];
  const alertOf = ({ current }: WorkloadRecord) => current!.model.alertThreshold;
  const one = await round(501, 256);
  const ships = thresholdsOf(undefined, 501, usual, TRAIN_DEFAULTS, core).alertThreshold;
  assert.equal([one.scores![low], scoresIn(one.scores), alertOf(one)], [501, 501, ships]);
  const two = await round(600, 1e6 * 256);
  assert.equal([two.scores![low], two.scores![high], scoresIn(two.scores)], [438.375, 600, 1038.375]);
  assert.ok(Math.abs(alertOf(two) - 1.5 * ships) <= 2, `${alertOf(two)}, 1.5 times ${ships}`);
  assert.ok(two.current!.model.denyThreshold > alertOf(two));
});

test("without new data nothing is trained and nothing published", async () => {
  const plane = await openShop();
  const { cycle, publication, clock } = plane;
  for (const count of [300, 500]) {
    await traffic(plane, count);
    await cycle.turn();
  }
  const before = publication.current(TARGET);
  for (let i = 0; i < 5; i++) {
    clock.advance(3_600_000);
    await cycle.turn();
  }
  assert.is(publication.current(TARGET), before);
});

test("a baseline too large for the filters is refused, and the old snapshot stays in force", async () => {
  let planted = false;
  const train: NonNullable<PlaneSpec["train"]> = (...input): Model => {
    const model = trainModel(...input);
    return planted ? { ...model, modelId: "00000000000000ee", factor: new Int8Array(131_072) } : model;
  };
  const plane = await openShop({ train });
  const { cycle, publication, events } = plane;
  await traffic(plane, 300);
  await cycle.turn();
  const before = publication.current(TARGET);
  planted = true;
  await traffic(plane, 200);
  await cycle.turn();
  const refused = events.find(({ kind }) => kind === "publication-refused") as { detail: string } | undefined;
  assert.match(refused?.detail ?? "", /section\.size: 16\d{4}, must be 131072 bytes/);
  assert.is(publication.current(TARGET), before);
  planted = false;
  await traffic(plane, 1);
  await cycle.turn();
  assert.ok(published(plane).candidate, "and the next good one is published");
  planted = true;
  const next = await openShop({ train });
  await next.cycle.turn();
  assert.is(recordOf(next).current, null, "nor does a first one leave that would be refused");
});

test("models and thresholds are there after a loss of power", async () => {
  const plane = await openShop();
  for (const count of [300, 500]) {
    await traffic(plane, count);
    await plane.cycle.turn();
  }
  const next = await openPlane({ disk: plane.disk.after("power"), settings: SETTINGS });
  assert.equal(next.publication.current(TARGET), plane.publication.current(TARGET));
  assert.equal(next.workloads.get(TARGET), plane.workloads.get(TARGET));
});

test("the timer turns, one turn at a time, and none after the stop", async () => {
  const plane = await openShop();
  const { cycle, clock } = plane;
  cycle.start();
  await traffic(plane, 300);
  clock.advance(2500);
  await cycle.stop();
  assert.equal(kinds(plane), ["model-trained", "model-promoted"]);
  assert.is(clock.pending, 0);
});

test("a failed disk ends no turn with an exception, but is told", async () => {
  let broken = false;

  const disk = new SimulatedDisk(() => {
    if (broken) throw new Error("EIO");
  });
  const plane = await openShop({ disk });
  await traffic(plane, 300);
  broken = true;
  await plane.cycle.turn();
  await plane.cycle.sweep();
  assert.equal(kinds(plane), ["task-failed", "task-failed"]);
});

test("nodes silent beyond the horizon are forgotten; days too old to train from stay as counts", async () => {
  const plane = await openShop();
  const { cycle, clock, store, workloads } = plane;
  await traffic(plane, 50);
  clock.advance(9 * DAY_MS);
  await cycle.sweep();
  assert.is(store.reader.range(DEDUPE_PREFIX).length, 0);
  assert.is(readDays(store.reader, TARGET).length, 1);
  clock.advance(19 * DAY_MS);
  await traffic(plane, 20);
  await cycle.sweep();
  assert.equal(
    readDays(store.reader, TARGET).map(({ statistics }) => statistics.counts.seen),
    [20],
  );
  const { counts, statistics } = workloads.get(TARGET)!;
  assert.equal([counts.seen, statistics.counts.seen], [70, 20]);
  assert.is(store.reader.range(DEDUPE_PREFIX).length, 1);
});

test.run();
