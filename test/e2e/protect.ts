// The way from an empty lab to a protected workload: normal requests until a model is calibrated, then enforce mode at
// every VM.

import { Mode } from "../../control-plane/gen/vedette/v1/model_pb.ts";
import { isCalibrated, setModeEverywhere } from "../../envoy/demo/workloads.ts";
import { Prng } from "../support/prng.ts";
import { eventually, FAST, type Lab, NAMESPACE, PATIENCE_MS } from "./lab.ts";
import { type Caller, Traffic } from "./load.ts";

/** Settings of a control plane that learns within seconds, and once. */
export const LEARNING = {
  ...FAST,
  VEDETTE_LEARN_REQUESTS_MIN: "400",
  VEDETTE_CALIBRATION_REQUESTS_MIN: "400",
  VEDETTE_RETRAIN_GROWTH_PERCENT: "1000",
  VEDETTE_RETRAIN_AFTER_MS: "604800000",
  VEDETTE_ALERT_FPR: "0.01",
  VEDETTE_DENY_FPR: "0.0001",
};
/** Denied by whatever model was learnt from `normal`. */
export const ATTACK = "/search?q=%27%20UNION%20SELECT%20username,password%20FROM%20users%20WHERE%20%271%27=%271%27--";

const WORDS = "red wool socks blue linen shirt kettle lamp oak table tea pot green chair paper clock".split(" ");

/** Requests as a small shop gets them: search, categories, items, baskets. Equal seeds give equal requests. */
export function normal(seed: number): () => string {
  const prng = new Prng(seed);
  const kinds = [
    () => `/search?q=${prng.pick(WORDS)}+${prng.pick(WORDS)}&page=${prng.between(1, 9)}`,
    () => `/category/${prng.pick(WORDS)}?sort=price_${prng.pick(["asc", "desc"])}`,
    () => `/item/${prng.between(1, 99_999)}`,
    () => `/basket/${prng.between(1, 9_999)}/items?limit=${prng.between(1, 50)}`,
  ];
  return () => prng.pick(kinds)();
}

/** Resolves when the workload `web` denies; its requests are counted in the caller's upstream as all others are. */
export async function protect(lab: Lab, caller: Caller): Promise<void> {
  const traffic = new Traffic(caller, normal(1), 5);
  await eventually("a calibrated model", async () => {
    const workload = await lab.workload();
    return workload !== undefined && isCalibrated(workload);
  });
  await traffic.stop();
  await setModeEverywhere(lab.operator, `${NAMESPACE}/web`, Mode.ENFORCE, PATIENCE_MS);
}
