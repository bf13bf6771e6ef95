// The filter in a real mesh, from the manifest to the denied request: istiod's own code, Istio's agent, a stock Envoy,
// STRICT mTLS with istiod's authority, our control plane behind certificates that the agent writes. The tests follow
// each other in one lab, as an operator would go.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Mode } from "../../control-plane/gen/vedette/v1/model_pb.ts";
import { spiffeIdOf } from "../../envoy/certificates.ts";
import { isCalibrated, setModeEverywhere } from "../../envoy/demo/workloads.ts";
import { Caller, Traffic } from "../e2e/load.ts";
import { ATTACK, normal } from "../e2e/protect.ts";
import { rule } from "../e2e/rule.ts";
import type { Manifest } from "./kubernetes.ts";
import { MeshLab, TARGET } from "./lab.ts";
import { eventually, PATIENCE_MS } from "./patience.ts";

const PLUGIN = "sidecar-wasm-plugin.yaml";
const EXTENSION = "sidecar-traffic-extension.yaml";

/** New VMs adopt what the old ones left in shared data, at their first tick. */
const MODEL_BACK_MS = 2_000;

let lab: MeshLab;
test.before(async () => {
  lab = await MeshLab.open();
});
test.after(() => lab?.close());

let broken: string | undefined;

/** A step of the story: none is tried after one that failed, and then every program's last words are shown. */
function step(title: string, body: () => Promise<void>): void {
  test(title, async () => {
    if (broken !== undefined) throw new Error(`not tried: "${broken}" failed`);
    try {
      await body();
    } catch (error) {
      broken = title;
      console.error(`${title}: ${(error as Error).message}\n${lab.lastWords()}`);
      throw error;
    }
  });
}

/** Normal requests from web to app, until stopped. */
function traffic(seed: number): Traffic {
  const paths = normal(seed);
  return new Traffic(lab.caller, () => ({ path: paths(), headers: { host: lab.host } }), 5);
}

/** The manifest with keys of the plugin configuration changed. */
function configured(manifest: Manifest, change: Record<string, unknown>): Manifest {
  const copy = structuredClone(manifest);
  const spec = copy.spec as { wasm?: { pluginConfig: object }; pluginConfig: object };
  const holder = spec.wasm ?? spec;
  holder.pluginConfig = { ...holder.pluginConfig, ...change };
  return copy;
}

async function enforces(): Promise<boolean> {
  return (await lab.status(ATTACK)) === 403 && (await lab.status("/item/7")) === 200;
}

/** VMs created by app's Envoy so far, canaries included. */
const created = () => lab.app.stat("wasm.envoy.wasm.runtime.v8.created");

step("the filter arrives through a WasmPlugin from a registry and speaks for its workload alone", async () => {
  await lab.admin.apply(await lab.manifest(PLUGIN));
  const node = await eventually("app's sidecar has a stream", async () => {
    const found = await lab.node();
    return found?.connected ? found : undefined;
  });
  assert.equal(node!.workloads, [`workloads/${TARGET}`]);
  assert.is(node!.configError, "");
  assert.ok(
    lab.registry.fetched.some((path) => path.startsWith("oci/")),
    "it came from the registry",
  );
});

step("it learns, counts in shadow what it would deny, and denies in enforce", async () => {
  const running = traffic(1);
  await eventually("a calibrated model", async () => {
    const workload = await lab.workload();
    return workload !== undefined && isCalibrated(workload);
  });
  const tally = await running.stop();
  assert.equal([...tally.keys()], [200], "learning denies nothing");
  await setModeEverywhere(lab.operator, TARGET, Mode.SHADOW, PATIENCE_MS);
  assert.is(await lab.status(ATTACK), 200);
  await eventually("the shadow denial is counted", async () => ((await lab.node())?.shadowDenied ?? 0n) > 0n);
  await setModeEverywhere(lab.operator, TARGET, Mode.ENFORCE, PATIENCE_MS);
  assert.is(await lab.status(ATTACK), 403);
  assert.is(await lab.status("/item/7"), 200);
});

