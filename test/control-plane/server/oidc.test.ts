// Operators by token: what is let in, every forgery that is not, and signers that rotate, fail and come back.

import { createPublicKey } from "node:crypto";
import { base64url, exportJWK, generateKeyPair, UnsecuredJWT } from "jose";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { OperatorService } from "../../../control-plane/gen/vedette/v1/operator_pb.ts";
import { SystemHttps } from "../../../control-plane/ports/https.ts";
import { KEYS_FRESH_MS, KEYS_HELD_MS, KEYS_RETRY_MS } from "../../../control-plane/server/keys.ts";
import { ALGORITHMS } from "../../../control-plane/server/oidc.ts";
import { TOKEN_MAX } from "../../../control-plane/server/operators.ts";
import type { Pair } from "../../support/certificates.ts";
import { TestEdge } from "../../support/edge.ts";
import { type End, TestClient } from "../../support/grpc-client.ts";
import { type Answer, HttpsServer } from "../../support/https-server.ts";
import {
  CERTIFICATES_AND_TOKENS,
  certificateOf,
  channelOf,
  FILES,
  ISSUER,
  issuerKeys,
  OVERRIDE,
  token,
} from "../../support/operators.ts";

const { listNodes, setWorkloadMode, watchDenials } = OperatorService.method;
const other = await generateKeyPair("RS256", { extractable: true });
const files = { ...FILES };
const edge = await TestEdge.start(CERTIFICATES_AND_TOKENS, files);
test.after(() => edge.stop());

const now = (): number => edge.clock.nowMs();

/** How ListNodes ends with this authorization. */
async function attempt(authorization: string, on = edge, pair?: Pair): Promise<End> {
  const client = new TestClient(on.addresses.operator, channelOf(pair), OVERRIDE, { authorization });
  const end = await client.refusal(listNodes, {});
  client.close();
  return end;
}

const bearer = async (
  ...changes: Parameters<typeof token> extends [number, ...infer R] ? R : never
): Promise<string> => {
  return `Bearer ${await token(now(), ...changes)}`;
};

test("a token of the issuer lets its subject in, with the roles it is bound to", async () => {
  assert.is((await attempt(await bearer())).code, "OK");
  const headers = { authorization: await bearer({ sub: "mode-editor" }) };
  const client = new TestClient(edge.addresses.operator, channelOf(), OVERRIDE, headers);
  await edge.workloads.ensure("shop/cart");
  assert.is((await client.refusal(setWorkloadMode, { name: "workloads/shop/cart", mode: 2 })).code, "OK");
  const line = edge.log.lines.find(({ event }) => event === "mode set");
  assert.is(line?.fields.operator, "oidc:mode-editor");
  client.close();
  assert.is((await attempt(await bearer({ sub: "stranger" }))).code, "PERMISSION_DENIED");
});

test("tokens signed with each algorithm of the list are taken, where the key is of its kind", async () => {
  const keys: unknown[] = [];
  const tokens: Record<string, string> = {};
  for (const alg of ALGORITHMS) {
    const pair = await generateKeyPair(alg, { extractable: true });
    keys.push({ ...(await exportJWK(pair.publicKey)), kid: alg });
    tokens[alg] = await token(now(), {}, { alg, kid: alg }, pair.privateKey);
  }
  const own = await TestEdge.start(CERTIFICATES_AND_TOKENS, { ...FILES, "jwks.json": JSON.stringify({ keys }) });
  for (const [alg, one] of Object.entries(tokens)) assert.is((await attempt(`Bearer ${one}`, own)).code, "OK", alg);
  await own.stop();
});

test("a role can be bound to a group", async () => {
  const settings = {
    ...CERTIFICATES_AND_TOKENS,
    OPERATOR_ROLES: "viewer=oidc-group:sre",
    OPERATOR_OIDC_GROUPS: "teams",
  };
  const own = await TestEdge.start(settings, FILES);
  const cases: [string, Record<string, unknown>][] = [
    ["OK", { teams: ["dev", "sre"] }],
    ["OK", { teams: "sre" }],
    ["PERMISSION_DENIED", { teams: ["sre2", 7, null] }],
    ["PERMISSION_DENIED", { groups: ["sre"] }],
    ["PERMISSION_DENIED", { teams: { sre: true } }],
  ];
  for (const [code, claims] of cases) {
    const end = await attempt(await bearer({ sub: "bob", ...claims }), own);
    assert.is(end.code, code, JSON.stringify(claims));
  }
  await own.stop();
});

