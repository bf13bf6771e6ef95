// What is learnt from and what leaves the sidecar: sums that equal the reference's, nothing small, no name too early,
// no content ever.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { HeaderList } from "../host/exchange.ts";
import { extract } from "../reference/features.ts";
import { bucketOf } from "../reference/histogram.ts";
import { addBins, emptyCell } from "../reference/moments.ts";
import { routeOf } from "../reference/route.ts";
import { keyOf } from "../reference/siphash.ts";
import { hashKey } from "../support/sections.ts";
import { quoteScore } from "../support/snapshot.ts";
import { Mesh, quoted, SPIFFE, sumResponses } from "./mesh.ts";

const routeKey = (route: string) => keyOf(hashKey.key, Buffer.from(route));
const one = () => new Mesh({ workers: 1 }).adopt();
const GRPC: HeaderList = [["content-type", "application/grpc"]];

function total(numbers: (number | bigint)[]): number {
  return numbers.reduce<number>((sum, n) => sum + Number(n), 0);
}

test("moments equal those of the reference, sum by sum", () => {
  const mesh = one();
  const paths = Array.from(
    { length: 60 },
    (_, i) => `/items/${i}?sort=price&page=${i * i}&q=caf%C3%A9${"z".repeat(i % 7)}`,
  );
  let cell = emptyCell();
  for (const path of paths) {
    mesh.request({ path });
    cell = addBins(cell, extract(path).first);
  }
  mesh.settle();
  const groups = mesh.windows().flatMap((window) => window.moments);
  assert.is(total(groups.map((group) => group.n)), 60);
  assert.equal(groups[0]!.sums.map(Number), [...cell.sums].map(Number));
  assert.equal(groups[0]!.products.map(Number), [...cell.products].map(Number));
});

test("score histograms carry the model's id and the law's buckets", () => {
  const mesh = one();
  mesh.requests(11, { path: quoted(0) });
  mesh.requests(12, { path: quoted(1) });
  mesh.settle();
  const counts = new Map<number, number>();
  for (const histogram of mesh.windows().flatMap((window) => window.scores)) {
    histogram.buckets.forEach((bucket, i) => {
      counts.set(bucket, (counts.get(bucket) ?? 0) + Number(histogram.counts[i]));
    });
  }
  assert.equal(
    [...counts].sort((a, b) => a[0] - b[0]),
    [
      [bucketOf(0), 11],
      [bucketOf(quoteScore(1)), 12],
    ],
  );
});

test("a route is its method and template; its key is the keyed hash of the route", () => {
  const mesh = one();
  mesh.requests(25, { path: "/orders/12345/items?x=1" });
  mesh.requests(25, { path: "/orders/99/items", method: "POST" });
  mesh.settle();
  const routes = mesh.windows().flatMap((window) => window.routes);
  assert.equal(routes.map((route) => route.name).sort(), ["GET /orders/*/items", "POST /orders/99/items"]);
  assert.ok(routes.some((route) => route.key === routeKey("GET /orders/*/items") && route.n === 25n));
  assert.is(routeOf("GET", "/orders/12345/items", false), "GET /orders/*/items");
});

test("cells with fewer than ten requests stay in the sidecar and are carried over", () => {
  const mesh = one();
  mesh.requests(9);
  mesh.settle();
  const [first] = mesh.windows();
  assert.equal([first!.moments, first!.routes, first!.callers, first!.edges], [[], [], [], []]);
  assert.is(Number(first!.counts!.seen), 9, "counts are of the whole target");
  mesh.requests(1);
  mesh.settle();
  const second = mesh.windows().at(-1)!;
  assert.is(second.moments[0]!.n, 10n);
  assert.is(second.routes[0]!.n, 10n);
  assert.is(second.callers[0]!.n, 10n);
  assert.is(second.edges[0]!.n, 10n);
});

test("a route's name leaves after twenty requests, or from three callers; before, only its key", () => {
  const mesh = one();
  mesh.requests(10, { path: "/rare" });
  mesh.settle();
  assert.equal(
    mesh.windows().flatMap((window) => window.routes.map((route) => route.name)),
    [""],
  );
  mesh.requests(10, { path: "/rare" });
  mesh.settle();
  assert.is(mesh.windows().at(-1)!.routes[0]!.name, "GET /rare");

  const shared = one();
  for (let i = 0; i < 12; i++) shared.request({ path: "/shared", identity: `${SPIFFE}-${i % 3}` });
  shared.settle();
  assert.ok(shared.windows().some((window) => window.routes.some((route) => route.name === "GET /shared")));

  const two = one();
  for (let i = 0; i < 12; i++) two.request({ path: "/two", identity: `${SPIFFE}-${i % 2}` });
  two.settle();
  assert.not.ok(two.windows().some((window) => window.routes.some((route) => route.name === "GET /two")));
});

