// Operators by Kubernetes: what its API is asked, which of its answers let somebody in, and that its silence does not.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { OperatorService } from "../../../control-plane/gen/vedette/v1/operator_pb.ts";
import type { Https, HttpsRequest, HttpsResponse } from "../../../control-plane/ports/https.ts";
import { SystemHttps } from "../../../control-plane/ports/https.ts";
import { REVIEW_HELD_MS, TokenReviews } from "../../../control-plane/server/token-review.ts";
import { ManualClock } from "../../support/clock.ts";
import { TestEdge, testPorts } from "../../support/edge.ts";
import { TestClient } from "../../support/grpc-client.ts";
import { HttpsServer } from "../../support/https-server.ts";
import { CERTIFICATES_AND_TOKENS, channelOf, FILES, ISSUER, OVERRIDE, token } from "../../support/operators.ts";

const { listNodes, setWorkloadMode } = OperatorService.method;
const GOOD = {
  authenticated: true,
  audiences: ["vedette"],
  user: { username: "system:serviceaccount:ops:bot", groups: ["system:authenticated", "sre"] },
};
const SETTINGS = {
  OPERATOR_KUBERNETES_AUDIENCE: "vedette",
  KUBERNETES_TOKEN: "own-token",
  KUBERNETES_CA: "kubernetes.pem",
};
const BINDINGS = "viewer=kubernetes-group:sre;mode-editor=kubernetes-user:system:serviceaccount:ops:bot";

/** A token of the cluster, as the API server would have made it. */
const clusterToken = (nowMs: number, changes = {}) =>
  token(nowMs, { iss: "https://kubernetes.default.svc", ...changes });

test("the API is asked with our own token, for our audience, over TLS of its own signer", async () => {
  let status: unknown = GOOD;
  const server = await HttpsServer.start(() => ({
    status: 201,
    body: JSON.stringify({ kind: "TokenReview", status }),
  }));
  const files: Record<string, string> = { ...FILES, "own-token": "secret-one\n", "kubernetes.pem": server.ca };
  const settings = { ...CERTIFICATES_AND_TOKENS, ...SETTINGS, KUBERNETES_API: server.url };
  const edge = await TestEdge.start(
    { ...settings, OPERATOR_ROLES: `${settings.OPERATOR_ROLES};${BINDINGS}` },
    files,
    undefined,
    new SystemHttps(),
  );
  const shown = await clusterToken(edge.clock.nowMs());
  const client = new TestClient(edge.addresses.operator, channelOf(), OVERRIDE, { authorization: `Bearer ${shown}` });
  await edge.workloads.ensure("shop/cart");
  assert.is((await client.refusal(listNodes, {})).code, "OK");
  assert.is((await client.refusal(setWorkloadMode, { name: "workloads/shop/cart", mode: 2 })).code, "OK");
  const line = edge.log.lines.find(({ event }) => event === "mode set");
  assert.is(line?.fields.operator, "kubernetes:system:serviceaccount:ops:bot");
  const [asked, ...more] = server.asked;
  assert.equal(more, [], "one question served both");
  assert.equal([asked?.method, asked?.path], ["POST", "/apis/authentication.k8s.io/v1/tokenreviews"]);
  assert.is(asked?.headers.authorization, "Bearer secret-one");
  assert.equal((JSON.parse(asked!.body) as { spec: unknown }).spec, { token: shown, audiences: ["vedette"] });

  files["own-token"] = "secret-two";
  edge.clock.advance(REVIEW_HELD_MS);
  assert.is((await client.refusal(listNodes, {})).code, "OK");
  assert.is(server.asked[1]?.headers.authorization, "Bearer secret-two", "our own token rotates");
  status = { authenticated: false, error: "expired" };
  edge.clock.advance(REVIEW_HELD_MS);
  assert.is((await client.refusal(listNodes, {})).code, "UNAUTHENTICATED");

  // A token of the issuer goes to the issuer's keys, and nowhere else.
  const before = server.asked.length;
  const authorization = `Bearer ${await token(edge.clock.nowMs(), { iss: ISSUER })}`;
  const oidc = new TestClient(edge.addresses.operator, channelOf(), OVERRIDE, { authorization });
  assert.is((await oidc.refusal(listNodes, {})).code, "OK");
  assert.is(server.asked.length, before);
  for (const one of [client, oidc]) one.close();
  await edge.stop();
  await server.stop();
});

