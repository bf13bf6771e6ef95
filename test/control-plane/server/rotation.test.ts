// Certificates that rotate while traffic goes on: new connections get the new ones, open streams lose nothing, and
// files that cannot be used change nothing.

import { type ConnectionOptions, connect } from "node:tls";
import { credentials } from "@grpc/grpc-js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { OperatorService } from "../../../control-plane/gen/vedette/v1/operator_pb.ts";
import { Authority, type Pair, uris } from "../../support/certificates.ts";
import { TestEdge } from "../../support/edge.ts";
import { type End, TestClient } from "../../support/grpc-client.ts";
import { CERTIFICATES, certificateOf, channelOf, FILES, OVERRIDE } from "../../support/operators.ts";
import { nextAcks, type SidecarStream, TestSidecar, windowFrame } from "../../support/sidecar-client.ts";

const CART = "spiffe://cluster.local/ns/shop/sa/cart";
const DNS = [{ type: "dns", value: "control-plane" }] as const;
const SETTINGS = {
  ...CERTIFICATES,
  SIDECAR_TLS_CERT: "cert.pem",
  SIDECAR_TLS_KEY: "key.pem",
  SIDECAR_TLS_CLIENT_CA: "ca.pem",
};
const oldMesh = new Authority("old");
const newMesh = new Authority("new");

interface Context {
  edge: TestEdge;
  files: Record<string, string>;
}

const test = suite<Context>("rotation");

test.before.each(async (context) => {
  const { certificate, key } = oldMesh.issue(DNS);
  context.files = { ...FILES, "ca.pem": oldMesh.pem, "cert.pem": certificate, "key.pem": key };
  context.edge = await TestEdge.start(SETTINGS, context.files);
});

test.after.each(({ edge }) => edge.stop());

/** A sidecar of one authority that trusts another's server. */
function sidecarOf(edge: TestEdge, client: Authority, server: Authority): TestSidecar {
  const pair: Pair = client.issue(uris(CART));
  const channel = credentials.createSsl(Buffer.from(server.pem), Buffer.from(pair.key), Buffer.from(pair.certificate));
  // A pool of its own, so that each sidecar makes a handshake of its own.
  return new TestSidecar(edge.addresses.sidecar, channel, { ...OVERRIDE, "grpc.use_local_subchannel_pool": 1 });
}

async function send(stream: SidecarStream, seq: number): Promise<void> {
  stream.send({ leaseCounter: 1n, frame: windowFrame(seq) });
  const [ack] = await nextAcks(stream, 1);
  assert.is(ack?.windowSeq, BigInt(seq));
}

/** How a hello ends, or `OK` where it is let in. */
async function greeting(sidecar: TestSidecar): Promise<End["code"]> {
  const stream = sidecar.greet({ node: "node-9" });
  stream.send({ leaseCounter: 1n, frame: windowFrame(99) });
  const accepted = nextAcks(stream, 1).then(() => "OK");
  const code = await Promise.race([stream.ended.then((end) => end.code), accepted.catch(() => "ended")]);
  stream.cancel();
  sidecar.close();
  return code;
}

test("authority and certificate rotate in three steps, and no report is lost", async ({ edge, files }) => {
  const before = sidecarOf(edge, oldMesh, oldMesh);
  const open = before.greet();
  await send(open, 1);

  files["ca.pem"] = oldMesh.pem + newMesh.pem;
  edge.clock.advance(1_000);
  await send(open, 2);
  const between = sidecarOf(edge, newMesh, oldMesh).greet({ node: "node-2" });
  await send(between, 1);

  const fresh = newMesh.issue(DNS);
  Object.assign(files, { "cert.pem": fresh.certificate, "key.pem": fresh.key });
  edge.clock.advance(1_000);
  await send(open, 3);
  await send(between, 2);
  assert.is(await greeting(sidecarOf(edge, oldMesh, newMesh)), "OK", "the old client, the new server");

  files["ca.pem"] = newMesh.pem;
  edge.clock.advance(1_000);
  await send(open, 4);
  await send(between, 3);
  assert.is(await greeting(sidecarOf(edge, newMesh, newMesh)), "OK");
  assert.is(await greeting(sidecarOf(edge, oldMesh, newMesh)), "UNAVAILABLE", "the old authority is gone");
  assert.is(await greeting(sidecarOf(edge, newMesh, oldMesh)), "UNAVAILABLE", "the old server is gone");

  const merged = edge.ingest.reports.filter(({ windowSeq }) => windowSeq < 99);
  assert.equal(merged.map(({ node, windowSeq }) => `${node} ${windowSeq}`).sort(), [
    "node-1 1",
    "node-1 2",
    "node-1 3",
    "node-1 4",
    "node-2 1",
    "node-2 2",
    "node-2 3",
  ]);
  assert.is(edge.log.lines.filter(({ event }) => event === "certificates renewed").length, 3);
  for (const stream of [open, between]) stream.cancel();
  before.close();
});

