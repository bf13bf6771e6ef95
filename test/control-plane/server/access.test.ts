// Who may call what: the table has a row for every method there is and for none that is not, and each pair of role and
// method behaves as it says, over real connections.

import { readFileSync } from "node:fs";
import type { DescService } from "@bufbuild/protobuf";
import { type ChannelCredentials, Client, Metadata, status } from "@grpc/grpc-js";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ROLES } from "../../../control-plane/config-operators.ts";
import { Health } from "../../../control-plane/gen/grpc/health/v1/health_pb.ts";
import { OperatorService } from "../../../control-plane/gen/vedette/v1/operator_pb.ts";
import { SidecarService } from "../../../control-plane/gen/vedette/v1/sidecar_pb.ts";
import { ACCESS, type Access, accessTable, mayCall } from "../../../control-plane/server/access.ts";
import { Authority, uris } from "../../support/certificates.ts";
import { until } from "../../support/conditions.ts";
import { TestEdge } from "../../support/edge.ts";
import { TestClient } from "../../support/grpc-client.ts";
import {
  CERTIFICATES,
  CERTIFICATES_AND_TOKENS,
  certificateOf,
  channelOf,
  FILES,
  OVERRIDE,
} from "../../support/operators.ts";

const mesh = new Authority("mesh");
const sidecarServer = mesh.issue([{ type: "dns", value: "control-plane" }]);
const edge = await TestEdge.start(
  {
    ...CERTIFICATES_AND_TOKENS,
    SIDECAR_TLS_CERT: "server.pem",
    SIDECAR_TLS_KEY: "server-key.pem",
    SIDECAR_TLS_CLIENT_CA: "mesh.pem",
  },
  { ...FILES, "mesh.pem": mesh.pem, "server.pem": sidecarServer.certificate, "server-key.pem": sidecarServer.key },
);
test.after(() => edge.stop());

const paths = (service: DescService): string[] => service.methods.map(({ name }) => `/${service.typeName}/${name}`);
const REFLECTION = ["v1", "v1alpha"].map((v) => `/grpc.reflection.${v}.ServerReflection/ServerReflectionInfo`);
const ON_OPERATORS = [...paths(OperatorService), ...paths(Health), ...REFLECTION];
const ON_SIDECARS = [...paths(SidecarService), ...paths(Health)];

/** Field 1, length-delimited, "x": for every method either no readable request or one for nothing that exists. */
const REQUEST = Buffer.from([0x0a, 1, 0x78]);

/** Calls a method and tells how that ended; the first answer is an end too: `OK`. */
function codeOf(client: Client, path: string): Promise<string> {
  const raw = (bytes: Buffer) => bytes;
  const call = client.makeBidiStreamRequest(path, raw, raw, new Metadata());
  call.end(REQUEST);
  return new Promise((resolve) => {
    call.on("error", (error: { code: number }) => resolve(status[error.code] ?? ""));
    call.on("data", () => {
      resolve("OK");
      call.cancel();
    });
    call.on("end", () => resolve("OK"));
  });
}

async function refusals(address: string, channel: ChannelCredentials, all: string[]): Promise<Map<string, string>> {
  const client = new Client(address, channel, OVERRIDE);
  const told = new Map<string, string>();
  for (const path of all) told.set(path, await codeOf(client, path));
  client.close();
  return told;
}

test("every method of every service has a row, and every row has a method", () => {
  const described = new Set([...ON_OPERATORS, ...ON_SIDECARS]);
  assert.equal([...ACCESS.keys()].sort(), [...described].sort());
});

test("what the listeners really serve has a row", () => {
  const listeners = edge.edge as unknown as Record<string, { server: { handlers: Map<string, unknown> } }>;
  for (const name of ["sidecarListener", "operatorListener"]) {
    const served = [...listeners[name]!.server.handlers.keys()];
    assert.ok(served.length > 3, name);
    for (const path of served) assert.ok(ACCESS.has(path), path);
  }
});

test("a method without a row is for nobody", () => {
  for (const role of [...ROLES, "sidecar", "anyone"] as Access[]) {
    assert.not.ok(mayCall("/vedette.v1.OperatorService/Unheard", [role]));
    assert.not.ok(mayCall("__proto__", [role]));
  }
});

for (const role of ROLES) {
  test(`each method lets a ${role} in, or does not, as the table says`, async () => {
    const channel = channelOf(certificateOf(`https://people/${role}`));
    const told = await refusals(edge.addresses.operator, channel, ON_OPERATORS);
    for (const [path, code] of told) {
      const allowed = ACCESS.get(path)!.some((one) => one === role || one === "anyone");
      assert.is(code !== "PERMISSION_DENIED", allowed, `${path}: ${code}`);
      assert.is.not(code, "UNAUTHENTICATED", path);
      assert.is.not(code, "UNIMPLEMENTED", path);
    }
  });
}

