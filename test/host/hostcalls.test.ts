// The hostcalls of the emulated host answer as proxy-wasm-cpp-host and Envoy 1.40 do, and a strict host throws what
// they would refuse.

import { generateKeyPairSync, sign } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Status } from "./abi.ts";
import { OUT, onTick, open, peer, sidecar } from "./fixture.ts";
import { type GrpcClientSide, ProcessAbort } from "./grpc.ts";
import type { Guest } from "./scripted-guest.ts";
import { HostViolation } from "./vm.ts";

function lengthField(field: number, content: Uint8Array): Buffer {
  return Buffer.concat([Uint8Array.of((field << 3) | 2, content.length), content]);
}

test("compare-and-swap: 0 writes always, a stale number does not, an absent key is made whatever the number", () => {
  const got = onTick((guest) => {
    const read = () => guest.call("proxy_get_shared_data", "k", OUT, OUT + 4, OUT + 8);
    const absent = read();
    const made = guest.call("proxy_set_shared_data", "k", "one", 99);
    read();
    const cas = guest.u32(OUT + 8);
    const swapped = guest.call("proxy_set_shared_data", "k", "two", cas);
    const stale = guest.call("proxy_set_shared_data", "k", "three", cas);
    const forced = guest.call("proxy_set_shared_data", "k", "four", 0);
    read();
    return [absent, made, swapped, stale, forced, guest.given(OUT)];
  });
  assert.equal(got, [Status.NotFound, 0, 0, Status.CasMismatch, 0, "four"]);
});

test("a queue wakes the VM that registered last, in a later turn", () => {
  const woken: string[] = [];
  const host = sidecar({
    proxy_on_configure: (guest) => {
      if (guest.vm.name !== "canary") guest.call("proxy_register_shared_queue", "q", OUT);
      return 1;
    },
    proxy_on_request_headers: (guest) => {
      assert.is(guest.call("proxy_resolve_shared_queue", "", "q", OUT), Status.Ok);
      assert.is(guest.call("proxy_resolve_shared_queue", "other", "q", OUT + 4), Status.NotFound);
      guest.call("proxy_enqueue_shared_queue", guest.u32(OUT), "hello");
      assert.is(woken.length, 0);
      return 0;
    },
    proxy_on_queue_ready: (guest, _root, token) => {
      assert.is(guest.call("proxy_dequeue_shared_queue", token!, OUT, OUT + 4), Status.Ok);
      woken.push(`${guest.vm.name} ${guest.given(OUT)}`);
      assert.is(guest.call("proxy_dequeue_shared_queue", token!, OUT, OUT + 4), Status.Empty);
    },
  });
  host.configure("{}");
  host.request({ worker: 0 });
  assert.equal(woken, ["worker-1 hello"]);
});

test("a stream of another root, or an old one, is not found", () => {
  const clients: GrpcClientSide[] = [];
  const received: string[] = [];
  const results: number[] = [];
  const host = sidecar(
    {
      proxy_on_tick: (guest) => {
        if (guest.vm.name === "main" && clients.length === 0) results.push(open(guest));
        if (guest.vm.name === "worker-0") results.push(guest.call("proxy_grpc_send", 1, "from another", 0));
      },
    },
    { workers: 1, clusters: { vedette: peer(clients, received) } },
  );
  host.configure("{}");
  host.tick(100);
  assert.equal(results, [Status.Ok, Status.NotFound]);
  assert.equal(received, []);
});

test("a missing cluster answers 10 and then closes a token never given", () => {
  const closes: number[][] = [];
  const statuses: number[] = [];
  const host = sidecar({
    proxy_on_tick: (guest) => void (guest.vm.name === "main" && statuses.push(open(guest))),
    proxy_on_grpc_close: (guest, _root, token, status) => {
      closes.push([token!, status!, guest.call("proxy_grpc_close", token!)]);
    },
  });
  host.configure("{}");
  host.tick(100);
  assert.equal(statuses, [Status.InternalFailure]);
  assert.equal(closes, [[1, 14, Status.NotFound]]);
});

