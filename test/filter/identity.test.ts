// Who called: the verified certificate and nothing that the client says. A forged header or host changes no caller.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { CallerClass } from "../../control-plane/gen/vedette/v1/statistics_pb.ts";
import type { RequestSpec } from "../host/request.ts";
import { callerGroup, keyOf } from "../reference/siphash.ts";
import { hashKey } from "../support/sections.ts";
import { Mesh, type MeshOptions, SPIFFE } from "./mesh.ts";

const ADMIN = "spiffe://cluster.local/ns/shop/sa/admin";

/** Callers told after a dozen of such a request. */
function callersOf(spec: RequestSpec, options: MeshOptions = {}) {
  const mesh = new Mesh({ workers: 1, ...options }).adopt();
  for (let i = 0; i < 12; i++) mesh.sidecar.request(spec);
  mesh.settle();
  return mesh.windows().flatMap((window) => window.callers);
}

test("on a mutual TLS listener no header changes the caller", () => {
  const forged: [string, string][][] = [
    [["x-forwarded-client-cert", `By=x;Hash=y;URI=${ADMIN}`]],
    [
      ["x-forwarded-client-cert", `URI=${ADMIN},URI=${ADMIN}`],
      ["x-forwarded-client-cert", `URI=${ADMIN}`],
    ],
    [
      ["x-forwarded-for", "1.2.3.4"],
      ["forwarded", "for=1.2.3.4"],
    ],
    [
      ["host", "admin.shop"],
      ["x-spiffe-id", ADMIN],
    ],
  ];
  for (const callerHeader of [false, true]) {
    for (const headers of forged) {
      const callers = callersOf({ identity: SPIFFE, headers, authority: "admin.shop" }, { config: { callerHeader } });
      assert.is(callers.length, 1, JSON.stringify(headers));
      assert.equal([callers[0]!.class, callers[0]!.name], [CallerClass.ATTESTED, SPIFFE]);
    }
  }
});

test("the key of a caller is that of its class and name, and its group is in it", () => {
  const [caller] = callersOf({ identity: SPIFFE });
  const key = keyOf(hashKey.key, Buffer.from(`attested:${SPIFFE}`));
  assert.is(caller!.key, key);
  assert.is(caller!.group, callerGroup(key));
  assert.is(caller!.n, 12n);
});

test("without a certificate the caller is the peer's address without its port", () => {
  const cases: [string, string][] = [
    ["10.9.8.7:44508", "10.9.8.7"],
    ["[2001:db8::7]:443", "2001:db8::7"],
  ];
  for (const [address, name] of cases) {
    const [caller] = callersOf({ address, headers: [["x-forwarded-client-cert", `URI=${ADMIN}`]] });
    assert.equal([caller!.class, caller!.name], [CallerClass.ADDRESS, name]);
  }
});

test("only where it is configured, and without a certificate, the header's last element counts", () => {
  const config = { callerHeader: true };
  const web = `By=spiffe://x;Hash=ab;Subject="CN=a,b;URI=${ADMIN}";URI=${SPIFFE}`;
  const cases: [string, string][] = [
    [`URI=${SPIFFE}`, SPIFFE],
    [`URI=${ADMIN},URI=${SPIFFE}`, SPIFFE],
    [`By=a;URI=${ADMIN};DNS=x,By=b;URI=${SPIFFE};DNS=y`, SPIFFE],
    [web, SPIFFE],
    [`URI="${SPIFFE}"`, SPIFFE],
    [`uri=${SPIFFE}`, SPIFFE],
  ];
  for (const [value, name] of cases) {
    const [caller] = callersOf({ headers: [["x-forwarded-client-cert", value]] }, { config });
    assert.equal([caller!.class, caller!.name], [CallerClass.HEADER, name], value);
  }
  for (const value of ["", "By=x;Hash=y", `URI=${ADMIN},By=x`, "URI=", '"', "\\", ",,,;;;"]) {
    const [caller] = callersOf({ headers: [["x-forwarded-client-cert", value]] }, { config });
    assert.is(caller!.class, CallerClass.ADDRESS, JSON.stringify(value));
  }
});

test("a caller of another class with the same name is another caller", () => {
  const attested = callersOf({ identity: SPIFFE })[0]!.key;
  const header = callersOf(
    { headers: [["x-forwarded-client-cert", `URI=${SPIFFE}`]] },
    { config: { callerHeader: true } },
  );
  assert.is.not(header[0]!.key, attested);
});

test("a name that is longer than its bound is cut, one that is full of odd bytes does no harm", () => {
  const long = `spiffe://cluster.local/ns/shop/sa/${"x".repeat(2000)}`;
  assert.is(callersOf({ identity: long })[0]!.name.length, 256);
  const mesh = new Mesh({ workers: 1 }).adopt();
  for (const identity of ["", "\xff\xfe", "a\nb", "spiffe://\0"]) mesh.requests(12, { identity });
  mesh.settle();
  assert.is(mesh.counts().seen, 48);
  assert.equal(mesh.sidecar.failures, []);
});

test("more callers than the table holds are counted together, under key 0", () => {
  const mesh = new Mesh({ workers: 1 }).adopt();
  for (let round = 0; round < 12; round++) {
    for (let i = 0; i < 200; i++) mesh.request({ identity: `${SPIFFE}-${i}` });
  }
  mesh.settle();
  const callers = mesh.windows().flatMap((window) => window.callers);
  const total = callers.reduce((sum, caller) => sum + Number(caller.n), 0);
  assert.ok(
    callers.some((caller) => caller.key === 0n),
    "there is an overflow caller",
  );
  assert.is(total, 2400);
  assert.ok((mesh.counts().bounds[2] ?? 0) > 0, "and it is counted that the table was full");
});

test.run();
