// Sidecars behind an Envoy: which of the identities in `x-forwarded-client-cert` is believed, and where none is.

import { Metadata } from "@grpc/grpc-js";
import { check, property, string, stringMatching, tuple } from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseConfig } from "../../../control-plane/config.ts";
import { ControlPlaneError } from "../../../control-plane/errors.ts";
import { identifySidecar } from "../../../control-plane/server/sidecar-identity.ts";
import { forwardedUris } from "../../../control-plane/server/xfcc.ts";
import { Authority, uris } from "../../support/certificates.ts";
import { TestEdge } from "../../support/edge.ts";
import type { End } from "../../support/grpc-client.ts";
import { nextAcks, TestSidecar, windowFrame } from "../../support/sidecar-client.ts";

const CART = "spiffe://cluster.local/ns/shop/sa/cart";
const VICTIM = "spiffe://cluster.local/ns/bank/sa/pay";
/** As Istio's sidecar appends it: our own id, the hash of the peer's certificate, its subject and URI. */
const appended = (uri: string) =>
  `By=spiffe://cluster.local/ns/vedette/sa/vedette;Hash=${"0a".repeat(32)};Subject="";URI=${uri}`;

const read = (header: string): string[] => forwardedUris([header]);

test("the URIs of the last element are read, whatever stands before it", () => {
  const cases: [string, string[]][] = [
    [appended(CART), [CART]],
    [`${appended(VICTIM)},${appended(CART)}`, [CART]],
    [`${appended(VICTIM)}, ${appended(CART)}`, [CART]],
    [`URI=${VICTIM},URI=${VICTIM},URI=${CART}`, [CART]],
    [`By=x;Subject="CN=a,URI=${VICTIM};O=\\"b\\"";URI=${CART}`, [CART]],
    [`uri=${CART};hash=00`, [CART]],
    [`URI="${CART}"`, [CART]],
    [`URI=${VICTIM};URI=${CART}`, [VICTIM, CART]],
    [`URI=${VICTIM},By=;Hash=;Subject="CN=x"`, []],
    [`${appended(VICTIM)} , ${appended(CART)}`, [CART]],
    ["By=;Hash=", []],
  ];
  for (const [header, expected] of cases) assert.equal(read(header), expected, header);
});

test("where an element begins is beyond doubt, or the header is refused whole", () => {
  const mine = appended(CART);
  const hostile = [
    "",
    ",",
    ";",
    `URI=${VICTIM};Subject=",${mine}`,
    `URI=${VICTIM};Subject="\\",${mine}`,
    `URI=${VICTIM};Subject="\\\\\\",${mine}`,
    `URI=${VICTIM};Subject="a"b,${mine}`,
    `URI=${VICTIM};Subject=a"b",${mine}`,
    `URI=${VICTIM}",${mine}`,
    `"URI=${VICTIM}",${mine}`,
    `${mine},`,
    `${mine};`,
    `${mine},,`,
    `=${VICTIM}`,
    `URI`,
    `${"By=x;".repeat(4_000)}URI=${CART}`,
  ];
  for (const header of hostile) {
    assert.throws(
      () => read(header),
      (error: unknown) => ControlPlaneError.from(error).code === "UNAUTHENTICATED",
      header.slice(0, 80),
    );
  }
});