step("the caller is known by the identity that Istio gave it", async () => {
  const { callers } = (await lab.workload())!;
  assert.equal(
    callers.map(({ name }) => name),
    [spiffeIdOf("shop", "web")],
  );
});

step("metrics have the labels that Istio's bootstrap makes, and the access log has the reason", async () => {
  const metric = 'vedette_requests_total{tag="deny_model",wasm_filter="vedette"}';
  await eventually(metric, async () => ((await lab.app.metrics()).get(metric) ?? 0) > 0);
  const line = await eventually("a line of the denial", () =>
    lab.app.accessLog().find(({ details }) => details === "vedette_denied"),
  );
  assert.match(String(line!.vedette), /^deny;model:/);
  assert.is(line!.caller, spiffeIdOf("shop", "web"));
});

step("a changed plugin configuration keeps VMs, model and traffic", async () => {
  const [before, vms] = [await created(), (await lab.node())!.vms.map(({ vmBootId }) => vmBootId).sort()];
  const running = traffic(2);
  await lab.admin.apply(configured(await lab.manifest(PLUGIN), { tickMs: 250 }));
  await eventually("the new configuration", async () => (await created()) > before);
  for (let i = 0; i < 20; i++) assert.is(await lab.status(ATTACK), 403, "no moment without protection");
  assert.equal([...(await running.stop()).keys()], [200]);
  assert.is(await created(), before + 1, "one canary and no new VM");
  const node = await eventually("its stream is there again", async () => {
    const found = await lab.node();
    return found?.connected ? found : undefined;
  });
  assert.equal(node!.vms.map(({ vmBootId }) => vmBootId).sort(), vms);
});

step("a broken plugin configuration leaves the old one, is told, and an AuthorizationPolicy still denies", async () => {
  const before = await created();
  await lab.admin.apply(configured(await lab.manifest(PLUGIN), { mesh: "NOT A MESH" }));
  await eventually("the broken configuration has come", async () => (await created()) > before);
  const told = await eventually("it is told", async () => (await lab.node())?.configError);
  assert.match(told!, /^mesh: "NOT A MESH" is not /);
  assert.ok(await enforces());
  const policy = denyPolicy("/forbidden");
  await lab.admin.apply(policy);
  await eventually("the policy denies", async () => (await lab.status("/forbidden")) === 403);
  assert.is(await lab.status("/item/7"), 200);
  assert.ok(!(await lab.istiod.refusals()).some((text) => /[Ww]asm/.test(text)), "nothing was refused");
  await lab.admin.delete(policy);
  await lab.admin.apply(await lab.manifest(PLUGIN));
  await eventually("the error is over", async () => (await lab.node())?.configError === "");
});

step("a target of somebody else is refused: a certificate speaks for its own workload", async () => {
  await lab.admin.apply(configured(await lab.manifest(PLUGIN), { target: "shop/other" }));
  await eventually("app's stream is refused", async () => !((await lab.node())?.connected ?? false));
  const names = (await lab.operator.workloads()).map(({ name }) => name);
  assert.not(names.includes("workloads/shop/other"));
  await lab.admin.apply(await lab.manifest(PLUGIN));
  await eventually("app speaks for itself again", async () => (await lab.node())?.connected === true);
  await eventually("and enforces", enforces);
});

for (const by of ["artifact", "http"] as const) {
  step(`it is delivered by ${by} as well`, async () => {
    const before = lab.registry.fetched.length;
    await lab.admin.apply(await lab.manifest(PLUGIN, by));
    await eventually("it is fetched", () => lab.registry.fetched.length > before);
    await eventually("it enforces", enforces);
  });
}

step("a TrafficExtension does what the WasmPlugin did", async () => {
  await lab.admin.delete(await lab.manifest(PLUGIN));
  await eventually("the filter is gone", async () => (await lab.status(ATTACK)) === 200);
  await lab.admin.apply(await lab.manifest(EXTENSION));
  await eventually("it enforces", enforces);
});