test("a parameter's name leaves with a denial only after twenty requests or three callers", () => {
  const nameOf = (mesh: Mesh) =>
    mesh.plane
      .of("denials")
      .flatMap((batch) => batch.denials)
      .at(-1)!.reason!;
  const early = one();
  early.requests(5, { path: "/search?coupon=1" });
  early.request({ path: "/search?coupon=''''" });
  early.sidecar.tick(1000);
  assert.is(nameOf(early).segmentName, "");
  assert.is(nameOf(early).segmentKey, keyOf(hashKey.key, Buffer.from("name:coupon")));
  early.requests(20, { path: "/search?coupon=1" });
  early.request({ path: "/search?coupon=''''" });
  early.sidecar.tick(1000);
  assert.is(nameOf(early).segmentName, "coupon");
});

test("tokens in paths, names and values never leave, in any frame", () => {
  const mesh = one();
  const secrets = ["9f86d081884c7d65", "s3cr3t-t0ken-0042", "4111111111111111", "alice@example.com", "hunter2"];
  for (let i = 0; i < 30; i++) {
    for (const secret of secrets) {
      mesh.request({
        path: `/reset/${secret}${i}?${secret}${i}=1&q=${secret}`,
        headers: [
          ["authorization", `Bearer ${secret}`],
          ["cookie", `session=${secret}`],
        ],
        identity: `${SPIFFE}-${i % 4}`,
      });
    }
  }
  mesh.request({ path: `/reset?q=''''${secrets[4]}` });
  mesh.settle();
  const sent = mesh.plane.streams
    .flatMap((stream) => stream.frames)
    .map((frame) => JSON.stringify(frame, (_, value) => (typeof value === "bigint" ? String(value) : value)))
    .join("\n");
  for (const secret of secrets) assert.not(sent.includes(secret), secret);
  const logs = mesh.sidecar.logs.map((line) => line.text).join("\n");
  for (const secret of secrets) assert.not(logs.includes(secret), `log: ${secret}`);
});

test("responses are counted by class, failures by route and edge: 5xx, and a gRPC status that is not 0", () => {
  const mesh = one();
  for (let i = 0; i < 30; i++) mesh.request({ path: "/a", code: [200, 404, 503][i % 3]! });
  for (let i = 0; i < 20; i++) {
    mesh.request({ path: "/shop.Stock/Get", method: "POST", headers: GRPC, grpcStatus: i % 4 === 0 ? 14 : 0 });
  }
  mesh.settle();
  const windows = mesh.windows();
  assert.equal(sumResponses(windows), [0, 10 + 20, 0, 10, 10]);
  const routes = windows.flatMap((window) => window.routes);
  const failures = (key: bigint) => total(routes.filter((route) => route.key === key).map((route) => route.failures));
  assert.is(failures(routeKey("GET /a")), 10);
  const grpcRoute = routeOf("POST", "/shop.Stock/Get", true);
  assert.is(failures(routeKey(grpcRoute)), 5);
  assert.is(total(windows.flatMap((window) => window.edges.map((edge) => edge.failures))), 15);
  const grpcCells = routes.filter((route) => route.key === routeKey(grpcRoute));
  assert.ok(
    grpcCells.every((route) => route.sums.length === 0),
    "gRPC routes have no features",
  );
});

test("a gRPC request is counted and never scored or learnt from", () => {
  const mesh = one();
  for (const contentType of ["application/grpc", "application/grpc+proto", "application/grpc-web"]) {
    const headers: HeaderList = [["content-type", contentType]];
    assert.is(mesh.request({ method: "POST", path: "/shop.v1.Stock/Get", headers }).status, 200, contentType);
  }
  mesh.settle();
  const counts = mesh.counts();
  assert.equal([counts.seen, counts.scored, counts.learnt, counts.skipped[3]], [3, 0, 0, 3]);
});

test("a content type leads no attack around the model: what has no gRPC path is judged", () => {
  const mesh = one();
  const headers: HeaderList = [["content-type", "application/grpc"]];
  const attack = "'".repeat(9);
  for (const path of [quoted(9), `/a.B/C${attack}`, `/a.B/C?x=${attack}`, `/${attack}/C`, `/a.B/C/${attack}`]) {
    assert.is(mesh.request({ method: "POST", path, headers }).status, 403, path);
  }
  assert.is(mesh.request({ method: "GET", path: `/shop.v1.Stock/Get?x=${attack}`, headers }).status, 403);
});

