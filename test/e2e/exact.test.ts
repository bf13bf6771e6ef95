// Exact: with two workers the merged counts are the upstream's own and Envoy's own; and they stay so when the control
// plane is killed under traffic, also after it has stored windows whose acknowledgements never arrived.

import { setTimeout as sleep } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { WorkloadCounts } from "../../control-plane/gen/vedette/v1/operator_pb.ts";
import { isCalibrated } from "../../envoy/demo/workloads.ts";
import { Prng } from "../support/prng.ts";
import { eventually, inLab, type Lab, type LabSidecar, withEnvoy } from "./lab.ts";
import { grpcCall, type Tally, Traffic } from "./load.ts";
import { ATTACK, LEARNING, normal, protect } from "./protect.ts";
import { TcpProxy } from "./tcp-proxy.ts";

const WORKERS = 2;
/** More workers, more windows: each has its own, every second. */
const MANY_WORKERS = 4;
const ROUNDS = 5;
/** How long the control plane may run after its answers are lost, before it is killed. */
const KILL_WITHIN_MS = 400;
const ERRORS = ["/status/404/gone", "/status/503/busy", "/status/301/moved", "/status/500/broken"];
const OK_OF_GRPC = { status: 200, grpcStatus: 0 };
const MERGED = 'vedette_control_plane_windows_total{outcome="merged"}';
const DUPLICATE = 'vedette_control_plane_windows_total{outcome="duplicate"}';

/** Normal requests, one in eight answered with an error by the upstream, one in `attackEvery` an attack. */
function mixed(seed: number, attackEvery: number): (index: number) => string {
  const next = normal(seed);
  return (index) => {
    if (index % attackEvery === attackEvery - 1) return ATTACK;
    return index % 8 === 0 ? ERRORS[(index / 8) % ERRORS.length]! : next();
  };
}

function countsOf(counts: WorkloadCounts): Record<string, number | number[]> {
  const { seen, allowed, deniedByModel, deniedByRule, windowsDropped, windowsExpired, responses } = counts;
  return {
    ...{ seen: Number(seen), allowed: Number(allowed), responses: responses.map(Number) },
    ...{ deniedByModel: Number(deniedByModel), deniedByRule: Number(deniedByRule) },
    ...{ windowsDropped: Number(windowsDropped), windowsExpired: Number(windowsExpired) },
  };
}

/** Waits until everything the sidecar answered is merged, then holds all counts there are against each other. */
async function assertExact(lab: Lab, sidecar: LabSidecar, denied: number): Promise<WorkloadCounts> {
  const { received, classes } = lab.upstream;
  const seen = received + denied;
  let counts: WorkloadCounts | undefined;
  await eventually(`${seen} requests merged`, async () => {
    counts = (await lab.workload())?.counts;
    return Number(counts?.seen ?? 0) >= seen;
  });
  assert.equal(countsOf(counts!), {
    ...{ seen, allowed: received, responses: classes, deniedByModel: denied, deniedByRule: 0 },
    ...{ windowsDropped: 0, windowsExpired: 0 },
  });
  const envoy = await sidecar.envoy.stats("^http.inbound.downstream_rq_");
  const ofClass = (i: number) => envoy.get(`http.inbound.downstream_rq_${i + 1}xx`) ?? 0;
  assert.is(envoy.get("http.inbound.downstream_rq_total"), seen);
  assert.equal(
    classes.map((_, i) => ofClass(i)),
    classes.map((count, i) => count + (i === 3 ? denied : 0)),
  );
  await eventually("Envoy's metrics of the filter are up to date", async () => {
    const told = await sidecar.envoy.stats("vedette_requests_total");
    return [...told.values()].reduce((sum, count) => sum + count, 0) === seen;
  });
  return counts!;
}

/** Every request was answered, by the upstream or by the filter: nothing failed on the way, in any tally. */
function assertNothingFailed(lab: Lab, before: Tally, tallies: Tally[]): void {
  const answered = (status: number) => (lab.upstream.answered.get(status) ?? 0) - (before.get(status) ?? 0);
  for (const status of new Set([0, 503, 500, ...tallies.flatMap((tally) => [...tally.keys()])])) {
    const got = tallies.reduce((sum, tally) => sum + (tally.get(status) ?? 0), 0);
    if (status !== 403) assert.is(got, answered(status), `status ${status}`);
  }
}

