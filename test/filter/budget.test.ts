// What a request costs, as counts: hostcalls, guest entries, bytes asked of malloc, allocations, pages. On every input
// of the corpus.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { MEMORY_PAGES_MAX } from "../../filter/core/limits.ts";
import type { Exchange, HeaderList } from "../host/exchange.ts";
import { hostcallsOf } from "../host/exchange.ts";
import { targets } from "../support/requests.ts";
import { settings } from "../support/sections.ts";
import { FAST } from "../support/snapshot.ts";
import { Mesh, quoted, SPIFFE } from "./mesh.ts";

/** Guest entries that a request may cause. */
const ENTRIES = [
  "proxy_on_context_create",
  "proxy_on_request_headers",
  "proxy_on_response_headers",
  "proxy_on_log",
  "proxy_on_done",
  "proxy_on_delete",
];
const HOSTCALLS_MAX = 4;
/** A denied request may cost so many more: filter state and the local reply, at most. */
const DENIED_MORE = 4;

const corpus = [...targets(5, 3_000, 20)];
/** What the heads decode, weigh and look up: usual headers, a long one, one with escapes. */
const HEADERS: HeaderList = [
  ["user-agent", "Mozilla/5.0 (X11; Linux x86_64)"],
  ["cookie", `session=${"a1".repeat(400)}`],
  ["referer", "https://shop.example/?q=%3Cb%3E%20caf%C3%A9"],
  ["x-long", "y ".repeat(6000)],
];

function totalHostcalls(exchange: Exchange): number {
  return exchange.entries.reduce((sum, entry) => sum + entry.hostcalls.length, 0);
}

function during(exchange: Exchange, name: string): string[] {
  return exchange.entries.find((entry) => entry.name === name)?.hostcalls ?? [];
}

const PAIRS = "proxy_get_header_map_pairs";
const PROPERTY = "proxy_get_property";

test("a plainly allowed request: headers and caller are read at its headers, the response code at its log", () => {
  for (const direction of ["server", "client"]) {
    const mesh = new Mesh({ workers: 1, config: { direction } }).adopt();
    const exchange = mesh.request({ path: "/items?page=2", headers: HEADERS });
    assert.equal(during(exchange, "proxy_on_request_headers"), [PAIRS, PROPERTY], direction);
    assert.equal(during(exchange, "proxy_on_log"), [PROPERTY]);
    assert.is(totalHostcalls(exchange), 3);
    assert.is(exchange.filterState.size, 0);
  }
});

test("without a client certificate it is one read more", () => {
  const mesh = new Mesh({ workers: 1 }).adopt();
  const exchange = mesh.request({ identity: undefined });
  assert.equal(during(exchange, "proxy_on_request_headers"), [PAIRS, PROPERTY, PROPERTY]);
  assert.equal(during(exchange, "proxy_on_log"), [PROPERTY]);
  assert.is(totalHostcalls(exchange), HOSTCALLS_MAX);
});

test("an upgrade is read at its headers; without a mesh key no caller is read, and in mode off nothing is", () => {
  const upgrade: HeaderList = [
    ["connection", "upgrade"],
    ["upgrade", "websocket"],
  ];
  const mesh = new Mesh({ workers: 1 });
  assert.equal(hostcallsOf(mesh.request()), { [PAIRS]: 1, [PROPERTY]: 1 });
  mesh.adopt();
  const upgraded = mesh.request({ headers: upgrade, code: 101 });
  assert.equal(during(upgraded, "proxy_on_request_headers"), [PAIRS, PROPERTY]);
  assert.is(totalHostcalls(upgraded), 2);
  mesh.adopt({ settings: settings({ ...FAST, mode: 1 }) });
  assert.equal(hostcallsOf(mesh.request()), {});
});