test("a closed stream stays with the host until the guest closes it too", () => {
  const clients: GrpcClientSide[] = [];
  let token = 0;
  const host = sidecar(
    {
      proxy_on_tick: (guest) => {
        if (guest.vm.name !== "main") return;
        if (token === 0) {
          open(guest);
          token = guest.u32(OUT);
        } else guest.call("proxy_grpc_close", token);
      },
    },
    { clusters: { vedette: peer(clients, []) } },
  );
  host.configure("{}");
  host.tick(100);
  clients[0]!.close(8);
  host.tick(0);
  assert.is(host.streamsKept(host.vms[0]!), 1);
  host.tick(100);
  assert.is(host.streamsKept(host.vms[0]!), 0);
});

test("GrpcService bytes without a target abort the process, a bare name is a ParseFailure", () => {
  const call = (service: string) => onTick((guest) => guest.call("proxy_grpc_stream", service, "s", "m", 0, 0, OUT));
  for (const service of ["", "analytics"]) {
    assert.throws(
      () => call(service),
      (error: unknown) => error instanceof ProcessAbort,
    );
  }
  assert.is(call("collector"), Status.ParseFailure);
});

test("counters refuse increments that are not above 0, and a second definition is a new id of the same stat", () => {
  const host = sidecar({
    proxy_on_tick: (guest) => {
      if (guest.vm.name !== "main") return;
      guest.call("proxy_define_metric", 0, "c", OUT);
      guest.call("proxy_define_metric", 0, "c", OUT + 4);
      const ids = [guest.u32(OUT), guest.u32(OUT + 4)];
      assert.is.not(ids[0], ids[1]);
      assert.is(guest.call("proxy_increment_metric", ids[0]!, 0n), Status.BadArgument);
      assert.is(guest.call("proxy_increment_metric", ids[0]!, 2n), Status.Ok);
      assert.is(guest.call("proxy_increment_metric", ids[1]!, 3n), Status.Ok);
      assert.is(guest.call("proxy_increment_metric", 4000, 1n), Status.NotFound);
    },
  });
  host.configure("{}");
  host.tick(100);
  assert.is(host.metrics.value("c"), 5);
});

test("verify_signature answers 08 01 for a right signature, an error text with status 0 for a wrong one", () => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key = publicKey.export({ format: "der", type: "spki" });
  const text = Buffer.from("what is signed");
  const signature = sign("sha256", text, privateKey);
  const run = (args: Uint8Array) =>
    onTick((guest) => {
      const status = guest.call("proxy_call_foreign_function", "verify_signature", args, OUT, OUT + 4);
      return [status, status === 0 ? Buffer.from(guest.given(OUT), "latin1").subarray(0, 2).toString("hex") : ""];
    });
  const args = (signed: Uint8Array) =>
    Buffer.concat([Buffer.from("sha256"), key, signature, signed].map((content, i) => lengthField(i + 1, content)));
  assert.equal(run(args(text)), [0, "0801"]);
  assert.equal(run(args(Buffer.from("something else")))[0], 0);
  assert.is.not(run(args(Buffer.from("something else")))[1], "0801");
  assert.equal(run(Uint8Array.of(0x0a, 0x7f)), [Status.BadArgument, ""]);
});

test("a strict host throws what Envoy would answer with a failing status", () => {
  const violates = (run: (guest: Guest) => number) =>
    assert.throws(
      () => onTick(run, { strict: true }),
      (error: unknown) => error instanceof HostViolation,
    );
  violates((guest) => guest.call("proxy_log", 9, "text"));
  violates((guest) => guest.call("proxy_get_property", "no.such.thing", OUT, OUT + 4));
  violates((guest) => guest.call("proxy_increment_metric", 4, 0n));
  violates((guest) => guest.call("proxy_get_buffer_bytes", 99, 0, 1, OUT, OUT + 4));
  violates((guest) => guest.call("proxy_log", 2, 0x7fffffff, 10));
  violates((guest) => guest.call("proxy_http_call", ...new Array<number>(10).fill(0)));
});

test.run();
