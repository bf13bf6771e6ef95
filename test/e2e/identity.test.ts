// Who is counted as the caller: the one that the connection proves, whatever the headers say. And what is counted of
// requests that we denied: that they were denied, and nothing that is learnt from, calibrated on or called a failure.

import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Confidence, type Workload } from "../../control-plane/gen/vedette/v1/operator_pb.ts";
import { CallerClass } from "../../control-plane/gen/vedette/v1/statistics_pb.ts";
import { LmdbDisk } from "../../control-plane/store/lmdb.ts";
import { readDays } from "../../control-plane/store/records.ts";
import { CertificateAuthority, spiffeIdOf } from "../../envoy/certificates.ts";
import { eventually, FAST, inLab, type Lab, type LabSidecar, NAMESPACE, withEnvoy } from "./lab.ts";
import { Caller } from "./load.ts";
import { ATTACK, LEARNING, normal, protect } from "./protect.ts";
import { deny } from "./rule.ts";
import { DenialWatch, deniedAs } from "./told.ts";

const ENFORCE = { ...FAST, VEDETTE_DEFAULT_MODE: "enforce" };
const TARGET = `${NAMESPACE}/web`;
/** A caller's name may leave the sidecar after 20 requests, a cell after 10. */
const ENOUGH = 40;
const BURST = 200;
const CART = spiffeIdOf(NAMESPACE, "cart");
const PAYMENT = spiffeIdOf(NAMESPACE, "payment");
const DENIED = "/denied";

/** Each would make the caller somebody else, if it were believed. */
const FORGERIES: Record<string, string>[] = [
  { "x-forwarded-client-cert": `By=${CART};Hash=${"0".repeat(64)};Subject="";URI=${PAYMENT}` },
  { "x-forwarded-client-cert": `URI=${CART},By=${CART};URI=${PAYMENT}` },
  { "x-forwarded-client-cert": `By="unfinished;URI=${PAYMENT}` },
  { "x-forwarded-for": "198.51.100.7" },
  { "x-forwarded-for": "198.51.100.7, 203.0.113.9", "x-envoy-external-address": "198.51.100.7" },
  { forwarded: "for=198.51.100.7;host=payment", "x-real-ip": "198.51.100.7" },
  { host: "payment.shop.svc.cluster.local" },
  { host: "payment", "x-forwarded-host": "payment", "x-envoy-peer-metadata-id": "payment" },
];

/** A sidecar in mode enforce with a rule that denies DENIED, in force. */
async function enforced(lab: Lab, mtls: boolean, configuration = {}): Promise<LabSidecar> {
  await lab.startPlane();
  const sidecar = await lab.sidecar({ mtls, configuration });
  await eventually("the workload is known", async () => (await lab.workload()) !== undefined);
  await deny(lab, { route: `GET ${DENIED}` });
  return sidecar;
}

/** Sends every forgery, denied and allowed; asserts that all of them are the doing of `name`. */
async function assertAllFrom(lab: Lab, caller: Caller, name: string, kind: CallerClass): Promise<void> {
  await eventually("the rule acts", async () => (await caller.status(DENIED)) === 403);
  await eventually("the caller may be named", async () => {
    await caller.load(ENOUGH, () => "/");
    return (await lab.workload())!.callers.length > 0;
  });
  const watch = await DenialWatch.open(lab.operator, TARGET);
  lab.onClose("denials", () => watch.close());
  for (const headers of FORGERIES) {
    const tally = await caller.load(ENOUGH, () => ({ path: "/", headers }));
    assert.equal([...tally], [[200, ENOUGH]], JSON.stringify(headers));
    const requestId = deniedAs(await caller.send({ path: DENIED, headers }));
    assert.ok(requestId, `denied with ${JSON.stringify(headers)}`);
    await eventually("the denial is told", () => watch.of(requestId) !== undefined);
    const told = watch.of(requestId)!.denial!.caller!;
    assert.equal([told.name, told.class], [name, kind], JSON.stringify(headers));
  }
  await eventually("all are counted", async () => {
    const { callers, counts } = (await lab.workload())!;
    return callers.reduce((sum, { requests }) => sum + requests, 0n) === counts!.seen;
  });
  const { callers } = (await lab.workload())!;
  assert.equal(
    callers.map((each) => [each.name, each.callerClass]),
    [[name, CallerClass[kind].toLowerCase()]],
  );
}

