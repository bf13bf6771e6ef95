// Floods of raw HTTP/2 frames: who sends them is cut off, or costs the others nothing; others are served meanwhile.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { OperatorService } from "../../../control-plane/gen/vedette/v1/operator_pb.ts";
import { RESETS_MAX } from "../../../control-plane/server/connections.ts";
import { until } from "../../support/conditions.ts";
import { TestEdge } from "../../support/edge.ts";
import { TestClient } from "../../support/grpc-client.ts";
import {
  block,
  CALL,
  CANCEL,
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  frame,
  HEADERS,
  PING,
  RawConnection,
  RST_STREAM,
  SETTINGS,
  streamId,
} from "../../support/raw-http2.ts";
import { nextAcks, TestSidecar, windowFrame } from "../../support/sidecar-client.ts";

const { listNodes, watchDenials } = OperatorService.method;

const test = suite<{ edge: TestEdge }>("floods");

test.before.each(async (context) => {
  context.edge = await TestEdge.start();
});

test.after.each(({ edge }) => edge.stop());

/** What a sidecar that keeps to the rules sees while `attack` runs. */
async function servedDuring(edge: TestEdge, attack: () => Promise<void>): Promise<void> {
  const sidecar = new TestSidecar(edge.addresses.sidecar, undefined, { "grpc.use_local_subchannel_pool": 1 });
  const stream = sidecar.greet();
  let over = false;
  const attacking = attack().finally(() => {
    over = true;
  });
  let seq = 0;
  do {
    stream.send({ leaseCounter: 1n, frame: windowFrame(++seq) });
    const [ack] = await nextAcks(stream, 1);
    assert.is(ack?.windowSeq, BigInt(seq));
  } while (!over);
  await attacking;
  stream.cancel();
  sidecar.close();
}

for (const listener of ["sidecar", "operator"] as const) {
  test(`a rapid reset on the ${listener} listener is cut off, and others are served`, async ({ edge }) => {
    const path =
      listener === "sidecar" ? "/vedette.v1.SidecarService/Connect" : "/vedette.v1.OperatorService/ListNodes";
    await servedDuring(edge, async () => {
      const attacker = new RawConnection(edge.addresses[listener]);
      const make = (i: number) => {
        return Buffer.concat([
          frame(HEADERS, END_HEADERS, streamId(i), CALL(path)),
          frame(RST_STREAM, 0, streamId(i), CANCEL),
        ]);
      };
      await attacker.flood(make, 100_000);
      await until("it is cut off", () => attacker.closed);
    });
    const floods = await edge.metrics.floods.get();
    assert.equal(
      floods.values.map(({ labels, value }) => [labels.listener, value]),
      [[listener, 1]],
    );
    assert.is(
      edge.ingest.reports.every(({ identity }) => identity === "local"),
      true,
    );
  });
}

test("a client that takes back a call now and then is not cut off, however long it lives", async ({ edge }) => {
  const client = new TestClient(edge.addresses.operator);
  for (let i = 0; i < 3 * RESETS_MAX; i++) {
    const watch = client.serverStream(watchDenials, {});
    await until("it watches", () => edge.edge.denials.watching === 1);
    watch.cancel();
    await until("it watches no more", () => edge.edge.denials.watching === 0);
    edge.clock.advance(200);
  }
  assert.is((await client.refusal(listNodes, {})).code, "OK");
  client.close();
});

test("calls that are refused one after the other are cut off as well", async ({ edge }) => {
  const attacker = new RawConnection(edge.addresses.sidecar);
  const path = "/vedette.v1.SidecarService/Unheard";
  await attacker.flood((i) => frame(HEADERS, END_HEADERS | END_STREAM, streamId(i), CALL(path)), 100_000);
  await until("it is cut off", () => attacker.closed);
});

test("floods of CONTINUATION, SETTINGS, PING and empty DATA end, or cost the others nothing", async ({ edge }) => {
  const opening = frame(HEADERS, END_HEADERS, 1, CALL("/vedette.v1.SidecarService/Connect"));
  const floods: Record<string, [first: Buffer, make: () => Buffer]> = {
    continuation: [
      frame(HEADERS, 0, 1, block({ ":method": "POST" })),
      () => frame(CONTINUATION, 0, 1, Buffer.alloc(0)),
    ],
    settings: [opening, () => frame(SETTINGS, 0, 0)],
    ping: [opening, () => frame(PING, 0, 0, Buffer.alloc(8))],
    data: [opening, () => frame(DATA, 0, 1)],
  };
  for (const [name, [first, make]] of Object.entries(floods)) {
    const before = edge.ingest.reports.length;
    await servedDuring(edge, async () => {
      const attacker = new RawConnection(edge.addresses.sidecar);
      attacker.send(first);
      await attacker.flood(make, 10_000);
      attacker.destroy();
    });
    assert.ok(edge.ingest.reports.length > before, name);
  }
});

test.run();
