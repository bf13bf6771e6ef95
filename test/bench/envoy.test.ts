// The Envoy bench without an Envoy: the noop filter does nothing but count, requests are what they say, an arm that did
// not do what it is measured for ends the run, a planted difference of equal arms makes it void, rows and tables say
// honestly what was found.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { AGAIN, Arm, CRS, ENFORCE, NGINX, NONE, NOOP } from "../../bench/envoy/arms.ts";
import { figureName, guardsOf, THREADS } from "../../bench/envoy/blocks.ts";
import { Client } from "../../bench/envoy/client.ts";
import { latencyGuard, latencyName, openLoop } from "../../bench/envoy/latency.ts";
import { buildNoop } from "../../bench/envoy/noop.ts";
import { parseOptions } from "../../bench/envoy/options.ts";
import { prove } from "../../bench/envoy/proof.ts";
import { withVoid } from "../../bench/envoy/record.ts";
import { ATTACK, HEADER_LINES, KINDS, requestOf, sequence, TARGETS } from "../../bench/envoy/requests.ts";
import { type Results, rowsOf } from "../../bench/envoy/results.ts";
import { guardLine, tables } from "../../bench/envoy/table.ts";
import { exact } from "../../bench/filter/rows.ts";
import { wasm } from "../host/webassembly.ts";
import { Prng } from "../support/prng.ts";

test("options have bounds, and what a quick run finds is not recorded", () => {
  assert.is(parseOptions([]).blocks, 20);
  assert.is(parseOptions(["--quick"]).blocks, 2);
  assert.is(parseOptions(["--pushes", "10000"]).pushes, 10_000);
  assert.throws(() => parseOptions(["--blocks", "1"]), /--blocks: 1, must be 2 to 100/);
  assert.throws(() => parseOptions(["--requests", "x"]), /--requests: x/);
  assert.throws(() => parseOptions(["--quick", "--record"]), /--record: not of a --quick run/);
  assert.throws(() => parseOptions(["--nothing"]), /--nothing/);
});

