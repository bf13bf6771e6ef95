// `npm start`: the shop under traffic, from the first request to protection.

import { setTimeout as sleep } from "node:timers/promises";
import { Mode } from "../../control-plane/gen/vedette/v1/model_pb.ts";
import { type CertificateFiles, spiffeIdOf } from "../certificates.ts";
import type { Lifetime } from "../lifetime.ts";
import { send, type Trial, trials } from "./attacks.ts";
import { streamDenials } from "./denials.ts";
import type { Reporter } from "./events.ts";
import type { Options } from "./options.ts";
import { BUSY_WORKLOADS, GRPC_WORKLOADS, HTTP_WORKLOADS, NAMESPACE, Shop } from "./shop/shop.ts";
import { mustLive, proxyAddress, type Stage, setStage, tellStarted } from "./stage.ts";
import { SHOP_THRESHOLDS, settingsOf } from "./thresholds.ts";
import { CALLERS } from "./traffic/callers.ts";
import { Traffic } from "./traffic/traffic.ts";
import { setModeEverywhere, untilCalibrated } from "./workloads.ts";

/** Requests a second that the callers send: while there is something to learn, and after that. */
const LEARNING_RATE = 280;
const QUIET_RATE = 40;
const CALIBRATED_WITHIN_MS = 600_000;
/** What is told to protect within a minute of the start does not wait longer than this for its least busy workload. */
const PATIENCE_MS = 42_000;
/**
 * A trial that a passing failure spoiled (no answer, or one of the server's) is sent again; an attack that passed is
 * not.
 */
const TRIES = 3;
const TRY_AGAIN_MS = 500;

export async function runShop(options: Options, reporter: Reporter, lifetime: Lifetime): Promise<void> {
  const stage = await setStage(options, reporter, lifetime, settingsOf(SHOP_THRESHOLDS));
  const shop = await Shop.start({
    folder: stage.folder,
    binary: stage.binary,
    concurrency: options.concurrency,
    authority: stage.authority,
    seed: options.seed,
    filter: (_workload, identity) => stage.filterOf(identity),
  });
  lifetime.onStop("shop", () => shop.stop());
  for (const sidecar of shop.sidecars.values()) mustLive(sidecar.child, lifetime);
  const proxies = [...shop.sidecars.values()].map(proxyAddress);
  tellStarted(stage, proxies, { ...SHOP_THRESHOLDS });
  lifetime.onStop("denials", streamDenials(stage.operator, reporter));
  const traffic = await startTraffic(stage, shop);
  const targets = await protect(stage, reporter);
  traffic.rate = QUIET_RATE;
  shop.faults.enabled = false; // from here on, what fails is not the shop's doing
  const { kept, spoiled } = await tryAll(trials(shop.edgePort));
  reporter.tell({
    event: "protecting",
    afterMs: Math.round(performance.now()),
    workloads: targets,
    try: kept,
    notYet: spoiled,
    proxies,
    admin: Object.fromEntries([...shop.sidecars].map(([name]) => [name, shop.portsOf(name).admin])),
    operator: stage.controlPlane.operatorAddress,
    metrics: stage.controlPlane.metricsUrl,
    accessLogs: Object.fromEntries([...shop.sidecars.keys()].map((name) => [name, shop.accessLogOf(name)])),
  });
}

/**
 * Sets all workloads to enforce once those that are called most have calibrated models; the others are waited for a
 * while. Answers the ones that a model judges; the rest has rules until its own model comes.
 */
async function protect({ operator }: Stage, reporter: Reporter): Promise<string[]> {
  const startedAt = performance.now();
  const busy = BUSY_WORKLOADS.map((name) => `${NAMESPACE}/${name}`);
  const others = HTTP_WORKLOADS.map((name) => `${NAMESPACE}/${name}`).filter((target) => !busy.includes(target));
  await untilCalibrated(operator, busy, CALIBRATED_WITHIN_MS);
  const judged = [...busy];
  for (const target of others) {
    const left = Math.max(0, PATIENCE_MS - (performance.now() - startedAt));
    await untilCalibrated(operator, [target], left).then(
      () => judged.push(target),
      () => reporter.tell({ event: "note", message: `${target} is still learning: only rules act there until then` }),
    );
  }
  const all = [...busy, ...others, ...GRPC_WORKLOADS.map((name) => `${NAMESPACE}/${name}`)];
  await Promise.all(all.map((target) => setModeEverywhere(operator, target, Mode.ENFORCE)));
  return judged;
}

async function startTraffic(stage: Stage, shop: Shop): Promise<Traffic> {
  const certificates: Record<string, CertificateFiles> = {};
  for (const { name } of CALLERS) {
    if (name !== "edge") certificates[name] = await stage.authority.issue(name, spiffeIdOf(NAMESPACE, name));
  }
  const traffic = new Traffic({
    edgePort: shop.edgePort,
    inbound: Object.fromEntries(HTTP_WORKLOADS.map((name) => [name, shop.inboundOf(name)])),
    certificates,
    seed: stage.options.seed,
    rate: LEARNING_RATE,
  });
  traffic.start();
  stage.lifetime.onStop("traffic", () => traffic.stop());
  return traffic;
}

/** Sends each trial, one after the other; keeps those that are answered as they promise. */
async function tryAll(all: Trial[]) {
  const kept: Trial[] = [];
  const spoiled: { title: string; url: string; expected: number; got: number }[] = [];
  for (const trial of all) {
    let got = await send(trial);
    for (let tries = 1; (got === 0 || got >= 500) && tries < TRIES; tries++) {
      await sleep(TRY_AGAIN_MS);
      got = await send(trial);
    }
    if (got === trial.expect) kept.push(trial);
    else spoiled.push({ title: trial.title, url: trial.url, expected: trial.expect, got });
  }
  return { kept, spoiled };
}
