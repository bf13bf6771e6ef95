// From sidecars that know nothing to models that judge: the requests of the bench, sent until every model is
// calibrated, then the mode of each arm.

import { setTimeout as sleep } from "node:timers/promises";
import { Mode } from "../../control-plane/gen/vedette/v1/model_pb.ts";
import { VmStatus_State } from "../../control-plane/gen/vedette/v1/operator_pb.ts";
import type { Operator } from "../../envoy/demo/operator.ts";
import { isCalibrated } from "../../envoy/demo/workloads.ts";
import { waitFor } from "../../envoy/process.ts";
import { type Arm, OURS, type Ours, oursArm, targetOf } from "./arms.ts";
import { KINDS, sequence } from "./requests.ts";

const PATIENCE_MS = 180_000;
/** Sent at a time while a candidate is calibrated, and the pause after it. */
const ROUND = 200;
const PAUSE_MS = 250;
/** One serves, the other is the main thread's. */
const VMS = 2;
/** Of the learnt requests that are needed; the rest is for those that are not learnt from. */
const MARGIN = 1.1;
/** Requests that a candidate scores before it judges. */
const CALIBRATION_MOST = 2000;
/** Growth in per cent after which the control plane trains again; the most there may be. */
const GROWTH = 1000;

/**
 * Settings of a control plane that learns from `requests` and trains no other model before eleven times as many, with
 * windows of the length given.
 */
export function learningSettings(requests: number, windowMs: number): Record<string, string> {
  return {
    VEDETTE_WINDOW_MS: String(windowMs),
    VEDETTE_PULSE_MS: "500",
    VEDETTE_TRAIN_EVERY_MS: "500",
    VEDETTE_LEARN_REQUESTS_MIN: String(requests),
    VEDETTE_CALIBRATION_REQUESTS_MIN: String(Math.min(requests, CALIBRATION_MOST)),
    VEDETTE_RETRAIN_GROWTH_PERCENT: String(GROWTH),
    VEDETTE_RETRAIN_AFTER_MS: "604800000",
  };
}

/** Sends requests to the arms that learn until all are calibrated; throws after PATIENCE_MS. */
export async function teach(operator: Operator, arms: readonly Arm[], requests: number): Promise<void> {
  const pupils = (Object.keys(OURS) as Ours[]).map((mode) => ({
    target: targetOf(mode),
    arm: arms.find(({ name }) => name === oursArm(mode))!,
  }));
  const send = async (count: number) => {
    for (const { arm } of pupils) for (const kind of KINDS) await arm.drive(count / KINDS.length, sequence(kind));
  };
  await send(2 * Math.ceil((requests * MARGIN) / 2));
  await waitFor(
    "calibrated models",
    async () => {
      const workloads = await operator.workloads();
      const isReady = ({ target }: (typeof pupils)[number]) =>
        workloads.some((workload) => workload.name === `workloads/${target}` && isCalibrated(workload));
      if (pupils.every(isReady)) return true;
      await send(ROUND);
      await sleep(PAUSE_MS);
      return false;
    },
    PATIENCE_MS,
  );
  for (const mode of Object.keys(OURS) as Ours[]) await setMode(operator, mode);
}

/** Sets the mode of an arm and waits until its VMs hold it. */
async function setMode(operator: Operator, name: Ours): Promise<void> {
  const mode = OURS[name];
  await operator.setMode(targetOf(name), mode);
  await waitFor(`${VMS} VMs in mode ${Mode[mode]}`, async () => {
    const vms = (await operator.nodes()).flatMap(({ vms }) => vms);
    return vms.filter((vm) => vm.mode === mode && vm.state === VmStatus_State.ACKED).length >= VMS;
  });
}