test("an upgrade is judged, learnt from and counted once, at its headers", () => {
  const mesh = one();
  const headers: HeaderList = [
    ["connection", "upgrade"],
    ["upgrade", "websocket"],
  ];
  assert.is(mesh.request({ path: quoted(9), headers }).status, 403);
  const open = Array.from({ length: 12 }, () => mesh.sidecar.open({ headers, identity: SPIFFE, code: 101 }));
  mesh.settle();
  const counts = mesh.counts();
  assert.equal([counts.seen, counts.scored, counts.learnt, counts.deniedByModel], [13, 13, 12, 1]);
  for (const { finish } of open) finish();
  mesh.settle();
  assert.is(mesh.counts().seen, 13);
});

test("retries are marked and not learnt from", () => {
  const mesh = one();
  mesh.requests(12);
  mesh.requests(15, { headers: [["x-envoy-attempt-count", "2"]] });
  mesh.requests(3, { headers: [["x-envoy-attempt-count", "1"]] });
  mesh.settle();
  const counts = mesh.counts();
  assert.equal([counts.seen, counts.retries, counts.learnt], [30, 15, 15]);
});

test("a request that another filter answered is counted from its log, and judged by nobody", () => {
  const mesh = one();
  mesh.requests(12);
  mesh.requests(5, { answeredBefore: true, code: 401 });
  mesh.settle();
  const counts = mesh.counts();
  assert.equal([counts.seen, counts.scored, counts.answeredBefore, counts.skipped[9]], [17, 12, 5, 5]);
  assert.equal(sumResponses(mesh.windows()), [0, 12, 0, 5, 0]);
});

test("the client side counts edges only", () => {
  const mesh = new Mesh({ workers: 1, config: { direction: "client" } }).adopt();
  assert.is(mesh.request({ path: quoted(9) }).status, 200);
  mesh.requests(14);
  mesh.settle();
  const counts = mesh.counts();
  assert.equal([counts.seen, counts.scored, counts.learnt, counts.skipped[8]], [15, 0, 0, 15]);
  const windows = mesh.windows();
  assert.equal(
    windows.flatMap((window) => [...window.moments, ...window.scores, ...window.routes]),
    [],
  );
  assert.ok(total(windows.flatMap((window) => window.edges.map((edge) => edge.n))) >= 14);
});

test("headers and the host are in no feature", () => {
  const mesh = one();
  const headers: HeaderList = [
    ["user-agent", "''''''''"],
    ["cookie", "q=''''"],
    ["x-request-id", "''''"],
  ];
  assert.is(mesh.request({ headers, authority: "''''" }).status, 200);
});

test("more routes than the table holds are counted together, under key 0, and the table empties again", () => {
  const mesh = one();
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 400; i++)
      mesh.requests(6, {
        path: `/${"abcdefghij"[i % 10]}${"klmnopqrst"[Math.floor(i / 10) % 10]}/${"uvwx"[Math.floor(i / 100)]}`,
      });
  }
  mesh.settle();
  const windows = mesh.windows();
  const routes = windows.flatMap((window) => window.routes);
  assert.ok(routes.some((route) => route.key === 0n));
  assert.ok((mesh.counts().bounds[1] ?? 0) > 0);
  assert.is(total(routes.map((route) => route.n)), 4800);
  for (const window of windows) assert.ok(window.routes.length <= 257 && window.edges.length <= 1024);
});

test("a log that never comes loses the response, not the count, and lets the slot go", () => {
  const mesh = one();
  mesh.requests(5000, { withoutLog: true });
  mesh.requests(20);
  mesh.settle();
  const counts = mesh.counts();
  assert.is(counts.seen, 5020);
  assert.is(counts.skipped[6] ?? 0, 0, "no request wanted for a slot");
  assert.equal(mesh.sidecar.failures, []);
});

test("more live requests than there are slots are counted all the same", () => {
  const mesh = one();
  const open = Array.from({ length: 2100 }, () => mesh.sidecar.open({ identity: SPIFFE }));
  assert.ok(open.every(({ exchange }) => exchange.passed));
  for (const { finish } of open) finish();
  mesh.settle();
  assert.is(mesh.counts().seen, 2100);
  assert.equal(mesh.sidecar.failures, []);
});

test.run();