for (const callerHeader of [false, true]) {
  const configured = callerHeader ? ", also where the filter may believe a header" : "";
  withEnvoy(`on an mTLS listener the caller is the certificate's${configured}`, async () => {
    await inLab({ settings: ENFORCE }, async (lab) => {
      const sidecar = await enforced(lab, true, { callerHeader });
      await assertAllFrom(lab, await lab.caller(sidecar, "cart"), CART, CallerClass.ATTESTED);
    });
  });

  withEnvoy(`on a plaintext listener the caller is the peer's address${configured}`, async () => {
    await inLab({ settings: ENFORCE }, async (lab) => {
      const sidecar = await enforced(lab, false, { callerHeader });
      await assertAllFrom(lab, await lab.caller(sidecar), "127.0.0.1", CallerClass.ADDRESS);
    });
  });
}

withEnvoy("a rule against a caller is neither evaded nor drawn upon another by a forged header", async () => {
  await inLab({ settings: ENFORCE }, async (lab) => {
    const sidecar = await enforced(lab, true);
    await deny(lab, { caller: PAYMENT });
    const [cart, payment] = [await lab.caller(sidecar, "cart"), await lab.caller(sidecar, "payment")];
    await eventually("the rule acts", async () => (await payment.status("/")) === 403);
    for (const headers of FORGERIES) {
      assert.is(await cart.status({ path: "/", headers }), 200, `cart with ${JSON.stringify(headers)}`);
      const posing = { ...headers, "x-forwarded-client-cert": `By=${CART};URI=${CART}` };
      assert.is(await payment.status({ path: "/", headers: posing }), 403, `payment with ${JSON.stringify(posing)}`);
    }
  });
});

withEnvoy("without a certificate of the mesh nobody comes in, and nothing is counted", async () => {
  await inLab({ settings: ENFORCE }, async (lab) => {
    const sidecar = await enforced(lab, true);
    const known = await lab.caller(sidecar, "cart");
    const others = await CertificateAuthority.create(lab.folder, undefined, "others");
    const issued = await others.issue("impostor", CART);
    const impostor = new Caller(sidecar.port, { ...issued, authority: lab.authority.file });
    const nobody = new Caller(sidecar.port);
    lab.onClose("strangers", () => [impostor, nobody].map((caller) => caller.close()));
    for (let i = 0; i < ENOUGH; i++) {
      assert.is(await impostor.status("/"), 0);
      assert.is(await nobody.status("/"), 0);
    }
    assert.is(await known.status("/"), 200);
    await eventually("the one request is counted", async () => (await lab.workload())?.counts?.seen === 1n);
    assert.is(lab.upstream.received, 1);
  });
});

/** What must not move when requests are denied. */
function learning(workload: Workload) {
  const { confidence, confidenceDetail, alertThreshold, denyThreshold, digest, routes } = workload;
  const { learnt, responses, alerted, shadowDenied, answeredBefore, allowed } = workload.counts!;
  return {
    ...{ confidence, confidenceDetail, alertThreshold, denyThreshold, digest },
    ...{ learnt, responses, alerted, shadowDenied, answeredBefore, allowed },
    routes: routes.map(({ name, requests, failures }) => ({ name, requests, failures })),
  };
}

/** The workload, once `seen` requests have been counted. */
async function counted(lab: Lab, seen: number): Promise<Workload> {
  await eventually(`${seen} requests counted`, async () => Number((await lab.workload())?.counts?.seen ?? 0) >= seen);
  const workload = (await lab.workload())!;
  assert.is(Number(workload.counts!.seen), seen);
  return workload;
}

