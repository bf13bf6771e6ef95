// Whatever a client sends is answered with the filter as it is without it, is counted once, and traps nothing; with a
// model too, in every mode that judges.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Mode } from "../../control-plane/gen/vedette/v1/model_pb.ts";
import { setModeEverywhere } from "../../envoy/demo/workloads.ts";
import { wasmFaults } from "./faults.ts";
import { HOSTILE_HTTP1, HOSTILE_HTTP2 } from "./hostile-requests.ts";
import { eventually, FAST, inLab, type Lab, NAMESPACE, PATIENCE_MS, withEnvoy } from "./lab.ts";
import { Caller } from "./load.ts";
import { LEARNING, protect } from "./protect.ts";
import { exchange, exchangeHttp2 } from "./raw.ts";
import { Twin } from "./twin.ts";

/** One of the requests as it is answered by the listener at a port. */
interface Case {
  title: string;
  send(port: number): Promise<string>;
}

const CASES: Case[] = [
  ...HOSTILE_HTTP1.map(({ title, bytes }) => ({ title, send: (port: number) => exchange(port, bytes) })),
  ...HOSTILE_HTTP2.map(({ title, headers }) => ({
    title: `HTTP/2: ${title}`,
    send: (port: number) => exchangeHttp2(port, headers),
  })),
];
/** 403, or for what says it is gRPC status 7. */
const DENIED = /^(?:HTTP\/1\.1|:status:) (?:403\b|200\b.*\ngrpc-status: 7\n)/s;

/** Sends each to both listeners; `also` says which other answer the filter may give. Tells how many it gave. */
async function compareAll(twin: Twin, also: RegExp | undefined): Promise<number> {
  let others = 0;
  for (const { title, send } of CASES) {
    const before = twin.echo.received;
    const filtered = await send(twin.filtered);
    const passed = twin.echo.received - before;
    if (also?.test(filtered)) {
      assert.is(passed, 0, `${title}: denied, and passed on all the same`);
      others++;
      continue;
    }
    const plain = await send(twin.plain);
    assert.is(filtered, plain, title);
    assert.is(twin.echo.received - before, 2 * passed, `${title}: passed on by both or by neither`);
  }
  return others;
}

/** What Envoy answered at the listener with the filter is what the filter has seen; no VM failed. */
async function assertCountedAndWell(lab: Lab, twin: Twin): Promise<void> {
  const completed = (await twin.stats("^http\\.inbound\\.downstream_rq_completed$")).values().next().value!;
  assert.ok(completed > HOSTILE_HTTP1.length);
  const counts = async () => (await lab.workload())?.counts;
  await eventually(`${completed} requests counted`, async () => Number((await counts())?.seen ?? 0) >= completed);
  const { seen, allowed, deniedByModel, shadowDenied, answeredBefore } = (await counts())!;
  assert.is(Number(seen), completed);
  assert.is(seen, allowed + deniedByModel + shadowDenied + answeredBefore);
  assert.equal(await wasmFaults(twin, 1), []);
}

withEnvoy("hostile requests are answered as without the filter, counted, and trap nothing", async () => {
  await inLab({ tls: false, settings: { ...FAST, VEDETTE_DEFAULT_MODE: "enforce" } }, async (lab) => {
    await lab.startPlane();
    const twin = await Twin.start(lab);
    await eventually("every VM holds a snapshot", async () => {
      const vms = (await lab.node())?.vms ?? [];
      return vms.length === 2 && vms.every(({ mode, version }) => mode === Mode.ENFORCE && version > 0n);
    });
    await compareAll(twin, undefined);
    assert.ok(twin.echo.received > HOSTILE_HTTP1.length, "most of them are let through by Envoy, at both listeners");
    await assertCountedAndWell(lab, twin);
  });
});

withEnvoy("so they are in shadow of a model; enforced, they are answered so or denied", async () => {
  await inLab({ tls: false, settings: LEARNING }, async (lab) => {
    await lab.startPlane();
    const twin = await Twin.start(lab);
    const caller = new Caller(twin.filtered);
    lab.onClose("caller", () => caller.close());
    await protect(lab, caller);
    const denied = await compareAll(twin, DENIED);
    console.log(`enforced: ${denied} of ${CASES.length} hostile requests denied`);
    assert.ok(denied > 10);
    assert.is(await caller.status("/search?q=red+socks&page=2"), 200, "and the next ordinary one passes");
    await setModeEverywhere(lab.operator, `${NAMESPACE}/web`, Mode.SHADOW, PATIENCE_MS);
    await compareAll(twin, undefined);
    await assertCountedAndWell(lab, twin);
    const { deniedByModel, shadowDenied } = (await lab.workload())!.counts!;
    assert.is(Number(deniedByModel), denied);
    assert.is(shadowDenied, deniedByModel, "the same, now let through");
  });
});

test.run();