test("the noop filter counts requests, tells them once a tick, and does nothing else", () => {
  const folder = mkdtempSync(join(tmpdir(), "vedette-noop-"));
  try {
    const module = new wasm.Module(readFileSync(buildNoop(folder)));
    const told: bigint[] = [];
    const env = {
      proxy_set_tick_period_milliseconds: () => 0,
      proxy_define_metric: () => 0,
      proxy_increment_metric: (_metric: number, by: bigint) => {
        told.push(by);
        return 0;
      },
    };
    // Would fail if it imported anything else.
    const exports = new wasm.Instance(module, { env }).exports as Record<string, (...args: number[]) => number>;
    assert.is(exports.proxy_on_configure!(1, 0), 1);
    for (let i = 0; i < 3; i++) assert.is(exports.proxy_on_request_headers!(2, 12, 1), 0);
    assert.equal(told, [], "nothing is told while requests are served");
    exports.proxy_on_tick!(1);
    exports.proxy_on_tick!(1);
    assert.equal(told, [3n, 0n]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("requests have twelve header lines, targets of their kind, and differ in nothing but the trace context", () => {
  const lines = requestOf("/a", 1).split("\r\n");
  assert.is(lines.length, 1 + HEADER_LINES + 2);
  assert.is(HEADER_LINES, 12);
  const other = requestOf("/a", 2).split("\r\n");
  assert.equal(
    lines.filter((line, i) => line !== other[i]).map((line) => line.split(":")[0]),
    ["traceparent"],
  );
  assert.ok(TARGETS["256 B"].every((target) => target.length === 256));
  assert.is(new Set(TARGETS.mix.map((target) => target.length)).size, 6);
  for (const kind of KINDS) {
    assert.not(TARGETS[kind].includes(ATTACK));
    const next = sequence(kind);
    assert.is(next(0).split(" ")[1], TARGETS[kind][0]);
    assert.is(next(TARGETS[kind].length).split(" ")[1], TARGETS[kind][0]);
  }
});

/** A server that answers in two pieces: attacks with 403, `/gone` not at all, everything else with 200. */
async function served(body: (port: number, seen: () => number) => Promise<void>): Promise<void> {
  let seen = 0;
  const server = createServer((request, response) => {
    seen++;
    if (request.url === "/gone") return request.socket.destroy();
    response.writeHead(request.url === ATTACK ? 403 : 200, { "content-length": "5" });
    response.write("he");
    return setImmediate(() => response.end("llo"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await body((server.address() as AddressInfo).port, () => seen);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

test("the client counts every answer by its status, and a lost one as 0", async () => {
  await served(async (port) => {
    const client = new Client(port, 3);
    const targets = ["/a", ATTACK, "/b", "/gone"];
    const tally = await client.drive(40, (i) => requestOf(targets[i % 4]!, i));
    assert.equal(
      new Map([...tally].sort()),
      new Map(
        [
          ...new Map([
            [0, 10],
            [200, 20],
            [403, 10],
          ]),
        ].sort(),
      ),
    );
    client.close();
  });
});

/** An arm before `served` that is believed to deny or not, and to have seen so many. */
function armOf(port: number, denies: boolean, seen: () => number): Arm {
  const meter = () => ({ worker: 0, others: 0, service: 0 });
  return new Arm({ name: "planted", port, meter, denies, seen: async () => seen() });
}

test("an arm is believed only where its counter, its answers and the planted attack agree", async () => {
  await served(async (port, seen) => {
    const good = armOf(port, true, seen);
    await good.attack();
    await good.drive(20, sequence("mix"));
    assert.equal(await prove([good], 1, 0), [{ arm: "planted", sent: 21, seen: 21, attack: 403 }]);
    good.close();
    const careless = armOf(port, false, seen);
    let message = "";
    await careless.attack().catch((error: Error) => {
      message = error.message;
    });
    assert.match(message, /planted: the planted attack is answered 403, not 200/);
    const idle = armOf(port, true, () => 7);
    await idle.attack();
    await prove([idle], 1, 0).catch((error: Error) => {
      message = error.message;
    });
    assert.match(message, /planted: its own counter says 7, 1 were sent/);
    await idle.drive(1, () => requestOf("/gone", 0));
    await prove([idle], 1, 0).catch((error: Error) => {
      message = error.message;
    });
    assert.match(message, /planted: answered \[\[0,1\],\[403,1\]\], must be \[\[200,1\],\[403,1\]\]/);
    idle.close();
  });
});

test("open loop requests are due at the rate asked for, whatever became of those before", async () => {
  const due: number[] = [];
  let open: (() => void)[] = [];
  const waiting = openLoop(
    new Prng(1),
    4000,
    (sent) => sent >= 400,
    (_index, dueMs) => {
      due.push(dueMs);
      return new Promise((resolve) => {
        open.push(resolve);
        if (due.length < 400) return;
        for (const answer of open) answer();
        open = [];
      });
    },
  );
  await waiting;
  const perRequest = (due.at(-1)! - due[0]!) / (due.length - 1);
  assert.ok(perRequest > 0.2 && perRequest < 0.3, `${perRequest} ms`);
  assert.ok(due.every((ms, i) => i === 0 || ms >= due[i - 1]!));
});

const us = (value: number) => [value * 1000, value * 1000 + 100, value * 1000 - 100];

/** What a run could have found; ours adds `ours` us to the 50 of none. */
function found(ours: number, arms = [NONE, NOOP, ENFORCE, AGAIN, NGINX, CRS]): Results {
  const cost = new Map([
    ...([
      [NONE, 50],
      [AGAIN, 50],
      [NOOP, 53],
      [ENFORCE, 50 + ours],
    ] as const),
    ...([
      [NGINX, 20],
      [CRS, 20 + 200 * ours],
    ] as const),
  ]);
  const named = arms.flatMap((arm) => KINDS.flatMap((kind) => THREADS.map((thread) => [arm, kind, thread] as const)));
  const blocks = new Map(named.map(([arm, kind, thread]) => [figureName(arm, kind, thread), us(cost.get(arm)!)]));
  const shares = arms.flatMap((arm) => (["p50", "p99"] as const).map((share) => latencyName(arm, share)));
  const latency = new Map(shares.map((name) => [name, [100, 110, 120]]));
  const probe = { sent: 10, failed: 0, p50Us: 1, p99Us: 2, maxUs: 3 };
  const life = { rssMib: exact(80), coldCpuMs: exact(60), coldWallMs: exact(100) };
  const processes = ([1, 2] as const).map((workers) => {
    return { workers, rssAddedMib: exact(8), coldRatio: exact(3), noop: life, ours: life };
  });
  return {
    ...{
      envoy: "1.40.0",
      filter: "00",
      arms,
      blocks,
      guards: guardsOf(blocks),
      latency,
      latencyGuard: latencyGuard(latency),
    },
    ...{ proofs: [{ arm: NONE, sent: 10, seen: 10, attack: 200 }], processes, adoption: exact(70) },
    ...{ probes: { quiet: probe, adopting: probe, pushing: probe } },
    ...{ pushes: { sent: 10, adopted: 18, coalesced: 2, refused: 0 }, skipped: [] },
    growth: { requests: 1000, pagesBefore: 55, pagesAfter: 55, rssKib: 0 },
  };
}

const rowOf = (results: Results, begin: string) => rowsOf(results).find(({ metric }) => metric.startsWith(begin))!;

test("rows hold where the bound does", () => {
  const good = found(4);
  const ratio = rowOf(good, "CPU per request, ours / none, 256 B");
  assert.equal(ratio, { ...ratio, value: 1.08, must: "<= 1.15", aim: "<= 1.08", holds: true });
  assert.is(rowOf(found(8), "CPU per request, ours / none, mix").holds, false);
  assert.ok(Math.abs(rowOf(good, "added CPU, ours / noop").value - 4 / 3) < 0.01);
  assert.is(rowOf(good, "added CPU, libmodsecurity").value, 200);
  assert.is(rowOf(good, "cold start").holds, false);
  assert.is(rowOf({ ...good, growth: { ...good.growth, pagesAfter: 56 } }, "growth").holds, false);
  const failing = { ...good.probes, pushing: { ...good.probes.pushing, failed: 1 } };
  assert.is(rowOf({ ...good, probes: failing }, "failed").holds, false);
  assert.is(rowOf(found(4, [NONE, NOOP, ENFORCE, AGAIN]), "added CPU, libmodsecurity"), undefined);
});

test("the table has every row, and no latency where that guard failed", () => {
  const good = found(4);
  const text = tables({ ...good, skipped: ["nginx: no /usr/sbin/nginx"] });
  for (const { metric } of rowsOf(good)) assert.ok(text.includes(`| ${metric} |`), metric);
  assert.match(text, /Skipped: nginx: no \/usr\/sbin\/nginx\./);
  assert.match(text, /us of latency, open loop/);
  const latency = new Map([...good.latency, [latencyName(AGAIN, "p50"), [200, 210, 220]] as const]);
  const dim = tables({ ...good, latency, latencyGuard: latencyGuard(latency) });
  assert.match(dim, /latency is void, none is reported/);
  assert.not.match(dim, /us of latency, open loop/);
});

test("a run whose equal arms differ on one kind of request is void", () => {
  const { blocks } = found(4);
  assert.ok(guardsOf(blocks).every(({ holds }) => holds));
  const planted = new Map([...blocks, [figureName(AGAIN, "mix"), us(52)] as const]);
  const guards = guardsOf(planted);
  assert.equal(
    guards.map(({ kind, holds }) => [kind, holds]),
    [
      ["256 B", true],
      ["mix", false],
    ],
  );
  const origin = { commit: "c", machine: "m", command: "x" };
  let kept = withVoid({ rows: [1], void: [] }, { ...origin, guards });
  assert.equal(kept, { rows: [1], void: [{ ...origin, guards }] }, "the last good run stays");
  for (let i = 0; i < 30; i++) kept = withVoid(kept, { ...origin, command: String(i), guards });
  assert.is(kept.void.length, 20);
  assert.is(kept.void.at(-1)!.command, "29");
  assert.match(guardLine(guards), /mix 1\.040 .*off by more than 2 %/);
});

test.run();