test("whatever a client sends before it, an appended element is the one that counts, or nothing is", () => {
  const pieces = stringMatching(/^["\\,;= a-zURI]{0,12}$/);
  const front = tuple(pieces, pieces, string({ maxLength: 8 })).map(
    ([a, b, c]) => `${a}URI=${VICTIM}${b}${c.replace(/[^\x20-\x7e]/g, "")}`,
  );
  let accepted = 0;
  const outcome = check(
    property(front, (sent) => {
      for (const separator of [",", ", "]) {
        let told: string[];
        try {
          told = read(`${sent}${separator}${appended(CART)}`);
        } catch {
          continue;
        }
        accepted++;
        assert.equal(told, [CART], sent);
      }
    }),
    { seed: 7, numRuns: 20_000 },
  );
  assert.not.ok(outcome.failed, String(outcome.counterexample));
  assert.ok(accepted > 1_000, `${accepted} were accepted`);
});

const config = (identity: string) => {
  const settings: Record<string, string> = {
    VEDETTE_SIDECAR_IDENTITY: identity,
    VEDETTE_OPERATOR_IDENTITY: "none",
    VEDETTE_BINDINGS: "shop/cart=tools/*",
  };
  return parseConfig((name) => settings[name]);
};

test("it is believed from loopback only, once, and as the grammar of SPIFFE ids says", () => {
  const identify = identifySidecar(config("xfcc"));
  const shown = (peer: string, ...headers: string[]) => {
    const metadata = new Metadata();
    for (const header of headers) metadata.add("x-forwarded-client-cert", header);
    return { certificate: undefined, metadata, peer };
  };
  for (const peer of ["127.0.0.1:4711", "::1:4711", "::ffff:127.0.0.1:4711"]) {
    const principal = identify(shown(peer, appended(CART))) as { identity: string; mayServe(target: string): boolean };
    assert.is(principal.identity, CART);
    assert.ok(principal.mayServe("shop/cart") && principal.mayServe("tools/x"));
    assert.not.ok(principal.mayServe("bank/pay"));
  }
  const refused = [
    shown("10.0.0.9:4711", appended(CART)),
    shown("unknown", appended(CART)),
    shown("localhost:1", appended(CART)),
    shown("127.0.0.1:4711"),
    shown("127.0.0.1:4711", appended(VICTIM), appended(CART)),
    shown("127.0.0.1:4711", appended("spiffe://elsewhere/ns/shop/sa/cart")),
    shown("127.0.0.1:4711", `${appended(CART)};URI=${CART}`),
    shown("127.0.0.1:4711", appended("")),
  ];
  for (const one of refused)
    assert.throws(
      () => identify(one),
      (error: unknown) => ControlPlaneError.from(error).code === "UNAUTHENTICATED",
    );
});

async function attempt(
  edge: TestEdge,
  header: string | undefined,
  target = "shop/cart",
  channel?: never,
): Promise<End> {
  const headers: Record<string, string> = header === undefined ? {} : { "x-forwarded-client-cert": header };
  const sidecar = new TestSidecar(edge.addresses.sidecar, channel, {}, headers);
  const stream = sidecar.greet({ targets: [target] });
  stream.send({ leaseCounter: 1n, frame: windowFrame(1, { target }) });
  const accepted = nextAcks(stream, 1).then(() => ({ code: "OK", details: "", fields: [] }));
  const end = await Promise.race([stream.ended, accepted.catch(() => stream.ended)]);
  stream.cancel();
  sidecar.close();
  return end;
}

test("behind an Envoy a sidecar is who that Envoy has seen", async () => {
  const edge = await TestEdge.start({ SIDECAR_IDENTITY: "xfcc" });
  assert.is((await attempt(edge, `${appended(VICTIM)},${appended(CART)}`)).code, "OK");
  assert.is(edge.ingest.reports.at(-1)?.identity, CART);
  assert.is((await attempt(edge, `${appended(VICTIM)},${appended(CART)}`, "bank/pay")).code, "PERMISSION_DENIED");
  assert.is((await attempt(edge, undefined)).code, "UNAUTHENTICATED");
  assert.is((await attempt(edge, `URI=${VICTIM};Subject=",${appended(CART)}`)).code, "UNAUTHENTICATED");
  const entered = edge.audit.refusals.map(({ identity, code }) => [identity, code]);
  assert.equal(entered, [
    [CART, "PERMISSION_DENIED"],
    ["", "UNAUTHENTICATED"],
    ["", "UNAUTHENTICATED"],
  ]);
  await edge.stop();
});

test("under mTLS the header is nothing, and without identity too", async () => {
  const { credentials } = await import("@grpc/grpc-js");
  const mesh = new Authority("mesh");
  const server = mesh.issue([{ type: "dns", value: "control-plane" }]);
  const files = { "ca.pem": mesh.pem, "cert.pem": server.certificate, "key.pem": server.key };
  const settings = { SIDECAR_TLS_CERT: "cert.pem", SIDECAR_TLS_KEY: "key.pem", SIDECAR_TLS_CLIENT_CA: "ca.pem" };
  const edge = await TestEdge.start(settings, files);
  const pair = mesh.issue(uris(VICTIM));
  const channel = credentials.createSsl(Buffer.from(mesh.pem), Buffer.from(pair.key), Buffer.from(pair.certificate));
  const options = { "grpc.ssl_target_name_override": "control-plane" };
  const sidecar = new TestSidecar(edge.addresses.sidecar, channel, options, {
    "x-forwarded-client-cert": appended(CART),
  });
  assert.is((await sidecar.greet({ targets: ["shop/cart"] }).ended).code, "PERMISSION_DENIED");
  sidecar.close();
  await edge.stop();
  const open = await TestEdge.start();
  assert.is((await attempt(open, appended(CART))).code, "OK");
  assert.is(open.ingest.reports.at(-1)?.identity, "local");
  await open.stop();
});

test.run();