test("forged and foreign tokens are refused, and nothing of them is told back", async () => {
  const seconds = Math.floor(now() / 1000);
  const claims = { iss: ISSUER, aud: "vedette", sub: "admin", exp: seconds + 600 };
  const none = new UnsecuredJWT(claims).encode();
  const publicPem = createPublicKey({ key: await exportJWK(issuerKeys.publicKey), format: "jwk" })
    .export({ type: "spki", format: "pem" })
    .toString();
  const good = await token(now());
  const [header, , signature] = good.split(".");
  const payload = base64url.encode(JSON.stringify({ ...claims, sub: "admin" }));
  const ec = await generateKeyPair("ES256", { extractable: true });
  const embedded = { jwk: await exportJWK(other.publicKey), jku: "https://evil.test/jwks", x5u: "https://evil.test/c" };
  const refused: Record<string, string> = {
    "alg none": none,
    "alg none, with a signature": `${none}${signature}`,
    "HMAC with the public key": await token(now(), {}, { alg: "HS256" }, new TextEncoder().encode(publicPem)),
    "HMAC with the modulus": await token(
      now(),
      {},
      { alg: "HS256" },
      new TextEncoder().encode((await exportJWK(issuerKeys.publicKey)).n),
    ),
    "another payload under a good signature": `${header}.${payload}.${signature}`,
    "another key under the known id": await token(now(), {}, {}, other.privateKey),
    "a key that the token brings": await token(now(), {}, { ...embedded, kid: "evil" }, other.privateKey),
    "another algorithm": await token(now(), {}, { alg: "ES256" }, ec.privateKey),
    "another audience": await token(now(), { aud: "another" }),
    "no audience": await token(now(), { aud: undefined }),
    "another issuer": await token(now(), { iss: "https://issuer.test.evil" }),
    "no issuer": await token(now(), { iss: undefined }),
    expired: await token(now() - 3_600_000),
    "not valid yet": await token(now(), { nbf: seconds + 600 }),
    "without an end": await token(now(), { exp: undefined }),
    "without a subject": await token(now(), { sub: undefined }),
    "with an empty subject": await token(now(), { sub: "" }),
    rubbish: "e30.e30.e30",
  };
  for (const [what, forged] of Object.entries(refused)) {
    const end = await attempt(`Bearer ${forged}`);
    assert.is(end.code, "UNAUTHENTICATED", what);
    assert.match(end.details, /^bearer token: (ERR_\w+|sub, must be .*)$/, what);
  }
  const last = edge.audit.refusals.at(-1)!;
  assert.equal([last.identity, last.method, last.code], ["", "ListNodes", "UNAUTHENTICATED"]);
});

test("a hostile key id finds no key and no file", async () => {
  const ids = ["../../etc/passwd", "jwks.json", "' OR 1=1 --", "__proto__", "constructor", "a".repeat(8_000), "\u0000"];
  for (const kid of ids) {
    const end = await attempt(`Bearer ${await token(now(), {}, { kid }, other.privateKey)}`);
    assert.is(end.code, "UNAUTHENTICATED", kid.slice(0, 32));
  }
});

test("an authorization that is no one bearer token is refused before it is read", async () => {
  const good = await token(now());
  for (const authorization of [
    "",
    "Bearer",
    `Basic ${good}`,
    good,
    `Bearer ${good} x`,
    `Bearer ${good},Bearer ${good}`,
    `Bearer ${"a".repeat(TOKEN_MAX + 1)}`,
  ]) {
    assert.is((await attempt(authorization)).code, "UNAUTHENTICATED", authorization.slice(0, 32));
  }
});

test("who shows a token is known by it alone: a certificate beside it does not help a bad one", async () => {
  const admin = certificateOf("https://people/admin");
  assert.is((await attempt("Bearer e30.e30.e30", edge, admin)).code, "UNAUTHENTICATED");
  assert.is((await attempt(await bearer({ sub: "stranger" }), edge, admin)).code, "PERMISSION_DENIED");
});

test("a stream ends when its token does, or its reader is banned", async () => {
  const own = await TestEdge.start(CERTIFICATES_AND_TOKENS, FILES);
  const headers = { authorization: `Bearer ${await token(own.clock.nowMs())}` };
  const client = new TestClient(own.addresses.operator, channelOf(), OVERRIDE, headers);
  const watching = async () => {
    const watch = client.serverStream(watchDenials, {});
    while (own.edge.denials.watching === 0) await new Promise((resolve) => setImmediate(resolve));
    return watch;
  };
  const first = await watching();
  await own.bans.create("oidc:viewer", "test", { identity: "local", method: "CreateBan" });
  own.clock.advance(1_000);
  assert.is((await first.ended).code, "PERMISSION_DENIED");
  assert.is((await client.refusal(listNodes, {})).code, "PERMISSION_DENIED");
  await own.bans.delete("oidc:viewer");
  const second = await watching();
  own.clock.advance(640_000);
  assert.is((await second.ended).code, "UNAUTHENTICATED");
  client.close();
  await own.stop();
});

