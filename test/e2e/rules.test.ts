// Operator rules at a real sidecar: how soon they act, what they match, and that they end when they should, with or
// without the control plane, and whatever its clock says. Needs no model: the workload is new and in mode enforce.

import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseConfig } from "../../control-plane/config.ts";
import { RuleAction } from "../../control-plane/gen/vedette/v1/model_pb.ts";
import { SILENT } from "../../control-plane/log.ts";
import { startControlPlane } from "../../control-plane/plane.ts";
import { systemPorts } from "../../control-plane/ports/system.ts";
import { SystemClock } from "../../control-plane/ports/system-clock.ts";
import { spiffeIdOf } from "../../envoy/certificates.ts";
import { Operator } from "../../envoy/demo/operator.ts";
import { freePorts } from "../../envoy/ports.ts";
import { eventually, FAST, inLab, type Lab, type LabSidecar, MESH, NAMESPACE, withEnvoy } from "./lab.ts";
import { type Caller, grpcCall } from "./load.ts";
import { HOUR_MS, rule } from "./rule.ts";

const ENFORCE = { ...FAST, VEDETTE_DEFAULT_MODE: "enforce" };
/** How soon a rule must act. */
const ACTS_WITHIN_MS = 500;
const RULES_TIMED = 5;
const CONNECTIONS = 8;

/** A control plane, a sidecar in mode enforce that every VM has taken, and a client of it. */
async function enforced(lab: Lab, mtls = false): Promise<{ sidecar: LabSidecar; caller: Caller }> {
  await lab.startPlane();
  const sidecar = await lab.sidecar({ concurrency: 2, mtls });
  const caller = await lab.caller(sidecar, mtls ? "cart" : undefined, CONNECTIONS);
  await eventually("a snapshot at every VM", async () => {
    const vms = (await lab.node())?.vms ?? [];
    return vms.length === 3 && vms.every(({ version }) => version > 0n);
  });
  return { sidecar, caller };
}

/** Probes until all connections, and so both workers, are answered `status`; the milliseconds that it took. */
async function timeUntil(caller: Caller, status: number, path: string): Promise<number> {
  const startMs = performance.now();
  await eventually(`${status} for ${path}`, async () => {
    const tally = await caller.load(CONNECTIONS, () => path);
    return tally.get(status) === CONNECTIONS;
  });
  return performance.now() - startMs;
}

withEnvoy("a rule denies within 500 ms of its creation at both workers, and ends as soon when deleted", async () => {
  await inLab({ settings: ENFORCE }, async (lab) => {
    const { sidecar, caller } = await enforced(lab);
    const took: number[] = [];
    for (let i = 0; i < RULES_TIMED; i++) {
      const path = `/checkout${i}`;
      assert.is(await caller.status(path), 200);
      const { name } = await lab.operator.createRule(rule({ route: `GET ${path}` }));
      took.push(await timeUntil(caller, 403, path));
      assert.is(await caller.status("/elsewhere"), 200);
      await lab.operator.deleteRule(name);
      took.push(await timeUntil(caller, 200, path));
    }
    assert.equal(await lab.operator.rules(), []);
    console.log(`    rules acted after ${took.map((ms) => ms.toFixed(0)).join(", ")} ms`);
    const slow = took.filter((ms) => ms > ACTS_WITHIN_MS);
    assert.is(slow.length, 0, `${slow} ms`);
    assert.is(await grpcAnswer(sidecar.port), "200 0");
  });
});

async function grpcAnswer(port: number): Promise<string> {
  const { status, grpcStatus } = await grpcCall(port, "/shop.Cart/Add");
  return `${status} ${grpcStatus}`;
}

withEnvoy("a rule matches caller, method and route together; allow beats deny; gRPC is told status 7", async () => {
  await inLab({ settings: ENFORCE }, async (lab) => {
    const { sidecar, caller } = await enforced(lab, true);
    const payment = await lab.caller(sidecar, "payment", CONNECTIONS);
    const cart = spiffeIdOf(NAMESPACE, "cart");
    const post = { path: "/orders", method: "POST" };
    await lab.operator.createRule(rule({ caller: cart, method: "POST", route: "POST /orders" }));
    await eventually("the rule acts", async () => (await caller.status(post)) === 403);
    assert.is(await caller.status("/orders"), 200, "another method");
    assert.is(await caller.status({ path: "/baskets", method: "POST" }), 200, "another route");
    assert.is(await payment.status(post), 200, "another caller");
    await lab.operator.createRule(rule({ method: "GET" }));
    await timeUntil(payment, 403, "/any");
    const forCart = await lab.operator.createRule(rule({ caller: cart, method: "GET" }, { action: RuleAction.ALLOW }));
    await timeUntil(caller, 200, "/any");
    await timeUntil(payment, 403, "/any");
    await lab.operator.deleteRule(forCart.name);
    await timeUntil(caller, 403, "/any");
    await lab.operator.createRule(rule({ route: "GRPC /shop.Cart/Add" }));
    const identity = await lab.identity("payment");
    const answer = () => grpcCall(sidecar.port, "/shop.Cart/Add", identity);
    await eventually("gRPC denied", async () => (await answer()).grpcStatus === 7);
    assert.equal(await answer(), { status: 200, grpcStatus: 7 });
  });
});

