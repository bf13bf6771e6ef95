// The emulated host behaves as Envoy 1.40 does: VMs, root contexts, updates, traps, requests, linking. What was
// verified on the real one is repeated here with a scripted guest.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Status } from "./abi.ts";
import { hostcallsOf } from "./exchange.ts";
import { OUT, open, peer, sidecar, startTicking } from "./fixture.ts";
import type { GrpcClientSide } from "./grpc.ts";
import { assemble, type Guest } from "./scripted-guest.ts";
import { Sidecar } from "./sidecar.ts";
import { HostViolation, type Vm } from "./vm.ts";
import { wasm } from "./webassembly.ts";

test("a process has a canary that only configures, a main thread and workers that tick", () => {
  const seen: string[] = [];
  const log = (name: string) => (guest: Guest) => {
    seen.push(`${guest.vm.name} ${name}`);
    return name === "proxy_on_configure" ? startTicking(guest) : 0;
  };
  const host = sidecar({
    proxy_on_configure: log("proxy_on_configure"),
    proxy_on_tick: log("proxy_on_tick"),
  });
  assert.ok(host.configure("{}"));
  host.tick(100);
  const vms = ["main", "worker-0", "worker-1"];
  assert.equal(seen, [
    "canary proxy_on_configure",
    ...vms.map((name) => `${name} proxy_on_configure`),
    ...vms.map((name) => `${name} proxy_on_tick`),
  ]);
});

test("a refused configuration reaches no VM", () => {
  const host = sidecar({ proxy_on_configure: () => 0 });
  assert.not(host.configure("{}"));
  assert.is(host.vms.length, 0);
});

test("an update gives each VM a new root context and ends the old one's stream and queue in silence", () => {
  const calls: string[] = [];
  const clients: GrpcClientSide[] = [];
  const received: string[] = [];
  let token = 0;
  const host = sidecar(
    {
      proxy_on_tick: (guest) => {
        if (guest.vm.name !== "main" || token !== 0) return;
        assert.is(open(guest), Status.Ok);
        token = guest.u32(OUT);
        guest.call("proxy_register_shared_queue", "q", OUT);
      },
      proxy_on_vm_start: (guest, root) => {
        calls.push(`${guest.vm.name} start ${root}`);
        return 1;
      },
      proxy_on_done: (guest, id) => {
        calls.push(`${guest.vm.name} done ${id}`);
        return 1;
      },
      proxy_on_grpc_close: () => void calls.push("close"),
      proxy_on_queue_ready: () => void calls.push("woken"),
    },
    { workers: 1, clusters: { vedette: peer(clients, received) } },
  );
  host.configure("{}");
  host.tick(100);
  calls.length = 0;
  host.configure('{"a":1}');
  assert.equal(calls, ["canary start 1", "main start 2", "main done 1", "worker-0 start 2", "worker-0 done 1"]);
  assert.equal(received, ["reset"]);
  host.queues.enqueue(1, Buffer.from("x"));
  clients[0]!.message(Buffer.from("x"));
  clients[0]!.close(0);
  host.tick(100);
  assert.is(calls.length, 5, "nothing is told of the old root's stream and queue");
});

test("request headers are there at the request and at the log, not between; local replies pass our callback", () => {
  const seen: string[] = [];
  const host = sidecar({
    proxy_on_request_headers: (guest) => {
      seen.push(`request ${guest.call("proxy_get_header_map_pairs", 0, OUT, OUT + 4)}`);
      guest.call("proxy_send_local_response", 403, "because", "no", 0, 0, -1);
      assert.is(guest.call("proxy_send_local_response", 403, "because", "no", 0, 0, -1), Status.BadArgument);
      return 1;
    },
    proxy_on_response_headers: (guest) => {
      seen.push(`response ${guest.call("proxy_get_header_map_pairs", 0, OUT, OUT + 4)}`);
      return 0;
    },
    proxy_on_log: (guest) => void seen.push(`log ${guest.call("proxy_get_header_map_pairs", 0, OUT, OUT + 4)}`),
  });
  host.configure("{}");
  const exchange = host.request({ path: "/a?b=c" });
  assert.equal(seen, ["request 0", "response 2", "log 0"]);
  assert.is(exchange.status, 403);
  assert.is(hostcallsOf(exchange).proxy_get_header_map_pairs, 3);
  assert.equal(
    exchange.entries.map((entry) => entry.name),
    ["proxy_on_request_headers", "proxy_on_response_headers", "proxy_on_log", "proxy_on_done"],
  );
});