step("an edge counts what its workload sends, and judges nothing", async () => {
  await lab.admin.apply(await lab.manifest("edge-wasm-plugin.yaml"));
  const web = async () => (await lab.operator.nodes()).find(({ identity }) => identity === spiffeIdOf("shop", "web"));
  const node = await eventually("web's requests are counted at web", async () => {
    await lab.status(ATTACK);
    const found = await web();
    return (found?.seen ?? 0n) > 0n ? found : undefined;
  });
  assert.equal(node!.workloads, ["workloads/shop/web"]);
  assert.equal([node!.scored, node!.denied, node!.shadowDenied], [0n, 0n, 0n]);
  await lab.admin.delete(await lab.manifest("edge-wasm-plugin.yaml"));
});

step("at an ingress gateway a rule denies clients that have no certificate", async () => {
  const labels = { "vedette-filter": "gateway" };
  await lab.admin.apply(await lab.manifest("gateway-traffic-extension.yaml"));
  await lab.startProxy({ namespace: "edge", name: "ingress", number: 4, labels, type: "router" });
  const client = new Caller(lab.edgePort);
  lab.onClose("client of the gateway", () => client.close());
  await eventually("the gateway passes", async () => (await client.status("/item/7")) === 200);
  await eventually("the gateway is known", () => lab.operator.workload("edge/ingress").catch(() => undefined));
  await setModeEverywhere(lab.operator, "edge/ingress", Mode.ENFORCE, PATIENCE_MS);
  const { workload: _, ...denied } = rule({ route: "GET /admin" });
  await lab.operator.createRule({ ...denied, workload: "workloads/edge/ingress" });
  await eventually("the rule denies", async () => (await client.status("/admin")) === 403);
  assert.is(await client.status("/item/7"), 200);
});

step(
  "from a file, where Istio makes new VMs at each change, the model is back at once and no request fails",
  async () => {
    const extension = await lab.manifest(EXTENSION);
    const { wasm, ...rest } = extension.spec as { wasm: Record<string, unknown> };
    const { sha256: _, ...module } = wasm;
    const fromFile = { ...extension, spec: { ...rest, wasm: { ...module, url: `file://${lab.moduleFile}` } } };
    await lab.admin.apply(fromFile);
    await eventually("it enforces", enforces);
    const before = await created();
    const running = traffic(3);
    const gap = new Gap(() => lab.status(ATTACK));
    await lab.admin.apply(configured(fromFile, { tickMs: 300 }));
    await eventually("new VMs", async () => (await created()) >= before + 3);
    await eventually("they enforce", enforces);
    assert.ok((await gap.close()) <= MODEL_BACK_MS, `without protection for ${await gap.close()} ms`);
    assert.equal([...(await running.stop()).keys()], [200]);
  },
);

/** Sends an attack over and over, and measures for how long at most it was let through. */
class Gap {
  private longest = 0;
  private open = true;
  private readonly loop: Promise<void>;

  constructor(private readonly attack: () => Promise<number>) {
    this.loop = this.watch();
  }

  /** Milliseconds. */
  async close(): Promise<number> {
    this.open = false;
    await this.loop;
    return Math.round(this.longest);
  }

  private async watch(): Promise<void> {
    let deniedAt = performance.now();
    while (this.open) {
      if ((await this.attack()) === 403) deniedAt = performance.now();
      else this.longest = Math.max(this.longest, performance.now() - deniedAt);
    }
  }
}

function denyPolicy(path: string): Manifest {
  const rules = [{ to: [{ operation: { paths: [path] } }] }];
  return {
    apiVersion: "security.istio.io/v1",
    kind: "AuthorizationPolicy",
    metadata: { name: "forbidden", namespace: "shop" },
    spec: { selector: { matchLabels: { app: "app" } }, action: "DENY", rules },
  };
}

test.run();