test("who is known but has no role may do what anyone may", async () => {
  const told = await refusals(edge.addresses.operator, channelOf(certificateOf("https://people/eve")), ON_OPERATORS);
  for (const [path, code] of told) {
    assert.is(code !== "PERMISSION_DENIED", ACCESS.get(path)!.includes("anyone"), `${path}: ${code}`);
  }
});

test("nobody at all may do what anyone may, and is told no names", async () => {
  const told = await refusals(edge.addresses.operator, channelOf(), ON_OPERATORS);
  for (const [path, code] of told) {
    assert.is(code !== "UNAUTHENTICATED", ACCESS.get(path)!.includes("anyone"), `${path}: ${code}`);
  }
  assert.equal(
    [...told].filter(([, code]) => code !== "UNAUTHENTICATED").map(([path]) => path),
    ["/grpc.health.v1.Health/Check"],
  );
});

test("a sidecar may speak as one and ask for health; on the operator listener it is nobody", async () => {
  const pair = mesh.issue(uris("spiffe://cluster.local/ns/shop/sa/cart"));
  const { credentials } = await import("@grpc/grpc-js");
  const channel = credentials.createSsl(Buffer.from(mesh.pem), Buffer.from(pair.key), Buffer.from(pair.certificate));
  const told = await refusals(edge.addresses.sidecar, channel, ON_SIDECARS);
  for (const [path, code] of told) assert.is.not(code, "PERMISSION_DENIED", path);
  const shown = channelOf(pair);
  for (const [path, code] of await refusals(edge.addresses.operator, shown, paths(OperatorService))) {
    assert.is(code, "UNAUTHENTICATED", path);
  }
});

test("where certificates are the only way, nobody gets through the handshake without one", async () => {
  const strict = await TestEdge.start(CERTIFICATES, FILES);
  const told = await refusals(strict.addresses.operator, channelOf(), ["/grpc.health.v1.Health/Check"]);
  assert.equal([...told.values()], ["UNAVAILABLE"]);
  await until("it is entered", () => strict.audit.refusals.length > 0);
  const { listener, method, code } = strict.audit.refusals[0]!;
  assert.equal([listener, method, code], ["operator", "handshake", "UNAUTHENTICATED"]);
  await strict.stop();
});

test("a certificate with two URIs is nobody's", async () => {
  const pair = certificateOf("https://people/admin", "https://people/viewer");
  const client = new TestClient(edge.addresses.operator, channelOf(pair), OVERRIDE);
  assert.is((await client.refusal(OperatorService.method.listNodes, {})).code, "UNAUTHENTICATED");
  client.close();
});

test("a role can be bound to the subject of a certificate", async () => {
  const own = await TestEdge.start({ ...CERTIFICATES, OPERATOR_ROLES: "viewer=certificate-subject:CN=test" }, FILES);
  const client = new TestClient(own.addresses.operator, channelOf(certificateOf("https://people/eve")), OVERRIDE);
  assert.is((await client.refusal(OperatorService.method.listNodes, {})).code, "OK");
  assert.is((await client.refusal(OperatorService.method.listAuditEntries, {})).code, "PERMISSION_DENIED");
  client.close();
  await own.stop();
});

test("a refusal is entered with who, what and why, and logged", async () => {
  edge.audit.refusals.length = 0;
  const client = new TestClient(edge.addresses.operator, channelOf(certificateOf("https://people/viewer")), OVERRIDE);
  const end = await client.refusal(OperatorService.method.setWorkloadMode, { name: "workloads/shop/cart", mode: 4 });
  assert.is(end.code, "PERMISSION_DENIED");
  assert.match(end.details, "is for mode-editor, admin; roles of the caller: viewer");
  const { identity, method, code, detail } = edge.audit.refusals[0]!;
  assert.equal([identity, method, code], ["certificate:https://people/viewer", "SetWorkloadMode", "PERMISSION_DENIED"]);
  assert.match(detail, /roles of the caller: viewer; from 127\.0\.0\.1:\d+/);
  assert.ok(edge.log.has("call refused"));
  client.close();
});

test("the README prints the table", () => {
  const readme = readFileSync(new URL("../../../control-plane/README.md", import.meta.url), "utf8");
  assert.ok(readme.includes(accessTable()), `control-plane/README.md must contain:\n${accessTable()}`);
});

test.run();
