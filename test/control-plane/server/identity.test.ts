// Who a sidecar is: the certificates that are let in and those that are not, over real TLS; and the grammar by itself.

import { credentials } from "@grpc/grpc-js";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { alternativeNames, peerOf } from "../../../control-plane/server/identity.ts";
import { Authority, EXPIRED, type Name, type Pair, uris } from "../../support/certificates.ts";
import { PULSE_MS, TestEdge } from "../../support/edge.ts";
import { type End, TestClient } from "../../support/grpc-client.ts";
import { nextAcks, TestSidecar, windowFrame } from "../../support/sidecar-client.ts";

const CART = "spiffe://cluster.local/ns/shop/sa/cart";
const mesh = new Authority("mesh");
const operators = new Authority("operators");
const stranger = new Authority("stranger");
const server = mesh.issue([{ type: "dns", value: "control-plane" }]);
const files = {
  "mesh.pem": mesh.pem,
  "operators.pem": operators.pem,
  "server.pem": server.certificate,
  "server-key.pem": server.key,
};
const SETTINGS = {
  SIDECAR_TLS_CERT: "server.pem",
  SIDECAR_TLS_KEY: "server-key.pem",
  SIDECAR_TLS_CLIENT_CA: "mesh.pem",
  BINDINGS: "shop/cart=shop/basket,tools/*",
};

const OVERRIDE = { "grpc.ssl_target_name_override": "control-plane" };

const edge = await TestEdge.start(SETTINGS, files);
test.after(() => edge.stop());

function channel(pair: Pair | undefined, roots = mesh.pem) {
  const client = pair === undefined ? [null, null] : [Buffer.from(pair.key), Buffer.from(pair.certificate)];
  return credentials.createSsl(Buffer.from(roots), client[0], client[1]);
}

/** How a stream with this certificate ends that says hello for the target; `OK` where its window is acknowledged. */
async function attempt(pair: Pair | undefined, target = "shop/cart", node = "node-1"): Promise<End> {
  const sidecar = new TestSidecar(edge.addresses.sidecar, channel(pair), OVERRIDE);
  const stream = sidecar.greet({ targets: [target], node });
  stream.send({ leaseCounter: 1n, frame: windowFrame(1, { target }) });
  const accepted = nextAcks(stream, 1).then(() => ({ code: "OK", details: "", fields: [] }));
  const end = await Promise.race([stream.ended, accepted.catch(() => stream.ended)]);
  stream.cancel();
  sidecar.close();
  return end;
}

test("a sidecar speaks for its own service account, and for what the bindings name", async () => {
  const pair = mesh.issue(uris(CART));
  assert.is((await attempt(pair, "shop/cart")).code, "OK");
  assert.is(edge.ingest.reports.at(-1)?.identity, CART);
  assert.is((await attempt(pair, "shop/basket")).code, "OK");
  assert.is((await attempt(pair, "tools/anything")).code, "OK");
});

test("a sidecar does not speak for anybody else", async () => {
  const pair = mesh.issue(uris(CART));
  for (const target of ["shop/checkout", "other/cart", "shop/cart2", "toolsy/x"]) {
    const end = await attempt(pair, target);
    assert.is(end.code, "PERMISSION_DENIED", target);
    assert.equal(end.fields, ["hello.targets[0]"]);
  }
});

test("a window or a denial for a target of others ends the stream", async () => {
  const sidecar = new TestSidecar(edge.addresses.sidecar, channel(mesh.issue(uris(CART))), OVERRIDE);
  const first = sidecar.greet();
  first.send({ leaseCounter: 1n, frame: windowFrame(1, { target: "shop/checkout" }) });
  assert.is((await first.ended).code, "PERMISSION_DENIED");
  const second = sidecar.greet();
  second.send({
    leaseCounter: 1n,
    frame: { case: "denials", value: { denials: [{ target: "shop/checkout" }] } },
  });
  const end = await second.ended;
  assert.is(end.code, "PERMISSION_DENIED");
  assert.equal(end.fields, ["denials.denials[0].target"]);
  sidecar.close();
});

test("no certificate, a foreign one and an expired one do not get through the handshake", async () => {
  assert.is((await attempt(undefined)).code, "UNAVAILABLE");
  assert.is((await attempt(stranger.issue(uris(CART)))).code, "UNAVAILABLE");
  assert.is((await attempt(mesh.issue(uris(CART), EXPIRED))).code, "UNAVAILABLE");
});