/** Probes until the rule for `/brief` has ended; asserts that it denied to its expiry, by this machine's clock. */
async function assertEndsAt(caller: Caller, expiresAtMs: number): Promise<void> {
  await eventually("the rule has ended", async () => {
    const sentAtMs = Date.now();
    const status = await caller.status("/brief");
    if (status === 200) assert.ok(Date.now() >= expiresAtMs, `ended ${expiresAtMs - Date.now()} ms too early`);
    else assert.is(status, 403, `status at ${sentAtMs - expiresAtMs} ms`);
    return status === 200;
  });
}

withEnvoy("a rule ends at its expiry while the control plane is down", async () => {
  await inLab({ settings: ENFORCE }, async (lab) => {
    const { caller } = await enforced(lab);
    const expiresAtMs = Date.now() + 6_000;
    await lab.operator.createRule(rule({ route: "GET /brief" }, { expiresAtMs }));
    await lab.operator.createRule(rule({ route: "GET /lasting" }));
    await timeUntil(caller, 403, "/lasting");
    await lab.killPlane();
    await assertEndsAt(caller, expiresAtMs);
    assert.is(await caller.status("/lasting"), 403);
  });
});

/** The real clock, stepped. */
class SteppedClock extends SystemClock {
  stepMs = 0;

  override nowMs(): number {
    return super.nowMs() + this.stepMs;
  }
}

/** A control plane in this process, so that its clock can be stepped while it runs. */
async function steppedPlane(lab: Lab): Promise<{ clock: SteppedClock; operator: Operator; port: number }> {
  const [port, operatorPort, httpPort] = (await freePorts(3)) as [number, number, number];
  const environment: Record<string, string> = {
    ...ENFORCE,
    VEDETTE_MESH: MESH,
    VEDETTE_DATA_DIRECTORY: join(lab.folder, "stepped"),
    VEDETTE_SIDECAR_ADDRESS: `127.0.0.1:${port}`,
    VEDETTE_OPERATOR_ADDRESS: `127.0.0.1:${operatorPort}`,
    VEDETTE_SIDECAR_IDENTITY: "none",
    VEDETTE_OPERATOR_IDENTITY: "none",
    VEDETTE_HTTP_ADDRESS: `127.0.0.1:${httpPort}`,
  };
  const clock = new SteppedClock();
  const config = parseConfig((name) => environment[name]);
  const plane = await startControlPlane(config, { ...systemPorts(), clock }, SILENT);
  lab.onClose("stepped control plane", () => plane.stop());
  const operator = new Operator(`127.0.0.1:${operatorPort}`);
  lab.onClose("its client", () => operator.close());
  return { clock, operator, port };
}

for (const [title, stepMs] of [
  ["back", -HOUR_MS],
  ["forward", HOUR_MS],
] as const) {
  withEnvoy(
    `a rule does not outlive its expiry when the control plane's clock is stepped ${title} an hour`,
    async () => {
      await inLab({ tls: false }, async (lab) => {
        const { clock, operator, port } = await steppedPlane(lab);
        const sidecar = await lab.sidecar({ concurrency: 2, streamPort: port });
        const caller = await lab.caller(sidecar, undefined, CONNECTIONS);
        await eventually("the node is known", async () => (await operator.nodes()).some(({ vms }) => vms.length === 3));
        const expiresAtMs = Date.now() + 6_000;
        await operator.createRule(rule({ route: "GET /brief" }, { expiresAtMs }));
        await operator.createRule(rule({ route: "GET /lasting" }, { expiresAtMs: Date.now() + 3 * HOUR_MS }));
        await timeUntil(caller, 403, "/lasting");
        assert.is(await caller.status("/brief"), 403);
        clock.stepMs = stepMs;
        // Another snapshot, with the stepped time in it.
        await operator.createRule(rule({ route: "GET /later" }, { expiresAtMs: Date.now() + 3 * HOUR_MS }));
        await timeUntil(caller, 403, "/later");
        if (stepMs < 0) await assertEndsAt(caller, expiresAtMs);
        else await timeUntil(caller, 200, "/brief");
        assert.ok(Date.now() < expiresAtMs + HOUR_MS / 2);
        assert.is(await caller.status("/lasting"), 403);
      });
    },
  );
}

test.run();
