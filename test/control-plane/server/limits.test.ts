// Bounds of the listeners, and who goes beyond them: late calls, long messages, more calls and connections than there
// may be, old connections. Floods: floods.test.ts.

import { Client, credentials, Metadata, ServerInterceptingCall } from "@grpc/grpc-js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Health } from "../../../control-plane/gen/grpc/health/v1/health_pb.ts";
import { OperatorService } from "../../../control-plane/gen/vedette/v1/operator_pb.ts";
import { CALL_MS, REFLECTION_MS } from "../../../control-plane/server/gate.ts";
import { GrpcListener } from "../../../control-plane/server/listener.ts";
import { until } from "../../support/conditions.ts";
import { TestEdge } from "../../support/edge.ts";
import { type End, TestClient } from "../../support/grpc-client.ts";
import { CALL, END_HEADERS, frame, HEADERS, RawConnection } from "../../support/raw-http2.ts";
import { nextAcks, TestSidecar, windowFrame } from "../../support/sidecar-client.ts";

const { listNodes, previewRule, watchDenials } = OperatorService.method;

const test = suite<{ edge: TestEdge }>("limits");

test.before.each(async (context) => {
  context.edge = await TestEdge.start();
});

test.after.each(({ edge }) => edge.stop());

const raw = (bytes: Buffer) => bytes;
const pathOf = (method: { parent: { typeName: string }; name: string }) => `/${method.parent.typeName}/${method.name}`;

/** Opens a call and sends no request; resolves with the code that it ends with. */
function silent(client: Client, path: string): Promise<number> {
  const call = client.makeBidiStreamRequest(path, raw, raw, new Metadata());
  return new Promise((resolve) => {
    call.on("error", (error: { code: number }) => resolve(error.code));
    call.on("data", () => undefined);
    call.on("end", () => resolve(0));
  });
}

const DEADLINE_EXCEEDED = 4;
const RESOURCE_EXHAUSTED = 8;

test("a call whose request does not come ends, on both listeners; a stream that has asked lives on", async ({
  edge,
}) => {
  const operator = new Client(edge.addresses.operator, credentials.createInsecure());
  const sidecar = new Client(edge.addresses.sidecar, credentials.createInsecure());
  const late = [
    silent(operator, pathOf(listNodes)),
    silent(operator, pathOf(watchDenials)),
    silent(sidecar, pathOf(Health.method.check)),
  ];
  const reflection = silent(operator, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo");
  const client = new TestClient(edge.addresses.operator);
  const watch = client.serverStream(watchDenials, {});
  await until("it watches", () => edge.edge.denials.watching === 1);
  const ended = Promise.all(late);
  let over = false;
  void ended.then(() => {
    over = true;
  });
  while (!over) {
    edge.clock.advance(CALL_MS);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(await ended, [DEADLINE_EXCEEDED, DEADLINE_EXCEEDED, DEADLINE_EXCEEDED]);
  edge.clock.advance(REFLECTION_MS);
  assert.is(await reflection, DEADLINE_EXCEEDED);
  assert.is(edge.edge.denials.watching, 1);
  watch.cancel();
  for (const one of [operator, sidecar, client]) one.close();
});

test("a call that is not answered in time ends, and its answer is not waited for", async ({ edge }) => {
  let answered: (() => void) | undefined;
  edge.workloads.setMode = async () => {
    await new Promise<void>((resolve) => {
      answered = resolve;
    });
    throw new Error("never told");
  };
  const client = new TestClient(edge.addresses.operator);
  const end = client.refusal(OperatorService.method.setWorkloadMode, { name: "workloads/shop/cart", mode: 2 });
  await until("it is asked", () => answered !== undefined);
  edge.clock.advance(CALL_MS);
  assert.is((await end).code, "DEADLINE_EXCEEDED");
  answered?.();
  client.close();
});

test("a message beyond its bound is refused before it is read: 1 MiB of a sidecar, 64 KiB of an operator", async ({
  edge,
}) => {
  const sidecar = new TestSidecar(edge.addresses.sidecar);
  for (const bytes of [(1 << 20) + 1, 16 << 20]) {
    const stream = sidecar.connect();
    stream.sendBytes(new Uint8Array(bytes));
    assert.is((await stream.ended).code, "RESOURCE_EXHAUSTED", `${bytes}`);
  }
  const client = new Client(edge.addresses.operator, credentials.createInsecure());
  const code = await new Promise<number>((resolve) => {
    const done = (error: { code: number } | null) => resolve(error?.code ?? 0);
    client.makeUnaryRequest(pathOf(previewRule), raw, raw, Buffer.alloc(65_537), done);
  });
  assert.is(code, RESOURCE_EXHAUSTED);
  sidecar.close();
  client.close();
});

test("a sidecar's connection carries 4 calls at once; one more waits for room", async ({ edge }) => {
  const sidecar = new TestSidecar(edge.addresses.sidecar);
  const streams = Array.from({ length: 5 }, (_, i) => sidecar.greet({ processId: BigInt(i + 1), node: `node-${i}` }));
  await until("4 are open", () => edge.edge.nodes.list().length === 4);
  const last = streams[4]!;
  last.send({ leaseCounter: 1n, frame: windowFrame(1) });
  assert.is(edge.ingest.reports.length, 0);
  streams[0]!.cancel();
  await nextAcks(last, 1);
  assert.is(edge.ingest.reports[0]?.node, "node-4");
  for (const stream of streams) stream.cancel();
  sidecar.close();
});

test("a connection ends at its age, and at once where nothing is open on it", async ({ edge }) => {
  const { clock, log } = edge;
  const limits = { messageBytes: 1_000, concurrentStreams: 4, connections: 4, opened: 100 };
  const links = { name: "operator", clock, log, clientCertificates: "none" } as const;
  const listener = new GrpcListener(
    { address: { host: "127.0.0.1", port: 0 }, tls: undefined },
    { ...limits, connectionAgeMs: 20, connectionGraceMs: 20 },
    [],
    {
      ...links,
      files: { read: () => Buffer.alloc(0) },
      gate: (_, call) => new ServerInterceptingCall(call),
      flooded: () => undefined,
      handshakeFailed: () => undefined,
    },
  );
  const address = await listener.listen();
  const idle = new RawConnection(address);
  const busy = new RawConnection(address);
  busy.send(frame(HEADERS, END_HEADERS, 1, CALL(pathOf(Health.method.watch))));
  await until("both are closed", () => idle.closed && busy.closed);
  await listener.stop(0);
});

test("no more connections than there may be", async ({ edge }) => {
  const open: RawConnection[] = [];
  for (let i = 0; i < 256; i++) open.push(new RawConnection(edge.addresses.operator));
  const client = new TestClient(edge.addresses.operator);
  const sessions = (): number => {
    const listener = edge.edge as unknown as { operatorListener: { server: { sessions: Map<unknown, unknown> } } };
    return listener.operatorListener.server.sessions.size;
  };
  await until("all are open", () => sessions() === 256);
  const beyond = new RawConnection(edge.addresses.operator);
  await until("one more is closed", () => beyond.closed);
  const first = open.shift()!;
  first.destroy();
  await until("there is room", () => sessions() === 255);
  const end: End = await client.refusal(listNodes, {});
  assert.is(end.code, "OK");
  for (const one of open) one.destroy();
  client.close();
});

test.run();
