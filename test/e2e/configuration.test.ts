// A plugin configuration that makes no sense never stops a proxy and is never refused: at first it means mode off, as
// an update it leaves the old one in force; both are told to the operator with field, value and bound, and a good one
// heals them.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Mode } from "../../control-plane/gen/vedette/v1/model_pb.ts";
import { type Node, VmStatus_State } from "../../control-plane/gen/vedette/v1/operator_pb.ts";
import { eventually, FAST, inLab, type Lab, type LabSidecar, NAMESPACE, withEnvoy } from "./lab.ts";
import type { Caller } from "./load.ts";
import { deny } from "./rule.ts";

const ENFORCE = { ...FAST, VEDETTE_DEFAULT_MODE: "enforce", VEDETTE_BINDINGS: "shop/web=shop/*" };
const WORKERS = 2;
const TICK_ERROR = "tickMs: 7 is not 50 to 5000";
const DENIED = "/denied";
/** Configurations without a mesh or a target in them that could be told of: only the proxy knows. */
const SENSELESS: unknown[] = [[], 7, "nonsense", null, { mesh: 7 }, { mesh: "A" }, { target: "noslash", mesh: "" }];

/** Shows, at a workload, whether the filter is at work. */
function denyAt(lab: Lab, workload: string): Promise<void> {
  return deny(lab, { route: `GET ${DENIED}` }, workload);
}

/** Waits until the node tells this configuration error ("" for none), with every VM in the mode. */
async function untilTold(lab: Lab, configError: string, mode: Mode): Promise<Node> {
  let node: Node | undefined;
  await eventually(`configuration error ${JSON.stringify(configError)}, mode ${Mode[mode]}`, async () => {
    node = await lab.node();
    const vms = node?.vms ?? [];
    return node?.configError === configError && vms.length === WORKERS + 1 && vms.every((vm) => vm.mode === mode);
  });
  return node!;
}

/** Envoy took everything that it was given. */
async function assertNothingRefused(sidecar: LabSidecar): Promise<void> {
  const stats = await sidecar.envoy.stats("extension_config_discovery.http_filter.vedette");
  for (const name of ["update_rejected", "config_fail", "config_conflict"]) {
    assert.is(stats.get(`extension_config_discovery.http_filter.vedette.${name}`), 0, name);
  }
}

async function errorsCounted(sidecar: LabSidecar): Promise<number> {
  const stats = await sidecar.envoy.stats("vedette_config_errors_total");
  return Math.max(0, ...stats.values());
}

async function denied(caller: Caller): Promise<void> {
  await eventually("denied", async () => (await caller.load(8, () => DENIED)).get(403) === 8);
}

withEnvoy(
  "a first configuration that makes no sense means off, is told, and stops no proxy: in the listener",
  async () => {
    await inLab({ settings: ENFORCE }, async (lab) => {
      await lab.startPlane();
      const sidecar = await lab.sidecar({ concurrency: WORKERS, configuration: { tickMs: 7 } });
      const caller = await lab.caller(sidecar);
      await untilTold(lab, TICK_ERROR, Mode.OFF);
      await denyAt(lab, "web");
      const rules = async () => (await lab.node())?.vms.every(({ version }) => version >= 2n);
      await eventually("the snapshot is held all the same", rules);
      assert.equal([...(await caller.load(100, () => DENIED))], [[200, 100]], "off whatever the snapshot says");
      await eventually("each VM counts it", async () => (await errorsCounted(sidecar)) === WORKERS + 1);
    });
  },
);

withEnvoy("the same by discovery: then a good one heals it", async () => {
  await inLab({ settings: ENFORCE }, async (lab) => {
    await lab.startPlane();
    const sidecar = await lab.sidecar({ concurrency: WORKERS, discovery: true, configuration: { tickMs: 7 } });
    const caller = await lab.caller(sidecar);
    await untilTold(lab, TICK_ERROR, Mode.OFF);
    await denyAt(lab, "web");
    assert.equal([...(await caller.load(100, () => DENIED))], [[200, 100]]);
    await assertNothingRefused(sidecar);
    await sidecar.reconfigure({ tickMs: 100 });
    await untilTold(lab, "", Mode.ENFORCE);
    await denied(caller);
    await assertNothingRefused(sidecar);
  });
});