withEnvoy("with two workers the merged counts are the upstream's own, Envoy's own and the clients'", async () => {
  await inLab({ settings: LEARNING }, async (lab) => {
    await lab.startPlane();
    const sidecar = await lab.sidecar({ concurrency: WORKERS, mtls: true });
    const [caller, other] = [await lab.caller(sidecar, "cart"), await lab.caller(sidecar, "payment")];
    await protect(lab, caller);
    const before = new Map(lab.upstream.answered);
    const tallies = await Promise.all([caller.load(1500, mixed(2, 10)), other.load(1500, mixed(3, 25))]);
    const denied = tallies.reduce((sum, tally) => sum + (tally.get(403) ?? 0), 0);
    assert.is(denied, 150 + 60);
    assertNothingFailed(lab, before, tallies);
    const identity = await lab.identity("cart");
    for (let i = 0; i < 10; i++) assert.equal(await grpcCall(sidecar.port, "/shop.Cart/Add", identity), OK_OF_GRPC);
    const counts = await assertExact(lab, sidecar, denied);
    assert.is(Number(counts.skipped + counts.scored), Number(counts.seen));
    const callers = (await lab.workload())!.callers.map(({ name, requests }) => [name.split("/").at(-1), requests]);
    assert.equal(new Map(callers as [string, bigint][]).get("payment"), 1500n);
    const workers = await sidecar.envoy.stats("worker_\\d.downstream_cx_total");
    assert.is(workers.size, WORKERS);
    assert.ok(![...workers.values()].includes(0), "a worker without a connection");
  });
});

/** Kills the control plane while what it says is lost: windows are stored, and the sidecar does not know. */
async function killBetweenCommitAndAck(lab: Lab, proxy: TcpProxy, delayMs: number): Promise<void> {
  proxy.loseAnswers();
  const merged = (await lab.planeMetrics()).get(MERGED) ?? 0;
  await eventually("a window stored", async () => ((await lab.planeMetrics()).get(MERGED) ?? 0) > merged);
  await sleep(delayMs);
  await lab.killPlane();
  proxy.mend();
}

withEnvoy("a control plane killed under traffic loses nothing, doubles nothing, and is not missed", async () => {
  await inLab({ settings: LEARNING }, async (lab) => {
    await lab.startPlane();
    const proxy = await TcpProxy.start(lab.planePort);
    lab.onClose("TCP proxy", () => proxy.stop());
    const sidecar = await lab.sidecar({ concurrency: MANY_WORKERS, streamPort: proxy.port });
    const caller = await lab.caller(sidecar);
    await protect(lab, caller);
    const before = new Map(lab.upstream.answered);
    const traffic = new Traffic(caller, mixed(4, 20), 30);
    const prng = new Prng(5);
    const probe = await lab.caller(sidecar, undefined, 2);
    let attacks = 0;
    let duplicates = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const delayMs = prng.below(KILL_WITHIN_MS);
      if (round % 2 === 0) await killBetweenCommitAndAck(lab, proxy, delayMs);
      else await sleep(delayMs).then(() => lab.killPlane());
      for (let i = 0; i < 20; i++) assert.is(await probe.status(ATTACK), 403, "denied while the control plane is down");
      attacks += 20;
      await lab.startPlane();
      assert.ok(isCalibrated((await lab.workload())!), "the model is still there");
      await eventually("the stream is back", async () => (await lab.node())?.connected);
      await eventually("its windows are taken again", async () => {
        const metrics = await lab.planeMetrics();
        return (round % 2 === 1 || (metrics.get(DUPLICATE) ?? 0) > 0) && (metrics.get(MERGED) ?? 0) > 0;
      });
      duplicates += (await lab.planeMetrics()).get(DUPLICATE) ?? 0;
    }
    const tally = await traffic.stop();
    assertNothingFailed(lab, before, [tally]);
    const counts = await assertExact(lab, sidecar, (tally.get(403) ?? 0) + attacks);
    assert.ok(proxy.lostBytes > 0, "acknowledgements were lost");
    console.log(
      `    ${ROUNDS} kills, ${counts.seen} requests, ${counts.windowsMerged} windows, ${duplicates} duplicates`,
    );
    assert.ok(duplicates >= Math.ceil(ROUNDS / 2), `${duplicates} duplicates`);
    assert.ok(Number(counts.windowsDuplicate) >= duplicates, `${counts.windowsDuplicate} of ${duplicates}`);
  });
});

test.run();