/** A TLS handshake: is the other side's first frame seen, and the sessions that it gave. */
function shake(options: ConnectionOptions): Promise<{ served: boolean; sessions: Buffer[] }> {
  const sessions: Buffer[] = [];
  return new Promise((resolve) => {
    const socket = connect({ ...options, ALPNProtocols: ["h2"] });
    let served = false;
    socket.on("session", (session) => void sessions.push(session));
    socket.on("data", () => {
      served = true;
      socket.end();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve({ served, sessions }));
  });
}

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  test(`a client whose authority is gone does not come back by resuming its session (${version})`, async (context) => {
    const { edge, files } = context;
    const pair = oldMesh.issue(uris(CART));
    const [host = "", port] = edge.addresses.sidecar.split(":");
    const shown = { cert: pair.certificate, key: pair.key, ca: oldMesh.pem, servername: "control-plane" };
    const options = { host, port: Number(port), ...shown, minVersion: version, maxVersion: version };
    const first = await shake(options);
    assert.ok(first.served);
    files["ca.pem"] = newMesh.pem;
    edge.clock.advance(1_000);
    for (const session of [undefined, ...first.sessions]) {
      assert.not.ok((await shake({ ...options, ...(session ? { session } : {}) })).served);
    }
  });
}

test("files that cannot be used change nothing, are told of once, and good ones serve again", async ({
  edge,
  files,
}) => {
  const good = { ...files };
  const other = oldMesh.issue(DNS);
  const told = () => edge.log.lines.filter(({ event }) => event.startsWith("certificates refused")).length;
  const broken: Record<string, string>[] = [
    { "cert.pem": "" },
    { "cert.pem": "no certificate" },
    { "key.pem": other.key },
    { "cert.pem": other.certificate },
    { "key.pem": good["key.pem"]!.slice(0, 60) },
    { "ca.pem": "" },
    { "ca.pem": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" },
  ];
  for (const [i, change] of broken.entries()) {
    Object.assign(files, good, change);
    edge.clock.advance(5_000);
    assert.is(told(), i + 1, JSON.stringify(change).slice(0, 60));
    assert.is(await greeting(sidecarOf(edge, oldMesh, oldMesh)), "OK");
  }
  Object.assign(files, good, { "cert.pem": other.certificate, "key.pem": other.key });
  edge.clock.advance(1_000);
  assert.is(await greeting(sidecarOf(edge, oldMesh, oldMesh)), "OK");
  assert.is(told(), broken.length);
  assert.ok(edge.log.has("certificates renewed"));
});

test("the operator listener rotates as well", async ({ edge, files }) => {
  const call = async (trusted: Authority) => {
    const pair = certificateOf("https://people/viewer");
    const channel = credentials.createSsl(
      Buffer.from(trusted.pem),
      Buffer.from(pair.key),
      Buffer.from(pair.certificate),
    );
    const options = { ...OVERRIDE, "grpc.use_local_subchannel_pool": 1 };
    const client = new TestClient(edge.addresses.operator, channel, options);
    const { code } = await client.refusal(OperatorService.method.listNodes, {});
    client.close();
    return code;
  };
  const fresh = newMesh.issue(DNS);
  Object.assign(files, { "operator-server.pem": fresh.certificate, "operator-server-key.pem": fresh.key });
  assert.is(await call(newMesh), "UNAVAILABLE");
  edge.clock.advance(1_000);
  assert.is(await call(newMesh), "OK");
  const old = new TestClient(edge.addresses.operator, channelOf(certificateOf("https://people/viewer")), {
    ...OVERRIDE,
    "grpc.use_local_subchannel_pool": 1,
  });
  assert.is((await old.refusal(OperatorService.method.listNodes, {})).code, "UNAVAILABLE");
  old.close();
});

test("the end of the certificate in use is a metric", async ({ edge, files }) => {
  const shown = async () => {
    const text = await (await fetch(`http://${edge.addresses.http}/metrics`)).text();
    return Number(/^vedette_control_plane_certificate_expiry_seconds\{listener="sidecar"\} (\d+)/m.exec(text)?.[1]);
  };
  const first = await shown();
  assert.ok(Math.abs(first - Date.now() / 1000 - 3_600) < 600, `${first}`);
  const endMs = (Math.floor(Date.now() / 1000) + 7_200) * 1000;
  const fresh = oldMesh.issue(DNS, { notBefore: new Date(0), notAfter: new Date(endMs) });
  Object.assign(files, { "cert.pem": fresh.certificate, "key.pem": fresh.key });
  edge.clock.advance(1_000);
  assert.is(await shown(), endMs / 1000);
});

test("files that cannot be used keep it from starting", async () => {
  const start = TestEdge.start(SETTINGS, { ...FILES, "ca.pem": oldMesh.pem, "cert.pem": "x", "key.pem": "y" });
  assert.instance(
    await start.then(
      () => undefined,
      (error: unknown) => error,
    ),
    Error,
  );
});

test.run();
