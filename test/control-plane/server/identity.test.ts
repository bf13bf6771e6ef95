// Who a sidecar is: the certificates that are let in and those that are not, over real TLS; and the grammar by itself.

import { credentials } from "@grpc/grpc-js";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { OperatorService } from "../../../control-plane/gen/vedette/v1/operator_pb.ts";
import { alternativeNames, peerOf } from "../../../control-plane/server/identity.ts";
import { Authority, EXPIRED, type Name, type Pair, uris } from "../../support/certificates.ts";
import { until } from "../../support/conditions.ts";
import { TestEdge } from "../../support/edge.ts";
import { type End, TestClient } from "../../support/grpc-client.ts";
import { CERTIFICATES, certificateOf, channelOf, FILES, OVERRIDE } from "../../support/operators.ts";
import { nextAcks, TestSidecar, windowFrame } from "../../support/sidecar-client.ts";

const CART = "spiffe://cluster.local/ns/shop/sa/cart";
const mesh = new Authority("mesh");
const stranger = new Authority("stranger");
const server = mesh.issue([{ type: "dns", value: "control-plane" }]);
const files = {
  "mesh.pem": mesh.pem,
  "server.pem": server.certificate,
  "server-key.pem": server.key,
};
const SETTINGS = {
  SIDECAR_TLS_CERT: "server.pem",
  SIDECAR_TLS_KEY: "server-key.pem",
  SIDECAR_TLS_CLIENT_CA: "mesh.pem",
  BINDINGS: "shop/cart=shop/basket,tools/*",
};

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