withEnvoy("what cannot even be told, because mesh or target are senseless, stops no proxy either", async () => {
  await inLab({ settings: ENFORCE }, async (lab) => {
    await lab.startPlane();
    const sidecar = await lab.sidecar({ discovery: true, configuration: SENSELESS[0] });
    const caller = await lab.caller(sidecar);
    for (const configuration of SENSELESS.slice(1)) {
      await sidecar.reconfigure(configuration);
      assert.equal([...(await caller.load(50, () => DENIED))], [[200, 50]], JSON.stringify(configuration));
    }
    await assertNothingRefused(sidecar);
    await eventually("counted", async () => (await errorsCounted(sidecar)) >= 1);
    await sidecar.reconfigure({});
    await eventually("a good one heals it", async () => (await lab.node())?.configError === "");
  });
});

withEnvoy("an update that makes no sense leaves the old one in force and is told; a good one heals it", async () => {
  await inLab({ settings: ENFORCE }, async (lab) => {
    await lab.startPlane();
    const sidecar = await lab.sidecar({ concurrency: WORKERS, discovery: true });
    const caller = await lab.caller(sidecar);
    await untilTold(lab, "", Mode.ENFORCE);
    await denyAt(lab, "web");
    await denied(caller);
    for (const [configuration, error] of [
      [{ tickMs: 7 }, TICK_ERROR],
      [{ cluster: "no such name" }, 'cluster: "no such name" is not 1 to 256 bytes of [A-Za-z0-9._|:/-]'],
      [[], "configuration: byte 0 is not JSON of one object"],
    ] as const) {
      await sidecar.reconfigure(configuration);
      assert.equal([...(await caller.load(50, () => DENIED))], [[403, 50]], error);
      const node = await untilTold(lab, error, Mode.ENFORCE);
      assert.ok(node.connected && node.vms.every(({ state }) => state === VmStatus_State.ACKED));
    }
    await sidecar.reconfigure({ tickMs: 100 });
    await untilTold(lab, "", Mode.ENFORCE);
    assert.equal([...(await caller.load(50, () => DENIED))], [[403, 50]]);
    await assertNothingRefused(sidecar);
  });
});

withEnvoy("a new target counts for the new workload from then on, and takes its snapshot", async () => {
  await inLab({ settings: ENFORCE }, async (lab) => {
    await lab.startPlane();
    const sidecar = await lab.sidecar({ concurrency: WORKERS, discovery: true });
    const caller = await lab.caller(sidecar);
    await untilTold(lab, "", Mode.ENFORCE);
    await denyAt(lab, "web");
    await denied(caller);
    const seen = async (name: string) => Number((await lab.workload(name))?.counts?.seen ?? 0);
    const own = lab.upstream.received;
    assert.equal([...(await caller.load(200, () => "/before"))], [[200, 200]]);
    await sidecar.reconfigure({ target: `${NAMESPACE}/other` });
    await eventually("the new target is told", async () => {
      const node = await lab.node();
      return node?.workloads.includes(`workloads/${NAMESPACE}/other`) && node.connected;
    });
    await eventually("what the other denies passes", async () => (await caller.load(8, () => DENIED)).get(200) === 8);
    const before = lab.upstream.received;
    assert.equal([...(await caller.load(100, () => "/after"))], [[200, 100]]);
    await eventually("all counted", async () => (await seen("web")) + (await seen("other")) >= before + 100);
    const counts = { web: (await lab.workload("web"))!.counts!, other: (await lab.workload("other"))!.counts! };
    assert.is(Number(counts.web.allowed + counts.other.allowed), lab.upstream.received);
    assert.ok(Number(counts.web.allowed) >= own + 200);
    assert.ok(Number(counts.other.seen) >= 100);
    await denyAt(lab, "other");
    await denied(caller);
    assert.is((await lab.node())!.configError, "");
  });
});

test.run();