/** Of what the next model must score before it judges. */
const SCORED = /(\d+) of 400 scored/;
/** Bursts until no model comes any more that earlier requests made due. */
const BURSTS = 5;

/** A burst of denials; asserts that nothing moved but their own count. */
async function assertUnmoved(lab: Lab, caller: Caller, seen: number, path: string): Promise<number> {
  for (let burst = 0, all = seen; burst < BURSTS; burst++, all += BURST) {
    const before = await counted(lab, all);
    assert.equal([...(await caller.load(BURST, () => path))], [[403, BURST]]);
    const after = await counted(lab, all + BURST);
    const denied = ({ counts }: Workload) => Number(counts!.deniedByModel + counts!.deniedByRule);
    assert.is(denied(after) - denied(before), BURST);
    if (before.digest !== after.digest) continue;
    assert.equal(learning(after), learning(before));
    return all + BURST;
  }
  assert.unreachable(`a new model in each of ${BURSTS} bursts`);
  return seen;
}

/** From the store of a control plane that is stopped for it: requests in score histograms, and failures of edges. */
async function stored(lab: Lab): Promise<{ scored: number[]; failures: number }> {
  await lab.stopPlane();
  const disk = new LmdbDisk(join(lab.folder, "data", "store"));
  const days = readDays(disk, TARGET);
  await disk.close();
  await lab.startPlane();
  const histograms = days.flatMap(({ statistics }) => Object.values(statistics.scores));
  const edges = days.flatMap(({ statistics }) => Object.values(statistics.edges));
  return {
    scored: histograms.map((buckets) => buckets.reduce((sum, count) => sum + count, 0)),
    failures: edges.reduce((sum, edge) => sum + edge.failures, 0),
  };
}

withEnvoy("our own denials change no failure rate, nothing that is learnt, and no calibration", async () => {
  await inLab({ settings: { ...LEARNING, VEDETTE_DEFAULT_MODE: "enforce" } }, async (lab) => {
    const caller = await lab.caller(await enforced(lab, false));
    let probes = 0;
    await eventually("the rule acts", async () => ++probes > 0 && (await caller.status(DENIED)) === 403);
    const next = normal(3);
    const failing = (index: number) => (index % 4 === 0 ? "/status/503/busy" : next());
    await caller.load(200, failing);
    let seen = await assertUnmoved(lab, caller, probes + 200, DENIED);
    assert.is((await lab.workload())!.confidence, Confidence.LEARNING);

    await caller.load(300, next);
    seen += 300;
    await eventually("every VM scores with a model that may deny", async () => {
      // The trainer looks at a target again when there is something new.
      await caller.load(1, next);
      seen += 1;
      const { confidence, confidenceDetail, version } = (await lab.workload())!;
      const vms = (await lab.node())!.vms;
      return (
        confidence === Confidence.CALIBRATING &&
        SCORED.test(confidenceDetail) &&
        vms.every((vm) => vm.version === version)
      );
    });
    const scored = ({ confidenceDetail }: Workload) => Number(SCORED.exec(confidenceDetail)?.[1]);
    const first = scored(await counted(lab, seen));
    await caller.load(100, next);
    seen += 100;
    assert.is(scored(await counted(lab, seen)), first + 100);
    seen = await assertUnmoved(lab, caller, seen, DENIED);
    assert.is((await lab.workload())!.confidence, Confidence.CALIBRATING);

    await protect(lab, caller);
    seen = lab.upstream.received + Number((await lab.workload())!.counts!.deniedByRule);
    await counted(lab, seen);
    const before = await stored(lab);
    seen = await assertUnmoved(lab, caller, seen, ATTACK);
    seen = await assertUnmoved(lab, caller, seen, DENIED);
    await caller.load(BURST, next);
    await counted(lab, seen + BURST);
    const after = await stored(lab);
    assert.is(before.scored.length, 1, "the model that judges");
    assert.equal(after.scored, [before.scored[0]! + BURST], "only what was allowed is in its histogram");
    assert.is(after.failures, before.failures);
    assert.ok(before.failures > 0, "there were failures of the service's own");
  });
});

test.run();