test("a sidecar does not speak for anybody else, and it is entered that it tried", async () => {
  edge.audit.refusals.length = 0;
  const pair = mesh.issue(uris(CART));
  for (const target of ["shop/checkout", "other/cart", "shop/cart2", "toolsy/x"]) {
    const end = await attempt(pair, target);
    assert.is(end.code, "PERMISSION_DENIED", target);
    assert.equal(end.fields, ["hello.targets[0]"]);
    const { identity, code } = edge.audit.refusals.at(-1)!;
    assert.equal([identity, code], [CART, "PERMISSION_DENIED"]);
  }
  assert.is(edge.audit.refusals.length, 4);
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

test("no certificate, a foreign one and an expired one do not get through the handshake, and are entered", async () => {
  edge.audit.refusals.length = 0;
  assert.is((await attempt(undefined)).code, "UNAVAILABLE");
  assert.is((await attempt(stranger.issue(uris(CART)))).code, "UNAVAILABLE");
  assert.is((await attempt(mesh.issue(uris(CART), EXPIRED))).code, "UNAVAILABLE");
  const reasons = () => edge.audit.refusals.filter(({ method }) => method === "handshake").map(({ detail }) => detail);
  const expected = [
    /PEER_DID_NOT_RETURN_A_CERTIFICATE/,
    /UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER/,
    /CERT_HAS_EXPIRED/,
  ];
  await until("each is entered", () => expected.every((pattern) => reasons().some((reason) => pattern.test(reason))));
  assert.ok(edge.log.has("handshake refused"));
});

/** 40 ids that are no `spiffe://cluster.local/ns/<ns>/sa/<sa>`. */
const MALFORMED = [
  ...["", "/", "/ns", "/ns/shop", "/ns/shop/sa", "/ns/shop/sa/", "/ns//sa/cart", "/ns/shop/sa/cart/"].map(
    (path) => `spiffe://cluster.local${path}`,
  ),
  ...["//ns/shop/sa/cart", "/ns/shop/sa/cart/x", "/sa/cart/ns/shop", "/ns/shop/SA/cart", "/NS/shop/sa/cart"].map(
    (path) => `spiffe://cluster.local${path}`,
  ),
  ...["?x=1", "#x", "%20", ":443", "@x", "..", "_", "\\", " ", "\t", "*"].map((end) => `${CART}${end}`),
  ...["..", ".", "-shop", "shop-", "Shop", "sh_op", "sh%6fp", "s".repeat(64), "sh.op"].map(
    (namespace) => `spiffe://cluster.local/ns/${namespace}/sa/cart`,
  ),
  ...["Cluster.local", "elsewhere", "cluster.local.", "cluster.local:80", "user@cluster.local"].map(
    (domain) => `spiffe://${domain}/ns/shop/sa/cart`,
  ),
  `SPIFFE://cluster.local/ns/shop/sa/cart`,
  `spiffe:/cluster.local/ns/shop/sa/cart`,
];

test("40 malformed ids are refused, each with code and audit entry", async () => {
  assert.is(new Set(MALFORMED).size, 40);
  for (const id of MALFORMED) {
    edge.audit.refusals.length = 0;
    assert.is((await attempt(mesh.issue(uris(id)))).code, "UNAUTHENTICATED", id);
    const [entered] = edge.audit.refusals;
    assert.equal([entered?.identity, entered?.method, entered?.code], ["", "Connect", "UNAUTHENTICATED"], id);
  }
});

test("a certificate must have exactly one URI, and nothing in another name counts as one", async () => {
  const refused: Name[][] = [
    uris(CART, "spiffe://cluster.local/ns/shop/sa/admin"),
    uris(CART, CART),
    [{ type: "dns", value: "cart.shop.svc" }],
    uris("https://cluster.local/ns/shop/sa/cart"),
    [{ type: "dns", value: `x,URI:${CART}` }],
    [{ type: "dns", value: `x", URI:${CART}` }],
    [{ type: "uri", value: `https://x/,URI:${CART}` }],
    [{ type: "uri", value: `https://x/", URI:${CART}` }],
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

test("a stream ends within a second of its certificate, however long a pulse is", async () => {
  const endMs = Date.now() + 120_000;
  const own = await TestEdge.start({ ...SETTINGS, PULSE_MS: "60000" }, files, endMs - 1_000);
  const pair = mesh.issue(uris(CART), { notBefore: new Date(0), notAfter: new Date(endMs) });
  const sidecar = new TestSidecar(own.addresses.sidecar, channel(pair), OVERRIDE);
  const stream = sidecar.greet();
  stream.send({ leaseCounter: 1n, frame: windowFrame(1) });
  await nextAcks(stream, 1);
  own.clock.advance(2_000);
  assert.is((await stream.ended).code, "UNAUTHENTICATED");
  assert.is((await sidecar.greet().ended).code, "UNAUTHENTICATED");
  sidecar.close();
  await own.stop();
});

test("a banned identity's open stream ends within a second, it does not come back, and others go on", async () => {
  const own = await TestEdge.start({ ...SETTINGS, PULSE_MS: "60000" }, files);
  const cart = new TestSidecar(own.addresses.sidecar, channel(mesh.issue(uris(CART))), OVERRIDE);
  const payId = "spiffe://cluster.local/ns/shop/sa/pay";
  const pay = new TestSidecar(own.addresses.sidecar, channel(mesh.issue(uris(payId))), OVERRIDE);
  const open = cart.greet();
  const other = pay.greet({ node: "node-2", targets: ["shop/pay"] });
  open.send({ leaseCounter: 1n, frame: windowFrame(1) });
  await nextAcks(open, 1);
  await own.bans.create(CART, "stolen key", { identity: "local", method: "CreateBan" });
  own.clock.advance(1_000);
  const end = await open.ended;
  assert.equal([end.code, end.details], ["PERMISSION_DENIED", "this identity is banned"]);
  assert.is((await cart.greet().ended).code, "PERMISSION_DENIED");
  other.send({ leaseCounter: 1n, frame: windowFrame(1, { target: "shop/pay" }) });
  await nextAcks(other, 1);
  await own.bans.delete(CART);
  const again = cart.greet();
  again.send({ leaseCounter: 1n, frame: windowFrame(2) });
  await nextAcks(again, 1);
  for (const one of [cart, pay]) one.close();
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

test("a certificate of the mesh is nobody's at the operators, and the log says who made a change", async () => {
  const own = await TestEdge.start({ ...SETTINGS, ...CERTIFICATES }, { ...files, ...FILES });
  await own.workloads.ensure("shop/cart");
  const request = { name: "workloads/shop/cart", mode: 4 };
  const setMode = OperatorService.method.setWorkloadMode;
  const sidecar = new TestClient(own.addresses.operator, channelOf(mesh.issue(uris(CART))), OVERRIDE);
  assert.is((await sidecar.refusal(setMode, request)).code, "UNAVAILABLE");
  const admin = new TestClient(own.addresses.operator, channelOf(certificateOf("https://people/admin")), OVERRIDE);
  assert.is((await admin.refusal(setMode, request)).code, "OK");
  const line = own.log.lines.find(({ event }) => event === "mode set");
  assert.equal(line?.fields, { target: "shop/cart", mode: "enforce", operator: "certificate:https://people/admin" });
  assert.not.ok(own.log.has("WITHOUT IDENTITY"));
  for (const one of [sidecar, admin]) one.close();
  await own.stop();
});

test.run();