test("a certificate must have exactly one URI, and that a SPIFFE id of this trust domain", async () => {
  const refused: Name[][] = [
    uris(CART, "spiffe://cluster.local/ns/shop/sa/admin"),
    [{ type: "dns", value: "cart.shop.svc" }],
    uris("spiffe://elsewhere/ns/shop/sa/cart"),
    uris("https://cluster.local/ns/shop/sa/cart"),
    uris("spiffe://cluster.local/ns/shop/sa/cart/"),
    uris("spiffe://cluster.local/ns/shop/sa/cart?x=1"),
    uris("spiffe://cluster.local/ns/shop/sa/%63art"),
    uris("spiffe://cluster.local/ns/../sa/cart"),
    uris("spiffe://Cluster.local/ns/shop/sa/cart"),
    [{ type: "dns", value: `x,URI:${CART}` }],
    [{ type: "dns", value: `x", URI:${CART}` }],
  ];
  for (const names of refused) {
    const end = await attempt(mesh.issue(names));
    assert.is(end.code, "UNAUTHENTICATED", JSON.stringify(names));
  }
});

test("a node id belongs to the identity that said it first, until it has been gone for ten minutes", async () => {
  const cart = mesh.issue(uris(CART));
  const pay = mesh.issue(uris("spiffe://cluster.local/ns/shop/sa/pay"));
  assert.is((await attempt(cart, "shop/cart", "node-9")).code, "OK");
  const end = await attempt(pay, "shop/pay", "node-9");
  assert.is(end.code, "PERMISSION_DENIED");
  assert.equal(end.fields, ["hello.node"]);
  edge.clock.advance(600_000);
  assert.is((await attempt(pay, "shop/pay", "node-9")).code, "OK");
});

test("a stream ends when its certificate does", async () => {
  const endMs = Date.now() + 120_000;
  const own = await TestEdge.start(SETTINGS, files, endMs - PULSE_MS);
  const pair = mesh.issue(uris(CART), { notBefore: new Date(0), notAfter: new Date(endMs) });
  const sidecar = new TestSidecar(own.addresses.sidecar, channel(pair), OVERRIDE);
  const stream = sidecar.greet();
  stream.send({ leaseCounter: 1n, frame: windowFrame(1) });
  await nextAcks(stream, 1);
  own.clock.advance(PULSE_MS);
  assert.is((await stream.ended).code, "UNAUTHENTICATED");
  assert.is((await sidecar.greet().ended).code, "UNAUTHENTICATED");
  sidecar.close();
  await own.stop();
});

test("without a certificate there is no peer, whatever the transport says", () => {
  assert.throws(() => peerOf(undefined, "cluster.local", new Map()), /no verified client certificate/);
});

test("a quoted name is one name", () => {
  assert.equal(alternativeNames('DNS:a, URI:b, DNS:"x, URI:c", IP Address:1.2.3.4'), [
    "DNS:a",
    "URI:b",
    'DNS:"x, URI:c"',
    "IP Address:1.2.3.4",
  ]);
  assert.equal(alternativeNames('DNS:"a\\", URI:b"'), ['DNS:"a\\", URI:b"']);
  assert.equal(alternativeNames(""), []);
});

test("operators are another authority's, and the log says who they are", async () => {
  const { OperatorService } = await import("../../../control-plane/gen/vedette/v1/operator_pb.ts");
  const settings = {
    OPERATOR_TLS_CERT: "server.pem",
    OPERATOR_TLS_KEY: "server-key.pem",
    OPERATOR_TLS_CLIENT_CA: "operators.pem",
  };
  const own = await TestEdge.start({ ...SETTINGS, ...settings }, files);
  await own.workloads.ensure("shop/cart");
  const request = { name: "workloads/shop/cart", mode: 4 };
  const setMode = OperatorService.method.setWorkloadMode;
  const sidecar = new TestClient(own.addresses.operator, channel(mesh.issue(uris(CART))), OVERRIDE);
  assert.is((await sidecar.refusal(setMode, request)).code, "UNAVAILABLE");
  const alice = new TestClient(
    own.addresses.operator,
    channel(operators.issue(uris("https://people/alice"))),
    OVERRIDE,
  );
  assert.is((await alice.refusal(setMode, request)).code, "OK");
  const line = own.log.lines.find(({ event }) => event === "mode set");
  assert.equal(line?.fields, { target: "shop/cart", mode: "enforce", operator: "https://people/alice" });
  assert.not.ok(own.log.has("WITHOUT IDENTITY"));
  sidecar.close();
  alice.close();
  await own.stop();
});

test.run();
