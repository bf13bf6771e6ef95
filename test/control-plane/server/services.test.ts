// Health, reflection and HTTP as a stranger's client sees them.

import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Client, credentials } from "@grpc/grpc-js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Health, HealthCheckResponse_ServingStatus } from "../../../control-plane/gen/grpc/health/v1/health_pb.ts";
import { TestEdge } from "../../support/edge.ts";
import { TestClient } from "../../support/grpc-client.ts";

const { SERVING, NOT_SERVING } = HealthCheckResponse_ServingStatus;

const test = suite<{ edge: TestEdge }>("services");

test.before.each(async (context) => {
  context.edge = await TestEdge.start();
});

test.after.each(({ edge }) => edge.stop());

/** One request over ServerReflectionInfo (v1); field numbers of grpc.reflection.v1. */
function reflect(address: string, field: number, text: string): Promise<Buffer> {
  const client = new Client(address, credentials.createInsecure());
  const raw = (bytes: Buffer) => bytes;
  const call = client.makeBidiStreamRequest("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", raw, raw);
  const name = Buffer.from(text);
  call.write(Buffer.concat([Buffer.from([(field << 3) | 2, name.length]), name]));
  return new Promise((resolve, reject) => {
    call.on("error", reject);
    call.on("data", (answer: Buffer) => {
      call.end();
      client.close();
      resolve(answer);
    });
  });
}

/** The length-delimited fields of a message, by number. */
function* fieldsOf(bytes: Buffer): Generator<{ no: number; content: Buffer }> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    if ((tag & 7) === 0) varint();
    else {
      const size = varint();
      yield { no: tag >> 3, content: bytes.subarray(at, at + size) };
      at += size;
    }
  }
}

function filesOf(answer: Buffer) {
  const [descriptors] = [...fieldsOf(answer)].filter(({ no }) => no === 4);
  assert.ok(descriptors, "a file descriptor response");
  return [...fieldsOf(descriptors.content)].map(({ content }) => fromBinary(FileDescriptorProtoSchema, content));
}

test("reflection lists the services", async ({ edge }) => {
  const answer = await reflect(edge.addresses.operator, 7, "*");
  const [list] = [...fieldsOf(answer)].filter(({ no }) => no === 6);
  const names = [...fieldsOf(list!.content)].flatMap(({ content }) => [...fieldsOf(content)]);
  assert.equal(names.map(({ content }) => content.toString()).sort(), [
    "grpc.health.v1.Health",
    "vedette.v1.OperatorService",
  ]);
});

test("reflection describes a service with every type it needs", async ({ edge }) => {
  const files = filesOf(await reflect(edge.addresses.operator, 4, "vedette.v1.OperatorService"));
  const names = files.map((file) => file.name);
  for (const name of ["vedette/v1/operator.proto", "vedette/v1/decision.proto", "google/protobuf/timestamp.proto"]) {
    assert.ok(names.includes(name), name);
  }
  const operator = files.find((file) => file.name === "vedette/v1/operator.proto");
  assert.equal(
    operator?.service[0]?.method.map((method) => method.name),
    [
      "ListWorkloads",
      "GetWorkload",
      "SetWorkloadMode",
      "CreateRule",
      "GetRule",
      "ListRules",
      "DeleteRule",
      "PreviewRule",
      "ListNodes",
      "WatchDenials",
      "CreateBan",
      "ListBans",
      "DeleteBan",
      "ListAuditEntries",
    ],
  );
});

test("every file that a described file imports can be had by name", async ({ edge }) => {
  const wanted = ["vedette/v1/operator.proto"];
  const had = new Set<string>();
  for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
    if (had.has(name)) continue;
    had.add(name);
    const file = filesOf(await reflect(edge.addresses.operator, 3, name)).find((one) => one.name === name);
    assert.ok(file, name);
    wanted.push(...file.dependency);
  }
  assert.ok(had.has("buf/validate/validate.proto"));
  assert.ok(had.has("google/protobuf/descriptor.proto"));
});

test("the sidecar listener has health, and nothing that describes it", async ({ edge }) => {
  const client = new TestClient(edge.addresses.sidecar);
  assert.is((await client.unary(Health.method.check, {})).status, SERVING);
  const service = "vedette.v1.SidecarService";
  assert.is((await client.unary(Health.method.check, { service })).status, SERVING);
  client.close();
  const refused = await reflect(edge.addresses.sidecar, 7, "*").then(
    () => "answered",
    (error: { details: string }) => error.details,
  );
  assert.match(refused, /does not implement/);
});

test("health says NOT_SERVING before the listeners close", async ({ edge }) => {
  const client = new TestClient(edge.addresses.operator);
  const service = "vedette.v1.OperatorService";
  const watch = client.serverStream(Health.method.watch, { service });
  assert.is((await watch.next()).status, SERVING);
  const unknown = await client.refusal(Health.method.check, { service: "vedette.v1.SidecarService" });
  assert.is(unknown.code, "NOT_FOUND");
  const stopped = edge.stop();
  assert.is((await watch.next()).status, NOT_SERVING);
  client.close();
  await stopped;
});

test("HTTP has metrics and health, and nothing else", async ({ edge }) => {
  const get = (path: string, method = "GET") => fetch(`http://${edge.addresses.http}${path}`, { method });
  const metrics = await get("/metrics");
  assert.is(metrics.status, 200);
  const text = await metrics.text();
  for (const name of ["windows_total", "updates_total", "streams", "nodes", "event_loop_delay_seconds"]) {
    assert.match(text, new RegExp(`^# TYPE vedette_control_plane_${name} `, "m"));
  }
  assert.is(await (await get("/healthz")).text(), "ok\n");
  assert.is((await get("/readyz")).status, 200);
  assert.is((await get("/readyz?x=1")).status, 200);
  assert.is((await get("/")).status, 404);
  assert.is((await get("/metrics", "POST")).status, 405);
});

test("a listener that asks nobody who he is says so at start", ({ edge }) => {
  const told = edge.log.lines.filter(({ event, level }) => level === "warn" && event.includes("WITHOUT IDENTITY"));
  assert.equal(
    told.map(({ fields }) => [fields.listener, fields.address]),
    [
      ["sidecar", edge.addresses.sidecar],
      ["operator", edge.addresses.operator],
    ],
  );
});

test("an address that is taken keeps the edge from starting, and lets go of the others", async ({ edge }) => {
  const { ControlPlaneError } = await import("../../../control-plane/errors.ts");
  const second = TestEdge.start({ SIDECAR_ADDRESS: edge.addresses.sidecar });
  const error = await second.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.instance(error, ControlPlaneError);
  assert.is((error as InstanceType<typeof ControlPlaneError>).code, "UNAVAILABLE");
  assert.match((error as Error).message, edge.addresses.sidecar);
});

test.run();
