// A whole life of a sidecar, told at debug level, without one error: traffic, models, modes, rules, denials,
// configurations, a control plane that goes and comes. And the same check finds a trap where there is one.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Mode } from "../../control-plane/gen/vedette/v1/model_pb.ts";
import { setModeEverywhere } from "../../envoy/demo/workloads.ts";
import { faultLines, wasmFaults } from "./faults.ts";
import { eventually, FAST, inLab, type Lab, NAMESPACE, PATIENCE_MS, withEnvoy } from "./lab.ts";
import { grpcCall, Traffic } from "./load.ts";
import { ATTACK, LEARNING, normal, protect } from "./protect.ts";
import { deny } from "./rule.ts";

const WORKERS = 2;
const UPGRADE = { connection: "Upgrade", upgrade: "websocket" };

/** Resolves when every VM has adopted the newest snapshot. */
async function untilAdopted(lab: Lab): Promise<void> {
  await eventually("every VM holds the newest snapshot", async () => {
    const [workload, node] = [await lab.workload(), await lab.node()];
    if (workload === undefined || !node?.connected || node.vms.length !== WORKERS + 1) return false;
    return node.vms.every(({ epoch, version }) => epoch === workload.epoch && version === workload.version);
  });
}

withEnvoy("a run with everything in it logs no error of wasm, and no VM fails", async () => {
  await inLab({ settings: LEARNING }, async (lab) => {
    await lab.startPlane();
    const sidecar = await lab.sidecar({ concurrency: WORKERS, discovery: true, mtls: true, wasmLogLevel: "debug" });
    const caller = await lab.caller(sidecar, "cart");
    const traffic = new Traffic(caller, normal(7), 50);
    await protect(lab, caller);
    assert.is(await caller.status(ATTACK), 403);
    await deny(lab, { route: "GET /denied" });
    await eventually("the rule acts", async () => (await caller.status("/denied")) === 403);
    await setModeEverywhere(lab.operator, `${NAMESPACE}/web`, Mode.SHADOW, PATIENCE_MS);
    assert.is(await caller.status(ATTACK), 200);
    // Nothing like it was learnt: enforced, its path and its headers together are unusual enough to be denied.
    assert.is(await caller.status({ path: "/socket", headers: UPGRADE }), 200);
    for (const mode of [Mode.OFF, Mode.LEARN, Mode.ENFORCE]) {
      await setModeEverywhere(lab.operator, `${NAMESPACE}/web`, mode, PATIENCE_MS);
    }
    await sidecar.reconfigure({ tickMs: 100 });
    await sidecar.reconfigure({ tickMs: 7 });
    await sidecar.reconfigure({ tickMs: 150 });
    await untilAdopted(lab);
    assert.is((await grpcCall(sidecar.port, "/shop.Cart/Add", await lab.identity("cart"))).grpcStatus, 0);
    await lab.killPlane();
    assert.is(await caller.status(ATTACK), 403, "with the model it holds");
    await lab.startPlane();
    await untilAdopted(lab);
    assert.is(await caller.status(ATTACK), 403);
    const tally = await traffic.stop();
    assert.equal([...tally.keys()], [200], "no request of the traffic was denied or failed");

    assert.equal(await wasmFaults(sidecar.envoy, 4), []);
    const { child } = sidecar.envoy;
    assert.match(child.output(), /\[debug\]\[wasm\]/, "it was told at debug level");
    assert.match(child.output(), /\[warning\]\[wasm\].*tickMs/, "the senseless configuration was told");
    await sidecar.envoy.stop();
    assert.equal(faultLines(child.output()), [], "nor at its end");
  });
});

withEnvoy("a build that traps on purpose is found out", async () => {
  await inLab({ settings: { ...FAST, VEDETTE_DEFAULT_MODE: "enforce" } }, async (lab) => {
    await lab.startPlane();
    const configuration = { testTrap: true };
    const sidecar = await lab.sidecar({ concurrency: WORKERS, wasm: "vedette-test", configuration });
    const caller = await lab.caller(sidecar);
    await untilAdopted(lab);
    assert.equal([...(await caller.load(50, normal(8)))], [[200, 50]]);
    assert.equal(await wasmFaults(sidecar.envoy, 1), [], "quiet until it traps");
    assert.is(await caller.status({ path: "/", headers: { "x-vedette-test": "trap" } }), 503);
    await eventually("the VM is made anew", async () => (await caller.load(50, normal(9))).get(200) === 50);
    const faults = await wasmFaults(sidecar.envoy, 1);
    assert.ok(
      faults.some((fault) => fault.includes("proxy_on_request_headers failed")),
      faults.join("\n"),
    );
    assert.ok(
      faults.some((fault) => fault.startsWith("wasm.vedette.vm_reload_success: ")),
      faults.join("\n"),
    );
  });
});

test.run();