test("only log, clock and output may be called from malloc; chance also while the module initializes", () => {
  const at = (callback: string, name: string, ...args: number[]) =>
    sidecar({
      [callback]: (guest, size) => {
        guest.call(name, ...args);
        return size === undefined ? 0 : guest.malloc(size);
      },
      proxy_on_request_headers: (guest) => guest.call("proxy_get_header_map_pairs", 0, OUT, OUT + 4),
    });
  const violates = (run: () => void) => assert.throws(run, (error: unknown) => error instanceof HostViolation);
  violates(() => at("_initialize", "proxy_set_tick_period_milliseconds", 1).configure("{}"));
  at("_initialize", "random_get", OUT, 8).configure("{}");
  const host = at("malloc", "random_get", OUT, 8);
  host.configure("{}");
  violates(() => host.request());
});

test("a trap fails the whole VM and no other: its requests get 503, its timers end, the other worker goes on", () => {
  const ticks: Record<string, number> = {};
  const host = sidecar({
    proxy_on_tick: (guest) => {
      ticks[guest.vm.name] = (ticks[guest.vm.name] ?? 0) + 1;
    },
    proxy_on_request_headers: (guest) => {
      if (guest.vm.name === "worker-0") throw new wasm.RuntimeError("unreachable");
      return 0;
    },
  });
  host.configure("{}");
  assert.is(host.request({ worker: 0 }).status, 503);
  assert.is(host.request({ worker: 0 }).status, 503);
  assert.is(host.request({ worker: 1 }).status, 200);
  assert.equal(host.failures, ["worker-0: proxy_on_request_headers: unreachable"]);
  host.tick(100);
  assert.equal(ticks, { main: 1, "worker-1": 1 });
});

test("a stalled VM misses its ticks and keeps its messages; it gets one late tick when it goes on", () => {
  const ticks: string[] = [];
  const host = sidecar({ proxy_on_tick: (guest) => void ticks.push(guest.vm.name) }, { workers: 1 });
  host.configure("{}");
  const main: Vm = host.vms[0]!;
  host.stall(main);
  host.tick(1000);
  assert.equal([...new Set(ticks)], ["worker-0"]);
  assert.is(ticks.length, 10);
  ticks.length = 0;
  host.resume(main);
  host.tick(0);
  assert.equal(ticks, ["main"]);
});

test("a hostcall that a capability restriction refuses answers 10", () => {
  const host = sidecar({
    proxy_on_request_headers: (guest) => guest.call("proxy_get_header_map_pairs", 0, OUT, OUT + 4) && 0,
  });
  host.configure("{}");
  host.refused.add("proxy_get_header_map_pairs");
  const exchange = host.request();
  assert.is(exchange.status, 200);
  assert.is(exchange.entries[0]!.bytes, 0);
});

test("a module with another arity, an unknown import or a misspelt callback is refused at load", () => {
  const refused = (entry: { module: string; name: string; as: string; signature: string }, reason: RegExp) => {
    const abi = { module: "script", name: "abi", as: "proxy_abi_version_0_2_1", signature: ">" };
    const malloc = { module: "script", name: "malloc", as: "malloc", signature: "i>i" };
    const host = new Sidecar({ wasm: assemble([abi, malloc, entry]), extra: () => ({ script: {} }) });
    assert.throws(() => host.configure("{}"), reason);
  };
  const stream = { module: "env", name: "proxy_grpc_stream", as: "x", signature: "iiiiiii>i" };
  refused(stream, /import type mismatch: env.proxy_grpc_stream, want: iiiiiii>i, but host exports: iiiiiiiii>i/);
  refused({ module: "env", name: "seed", as: "x", signature: ">i" }, /missing import: env.seed/);
  refused(
    { module: "script", name: "x", as: "proxy_on_tick", signature: "ii>" },
    /export type mismatch: proxy_on_tick/,
  );
  const misspelt = { module: "script", name: "x", as: "proxy_on_grpc_trailing_metadata", signature: "iii>" };
  refused(misspelt, /unknown export: proxy_on_grpc_trailing_metadata/);
});

test.run();
