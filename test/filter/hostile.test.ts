// Whatever a client sends is answered as without the filter, counted, and traps nothing. Requests far beyond every
// bound included.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { HEADERS_MAX, MEMORY_PAGES_MAX } from "../../filter/core/limits.ts";
import type { HeaderList } from "../host/exchange.ts";
import type { RequestSpec } from "../host/request.ts";
import { OWN_ATTACKS } from "../support/own-attacks.ts";
import { Prng } from "../support/prng.ts";
import { targets } from "../support/requests.ts";
import { model, settings } from "../support/sections.ts";
import { FAST, quoteSection } from "../support/snapshot.ts";
import { Mesh, quoted } from "./mesh.ts";

const many = (count: number, value = "v"): HeaderList => Array.from({ length: count }, (_, i) => [`x-h-${i}`, value]);

const HOSTILE: [string, RequestSpec][] = [
  ["500 headers", { headers: many(500) }],
  ["1,000 headers", { headers: many(1000) }],
  ["invalid escapes", { path: "/%zz/%1/%?%=%&%%%25%2" }],
  ["NUL", { path: "/a\0b?\0=\0" }],
  ["high bytes", { path: "/\x80\xff\xc0\xaf?\xfe=\xed\xa0\x80" }],
  ["an empty path", { path: "" }],
  ["a star", { path: "*", method: "OPTIONS" }],
  ["an absolute-form path", { path: "http://user@host:80//a/./../b?c#d" }],
  [
    "duplicate pseudo-headers",
    {
      headers: [
        [":path", "/other"],
        [":method", "PUT"],
      ],
    },
  ],
  [
    "duplicates",
    {
      headers: [
        ["x-request-id", "a"],
        ["x-request-id", "b"],
        ["cookie", "a=1"],
        ["cookie", "b=2"],
      ],
    },
  ],
  ["a path of 60 KiB", { path: `/${"a".repeat(61_440)}` }],
  ["a path of 60 KiB of separators", { path: "/".repeat(61_440) }],
  ["a query of 60 KiB of parameters", { path: `/?${"a=b&".repeat(15_360)}` }],
  ["a query of 60 KiB of escapes", { path: `/?a=${"%25".repeat(20_000)}` }],
  ["a long method", { method: "A".repeat(1000) }],
  ["an empty method", { method: "" }],
  [
    "empty header names and values",
    {
      headers: [
        ["", ""],
        ["x", ""],
      ],
    },
  ],
  ["a header of 60 KiB", { headers: [["x-long", "y".repeat(61_440)]] }],
  ["a content type of 60 KiB", { headers: [["content-type", "application/grpc".repeat(3000)]] }],
  ["an attempt count that is no number", { headers: [["x-envoy-attempt-count", "99999999999999999999x"]] }],
  ["an upgrade without a connection", { headers: [["upgrade", "\xff"]] }],
];

test("hostile requests pass as without the filter, are counted once each, and trap nothing", () => {
  const mesh = new Mesh({ workers: 1 }).adopt({ model: model(undefined) });
  const pages = mesh.sidecar.worker(0).pages;
  for (const [title, spec] of HOSTILE) {
    assert.is(mesh.request(spec).status, 200, title);
    assert.equal(mesh.sidecar.failures, [], title);
  }
  assert.is(mesh.sidecar.worker(0).pages, pages, "no memory was asked for");
  mesh.settle();
  assert.is(mesh.counts().seen, HOSTILE.length);
});

test("the same with a model, with rules of callers, and in every mode", () => {
  for (const mode of [1, 2, 3, 4]) {
    const mesh = new Mesh({ workers: 1 }).adopt({ settings: settings({ ...FAST, mode }) });
    for (const [title, spec] of HOSTILE) {
      const { status } = mesh.request(spec);
      assert.ok(status === 200 || (mode === 4 && status === 403), `${title}: ${status}`);
    }
    assert.equal(mesh.sidecar.failures, []);
  }
});

/** Header pairs of more bytes than the bound. */
const oversize: RequestSpec = { headers: many(40, "x".repeat(HEADERS_MAX / 32)) };