test("on every input of the corpus the budget holds, whatever the verdict", () => {
  const mesh = new Mesh({ workers: 1 }).adopt();
  const vm = mesh.sidecar.worker(0);
  const pages = vm.pages;
  for (const [i, path] of corpus.entries()) {
    const exchange = mesh.request({ path, headers: HEADERS, identity: i % 3 === 0 ? undefined : SPIFFE });
    const most = exchange.filterState.size === 0 ? HOSTCALLS_MAX : HOSTCALLS_MAX + DENIED_MORE;
    const calls = totalHostcalls(exchange);
    assert.ok(calls <= most, `${calls} hostcalls: ${JSON.stringify(path)}: ${JSON.stringify(hostcallsOf(exchange))}`);
    const reads = exchange.entries.reduce((sum, entry) => sum + entry.mallocs, 0);
    assert.ok(reads <= HOSTCALLS_MAX, `${reads} reads that return bytes`);
    assert.ok(exchange.entries.every((entry) => ENTRIES.includes(entry.name)));
    assert.ok(exchange.entries.length <= ENTRIES.length);
    if (i % 500 === 0) mesh.sidecar.tick(1000);
  }
  assert.is(vm.pages, pages, "memory did not grow");
  assert.ok(pages <= MEMORY_PAGES_MAX);
  assert.equal(mesh.sidecar.failures, []);
});

/** Allocations that the test build has counted in a VM since it was made. */
function allocations(mesh: Mesh): number {
  const counted = mesh.sidecar.vms.map((vm) => (vm.exported("test_allocations") as () => number)());
  return counted.reduce((sum, count) => sum + count, 0);
}

test("nothing is allocated: not by requests, not by ticks, windows, pulses, updates", () => {
  const mesh = new Mesh({ build: "vedette-test", workers: 1 });
  const before = allocations(mesh);
  mesh.adopt();
  for (const path of corpus.slice(0, 1000)) mesh.request({ path, headers: HEADERS });
  for (let i = 0; i < 20; i++) mesh.request({ path: quoted(i) });
  mesh.settle();
  mesh.plane.kill();
  mesh.sidecar.tick(2000);
  mesh.plane.down = false;
  mesh.sidecar.tick(5000);
  assert.is(allocations(mesh), before);
});

test("an allocation that is planted is counted", () => {
  const mesh = new Mesh({ build: "vedette-test", workers: 1, config: { testAllocate: true } });
  const before = allocations(mesh);
  mesh.requests(3);
  mesh.sidecar.tick(1000);
  assert.ok(allocations(mesh) > before);
});

test("no request writes a log line", () => {
  const mesh = new Mesh({ workers: 1 }).adopt();
  const lines = mesh.sidecar.logs.length;
  for (const path of corpus.slice(0, 300)) mesh.request({ path });
  for (let i = 0; i < 20; i++) mesh.request({ path: quoted(9) });
  mesh.settle();
  assert.is(mesh.sidecar.logs.length, lines);
});

test("an idle sidecar asks little of its host at a tick", () => {
  const mesh = new Mesh({ workers: 2 }).adopt();
  mesh.settle();
  const before = mesh.sidecar.hostcalls;
  const ticks = mesh.sidecar.entries.get("proxy_on_tick")!;
  mesh.sidecar.tick(20_000);
  const passed = mesh.sidecar.entries.get("proxy_on_tick")! - ticks;
  const each = (mesh.sidecar.hostcalls - before) / passed;
  assert.ok(passed >= 290, `${passed} ticks`);
  assert.ok(each <= 12, `${each.toFixed(1)} hostcalls a tick`);
});

test("queues between VMs stay short, also when nobody reads them", () => {
  const mesh = new Mesh({ workers: 2 }).adopt();
  mesh.sidecar.stall(mesh.sidecar.vms[0]!);
  for (let i = 0; i < 100; i++) {
    mesh.requests(10);
    mesh.sidecar.tick(1000);
  }
  assert.ok(mesh.sidecar.queues.longest <= 256, `${mesh.sidecar.queues.longest} messages`);
});

test.run();