test("an API that cannot be trusted or does not answer in time is not believed", async () => {
  const server = await HttpsServer.start(() => undefined);
  const https = new SystemHttps();
  const asked = { url: server.url, method: "GET", headers: {}, timeoutMs: 50, bytesMax: 1000 } as const;
  const failure = async (request: HttpsRequest) =>
    await https.send(request).then(
      () => "answered",
      (error: Error) => error.message,
    );
  assert.match(await failure({ ...asked, ca: Buffer.from(server.ca) }), /no answer within 50 ms/);
  assert.match(await failure({ ...asked, timeoutMs: 10_000 }), /certificate/i);
  assert.match(
    await failure({ ...asked, url: server.url.replace("https:", "http:") }),
    /Protocol "http:" not supported/,
  );
  await server.stop();
});

/** Reviews over a network that answers as the test says. */
function reviews(answering: (asked: HttpsRequest) => Promise<HttpsResponse>) {
  const clock = new ManualClock();
  const https: Https & { count: number } = {
    count: 0,
    send(asked) {
      this.count++;
      return answering(asked);
    },
  };
  const ports = { ...testPorts(clock, { token: "t", ca: "c" }), https };
  const settings = { audience: "vedette", api: "https://kubernetes.test/", token: "token", ca: "ca" };
  return { clock, https, reviews: new TokenReviews(settings, new Map(), ports) };
}

const answer = (status: unknown, code = 201) => Promise.resolve({ status: code, body: JSON.stringify({ status }) });
const codeOf = async (action: () => Promise<unknown>): Promise<string> => {
  return await Promise.resolve()
    .then(action)
    .then(
      () => "OK",
      (error: { code: string }) => error.code,
    );
};

test("only an answer that says authenticated, for our audience, and who, lets somebody in", async () => {
  const cases: [string, unknown][] = [
    ["OK", GOOD],
    ["UNAUTHENTICATED", undefined],
    ["UNAUTHENTICATED", {}],
    ["UNAUTHENTICATED", { ...GOOD, authenticated: "true" }],
    ["UNAUTHENTICATED", { ...GOOD, audiences: ["https://kubernetes.default.svc"] }],
    ["UNAUTHENTICATED", { ...GOOD, audiences: undefined }],
    ["UNAUTHENTICATED", { ...GOOD, user: { username: "" } }],
    ["UNAUTHENTICATED", { ...GOOD, user: null }],
  ];
  for (const [code, status] of cases) {
    const { reviews: subject } = reviews(() => answer(status));
    assert.is(await codeOf(() => subject.review("token")), code, JSON.stringify(status));
  }
});

test("no answer is a refusal, and is not remembered; a no is, for a minute", async () => {
  const failures: (() => Promise<HttpsResponse>)[] = [
    () => Promise.reject(new Error("ECONNREFUSED")),
    () => answer(GOOD, 403),
    () => answer(GOOD, 500),
    () => Promise.resolve({ status: 200, body: "<html>" }),
  ];
  for (const failing of failures) {
    let now = failing;
    const { reviews: subject } = reviews(() => now());
    assert.is(await codeOf(() => subject.review("token")), "UNAVAILABLE");
    now = () => answer(GOOD);
    assert.is(await codeOf(() => subject.review("token")), "OK");
  }
  const { reviews: subject, https, clock } = reviews(() => answer({ authenticated: false }));
  for (let i = 0; i < 5; i++) assert.is(await codeOf(() => subject.review("token")), "UNAUTHENTICATED");
  assert.is(https.count, 1);
  clock.advance(REVIEW_HELD_MS);
  await codeOf(() => subject.review("token"));
  assert.is(https.count, 2);
});

test("an answer does not outlive the token, and what is remembered is bounded", async () => {
  const { reviews: subject, https, clock } = reviews(() => answer(GOOD));
  const short = await clusterToken(clock.nowMs(), { exp: clock.nowMs() / 1000 + 20 });
  assert.is((await subject.review(short)).expiresAtMs, clock.nowMs() + 20_000);
  for (let i = 0; i < 1024; i++) await subject.review(`token-${i}`);
  const before = https.count;
  await subject.review("token-1023");
  assert.is(https.count, before);
  await subject.review(short);
  assert.is(https.count, before + 1, "the oldest made room");
});

test("no more than 32 questions are on their way at once", async () => {
  const waiting: (() => void)[] = [];
  const { reviews: subject } = reviews(async () => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    return await answer(GOOD);
  });
  const asked = Array.from({ length: 32 }, (_, i) => subject.review(`token-${i}`));
  assert.is(await codeOf(() => subject.review("one more")), "UNAVAILABLE");
  for (const resolve of waiting) resolve();
  await Promise.all(asked);
  const last = subject.review("one more");
  waiting.at(-1)?.();
  assert.is(await codeOf(() => last), "OK");
});

test.run();