/** An edge whose issuer's signers are had over HTTPS; answers are `answer`. */
async function overHttps(answer: { now: Answer }) {
  const server = await HttpsServer.start(() => answer.now);
  const settings = {
    ...CERTIFICATES_AND_TOKENS,
    OPERATOR_OIDC_JWKS: `${server.url}/keys`,
    OPERATOR_OIDC_CA: "web.pem",
  };
  const own = await TestEdge.start(settings, { ...FILES, "web.pem": server.ca }, undefined, new SystemHttps());
  const stop = async () => {
    await own.stop();
    await server.stop();
  };
  return { server, own, stop };
}

const jwks = async (...pairs: [string, typeof issuerKeys][]): Promise<Answer> => ({
  body: JSON.stringify({
    keys: await Promise.all(pairs.map(async ([kid, pair]) => ({ ...(await exportJWK(pair.publicKey)), kid }))),
  }),
});

test("signers are had once over HTTPS, and again for a key id that is new", async () => {
  const answer = { now: await jwks(["one", issuerKeys]) };
  const { server, own, stop } = await overHttps(answer);
  const at = () => own.clock.nowMs();
  const twice = await Promise.all([
    attempt(`Bearer ${await token(at())}`, own),
    attempt(`Bearer ${await token(at())}`, own),
  ]);
  assert.equal(
    twice.map(({ code }) => code),
    ["OK", "OK"],
  );
  assert.is(server.asked.length, 1);
  assert.equal([server.asked[0]?.method, server.asked[0]?.path], ["GET", "/keys"]);
  answer.now = await jwks(["one", issuerKeys], ["two", other]);
  const rotated = async () =>
    (await attempt(`Bearer ${await token(at(), {}, { kid: "two" }, other.privateKey)}`, own)).code;
  assert.is(await rotated(), "UNAUTHENTICATED", "not asked again at once");
  assert.is(server.asked.length, 1);
  own.clock.advance(KEYS_RETRY_MS);
  assert.is(await rotated(), "OK");
  assert.is(server.asked.length, 2);
  await stop();
});

test("where the issuer fails the last signers hold for an hour, then nobody is let in until it is back", async () => {
  const answer = { now: await jwks(["one", issuerKeys]) };
  const { own, stop } = await overHttps(answer);
  const code = async () => (await attempt(`Bearer ${await token(own.clock.nowMs())}`, own)).code;
  assert.is(await code(), "OK");
  for (const failing of [
    { status: 500, body: "" },
    { body: "{}" },
    { body: "x".repeat(300_000) },
    { status: 302, headers: { location: "https://evil.test/" }, body: "" },
  ]) {
    answer.now = failing;
    own.clock.advance(KEYS_FRESH_MS);
    assert.is(await code(), "OK", JSON.stringify(failing).slice(0, 60));
  }
  own.clock.advance(KEYS_HELD_MS - 4 * KEYS_FRESH_MS);
  assert.is(await code(), "UNAVAILABLE");
  answer.now = await jwks(["one", issuerKeys]);
  own.clock.advance(KEYS_RETRY_MS);
  assert.is(await code(), "OK");
  await stop();
});

test("a shared secret or a private key in the set is not taken", async () => {
  const secret = new TextEncoder().encode("a secret that every reader of the set knows");
  const oct = { kty: "oct", k: base64url.encode(secret), kid: "secret", alg: "HS256" };
  const priv = { ...(await exportJWK(other.privateKey)), kid: "private" };
  const own = await TestEdge.start(CERTIFICATES_AND_TOKENS, {
    ...FILES,
    "jwks.json": JSON.stringify({ keys: [oct, priv] }),
  });
  const at = own.clock.nowMs();
  assert.is(
    (await attempt(`Bearer ${await token(at, {}, { alg: "HS256", kid: "secret" }, secret)}`, own)).code,
    "UNAUTHENTICATED",
  );
  assert.is(
    (await attempt(`Bearer ${await token(at, {}, { kid: "private" }, other.privateKey)}`, own)).code,
    "UNAUTHENTICATED",
  );
  await own.stop();
});

test.run();