test("headers beyond the bound are a verdict of their own: passed or denied as the settings say", () => {
  const allowed = new Mesh({ workers: 1 }).adopt();
  assert.is(allowed.request(oversize).status, 200);
  allowed.settle();
  assert.equal([allowed.counts().seen, allowed.counts().skipped[5]], [1, 1]);

  const refusing = settings({ ...FAST, oversize: 2 });
  const denied = new Mesh({ workers: 1 }).adopt({ settings: refusing });
  const exchange = denied.request(oversize);
  assert.is(exchange.status, 403);
  assert.match(exchange.filterState.get("vedette")!, /^deny;oversize;/);

  const shadow = new Mesh({ workers: 1 }).adopt({ settings: settings({ ...FAST, oversize: 2, mode: 3 }) });
  assert.is(shadow.request(oversize).status, 200);
  assert.equal(shadow.sidecar.failures, []);
});

test("headers far beyond what the filter can take are counted as oversize too", () => {
  const mesh = new Mesh({ workers: 1 }).adopt();
  const pages = mesh.sidecar.worker(0).pages;
  const huge: RequestSpec = { headers: many(100, "x".repeat(40_000)) };
  assert.is(mesh.request(huge).status, 200);
  assert.is(mesh.request().status, 200, "and the next one is served");
  mesh.settle();
  const counts = mesh.counts();
  assert.is(counts.seen, 2);
  assert.is((counts.skipped[5] ?? 0) + (counts.skipped[7] ?? 0), 1);
  assert.is(mesh.sidecar.worker(0).pages, pages);
});

test("where the host gives no headers the request passes and is counted", () => {
  const mesh = new Mesh({ workers: 1 }).adopt();
  mesh.sidecar.refused.add("proxy_get_header_map_pairs");
  assert.is(mesh.request({ path: quoted(9) }).status, 200);
  mesh.sidecar.refused.clear();
  mesh.settle();
  assert.is(mesh.counts().skipped[7], 1);
});

test("where a denial cannot be sent the request passes, and nothing hangs", () => {
  const mesh = new Mesh({ workers: 1 }).adopt();
  mesh.sidecar.refused.add("proxy_send_local_response");
  assert.is(mesh.request({ path: quoted(9) }).status, 200);
  mesh.settle();
  const counts = mesh.counts();
  assert.is(counts.seen, 1);
  assert.is(counts.deniedByModel, 0, "what was not denied is not counted as denied");
});

test("where properties and filter state are refused requests are judged all the same", () => {
  const mesh = new Mesh({ workers: 1 }).adopt();
  mesh.sidecar.refused.add("proxy_get_property").add("proxy_set_property");
  assert.is(mesh.request({ path: quoted(4) }).status, 403);
  assert.is(mesh.request().status, 200);
  assert.equal(mesh.sidecar.failures, []);
});

test("10,000 seeded targets: each answered, each counted, no trap, no memory", () => {
  const mesh = new Mesh({ workers: 1, build: "vedette-test" }).adopt();
  const prng = new Prng(20_261_124);
  const before = mesh.sidecar.worker(0).pages;
  const paths = [...targets(11, 9_500, 20), ...OWN_ATTACKS.slice(0, 500)];
  for (const [i, path] of paths.entries()) {
    const method = prng.pick(["GET", "POST", "PUT", "\xff", "GET'"]);
    const { status } = mesh.request({ path, method, code: prng.pick([200, 301, 404, 500, 0, 999]) });
    assert.ok(status !== 503, `target ${i}: ${JSON.stringify(path)}: ${mesh.sidecar.failures}`);
    if (i % 1000 === 0) mesh.sidecar.tick(1000);
  }
  mesh.settle();
  assert.is(mesh.counts().seen, paths.length);
  assert.is(mesh.sidecar.worker(0).pages, before);
  assert.ok(before <= MEMORY_PAGES_MAX);
});

test("a sidecar under attack goes on judging and telling", () => {
  const mesh = new Mesh({ workers: 1 }).adopt({ model: quoteSection() });
  for (const [, spec] of HOSTILE) mesh.request(spec);
  assert.is(mesh.request({ path: quoted(4) }).status, 403);
  assert.is(mesh.request({ path: quoted(1) }).status, 200);
});

test.run();
