// What windows tell of contexts: rows that equal the reference's, with the groups of callers, of requests that pass and
// are no retry; bounds; and that nothing of them outlives its window, its key or its attack table.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ContextStatistics, Window } from "../../control-plane/gen/vedette/v1/statistics_pb.ts";
import { CONTEXTS_MAX, HEADER_SEGMENTS_MAX } from "../../filter/core/limits.ts";
import type { HeaderList } from "../host/exchange.ts";
import type { RequestSpec } from "../host/request.ts";
import { type AttackTable, levelBin, levelOf } from "../reference/attack.ts";
import { contextKey, type Header, type Segment, segmentsOf } from "../reference/request-segments.ts";
import { callerGroup, keyOf } from "../reference/siphash.ts";
import { splitTarget } from "../reference/target.ts";
import { testTable } from "../support/heads.ts";
import { Prng } from "../support/prng.ts";
import { attackTable, hashKey, model, settings } from "../support/sections.ts";
import { FAST, quoteSection } from "../support/snapshot.ts";
import { Mesh, quoted, SPIFFE } from "./mesh.ts";

/** One row, all bins of it. */
interface Row {
  kind: number;
  n: number;
  classes: number[];
  lengths: number[];
  levels: number[];
  classGroups: number[];
  lengthGroups: number[];
  levelGroups: number[];
}

type Rows = Map<bigint, Row>;

function rowOf(rows: Rows, key: bigint, kind: number): Row {
  const zeros = (length: number) => new Array<number>(length).fill(0);
  const counts = { classes: zeros(11), lengths: zeros(25), levels: zeros(32) };
  const groups = { classGroups: zeros(11), lengthGroups: zeros(25), levelGroups: zeros(32) };
  const row = rows.get(key) ?? { kind, n: 0, ...counts, ...groups };
  rows.set(key, row);
  return row;
}

/** Set with the group of a caller with this certificate. */
function partOf(identity: string): number {
  return 1 << callerGroup(keyOf(hashKey.key, Buffer.from(`attested:${identity}`)));
}

function addSegment(rows: Rows, segment: Segment, table: AttackTable | undefined, part: number): void {
  const row = rowOf(rows, contextKey(hashKey.key, segment), segment.kind);
  row.n++;
  for (let i = 0; i < 11; i++) {
    const has = (segment.classes >> i) & 1;
    row.classes[i]! += has;
    row.classGroups[i]! |= has * part;
  }
  row.lengths[segment.length]!++;
  row.lengthGroups[segment.length]! |= part;
  const level = table === undefined || segment.text === "" ? 0 : levelBin(levelOf(table, segment.text));
  row.levels[level]!++;
  row.levelGroups[level]! |= part;
}

function addContext(rows: Rows, context: ContextStatistics): void {
  const row = rowOf(rows, context.key, context.kind);
  row.n += Number(context.n);
  context.classes.forEach((n, i) => {
    row.classes[i]! += Number(n);
  });
  context.lengths.forEach((bin, i) => {
    row.lengths[bin]! += Number(context.lengthCounts[i]);
    row.lengthGroups[bin]! |= context.lengthGroups[i]!;
  });
  context.levels.forEach((bin, i) => {
    row.levels[bin]! += Number(context.levelCounts[i]);
    row.levelGroups[bin]! |= context.levelGroups[i]!;
  });
  context.classGroups.forEach((groups, i) => {
    row.classGroups[i]! |= groups;
  });
}

function rowsOf(windows: Window[]): Rows {
  const rows: Rows = new Map();
  for (const context of windows.flatMap((window) => window.contexts)) addContext(rows, context);
  return rows;
}

const sorted = (rows: Rows) => [...rows].sort((a, b) => (a[0] < b[0] ? -1 : 1));
const total = (rows: Rows) => [...rows.values()].reduce((sum, row) => sum + row.n, 0);
const inWindows = (mesh: Mesh) => rowsOf(mesh.windows());

const REQUESTS: (RequestSpec & { path: string; headers: Header[] })[] = [
  { path: "/", headers: [] },
  { path: "/orders/12345/items?page=2&sort=Price", headers: [["user-agent", "Mozilla/5.0 (X11; Linux)"]] },
  { path: "/orders/12345/items?page=&q=caf%C3%A9+noir", headers: [["accept", "*/*"] as const] },
  { path: "/a/b/c/d/e/f/g/h/i/j?flag&%61=1", headers: [["cookie", "session=abc; theme=dark%20blue"]] },
  { path: "/search?q=%253Cscript%253E", headers: [["referer", "https://shop.example/?q=%3Cb%3E"]] },
  {
    path: `/long?text=${"lorem+ipsum+".repeat(200)}`,
    headers: [
      ["x-blob", "aZ09".repeat(2500)],
      ["x-empty", ""],
    ],
  },
];

/** Of several groups. */
const CALLERS = Array.from({ length: 5 }, (_, i) => `${SPIFFE}-${i}`);

test("rows equal those of the reference: segments, classes, lengths and levels by context, with groups", () => {
  assert.ok(new Set(CALLERS.map(partOf)).size > 2);
  const { weights, bias } = testTable(new Prng(6));
  const table = { weights, bias };
  for (const [section, used] of [
    [model(undefined, undefined, attackTable(weights, bias)), table],
    [model(undefined), undefined],
  ] as const) {
    const mesh = new Mesh({ workers: 1 }).adopt({ model: section });
    const expected: Rows = new Map();
    for (let i = 0; i < 24; i++) {
      const request = REQUESTS[i % REQUESTS.length]!;
      const identity = CALLERS[i % CALLERS.length]!;
      mesh.request({ ...request, identity, headers: request.headers as unknown as HeaderList });
      for (const segment of segmentsOf(splitTarget(request.path), request.headers).list) {
        addSegment(expected, segment, used, partOf(identity));
      }
      if (i % 9 === 8) mesh.sidecar.tick(1100);
    }
    mesh.settle();
    assert.equal(sorted(inWindows(mesh)), sorted(expected));
    for (const { contexts } of mesh.windows()) {
      for (const { lengthCounts, levelCounts, classGroups, lengthGroups, levelGroups } of contexts) {
        assert.ok(
          [...lengthCounts, ...levelCounts].every((n) => n > 0n),
          "only bins that are not empty",
        );
        const sizes = [classGroups.length, lengthGroups.length, levelGroups.length];
        assert.equal(sizes, [11, lengthCounts.length, levelCounts.length]);
      }
    }
  }
});

test("only what is measured, passes and is no retry is counted", () => {
  const mesh = new Mesh({ workers: 1 }).adopt();
  const once = () => total(inWindows(mesh.settle()));
  mesh.request({ path: quoted(9) });
  mesh.request({ headers: [["x-envoy-attempt-count", "2"]] });
  mesh.request({ method: "POST", path: "/a.B/C", headers: [["content-type", "application/grpc"]] });
  mesh.request({ method: "CONNECT" });
  mesh.request({ answeredBefore: true });
  assert.is(once(), 0);
  assert.is(mesh.request({ path: quoted(2) }).filterState.size, 1, "an alert passes");
  assert.is(once(), 2);
  mesh.adopt({ settings: settings({ ...FAST, mode: 3 }) });
  mesh.request({ path: quoted(9) });
  assert.is(once(), 2, "what would be denied is not counted");
  mesh.adopt({ settings: settings({ ...FAST, mode: 1 }) });
  mesh.request();
  assert.is(once(), 2, "nor anything in mode off");
  mesh.adopt({ settings: settings({ ...FAST, mode: 2 }) });
  mesh.request({ path: quoted(9) });
  assert.is(once(), 4, "in mode learn everything is");
});

test("a request whose caller is not known is in no row", () => {
  const mesh = new Mesh({ workers: 1 }).adopt();
  mesh.requests(5, { identity: undefined, address: "" });
  mesh.settle();
  assert.is(mesh.counts().seen, 5);
  assert.is(inWindows(mesh).size, 0);
  mesh.requests(5, { identity: undefined, address: "10.9.8.7:1" });
  assert.is(total(inWindows(mesh.settle())), 5, "an address is a caller");
});

test("before the mesh key is known, and on the client side, there are none", () => {
  const mesh = new Mesh({ workers: 1 });
  mesh.requests(5);
  mesh.adopt().settle();
  assert.is(inWindows(mesh).size, 0);
  const client = new Mesh({ workers: 1, config: { direction: "client" } }).adopt();
  client.requests(5);
  client.settle();
  assert.is(inWindows(client).size, 0);
});

test("a full table counts what it leaves out, and is empty in the next window", () => {
  const mesh = new Mesh({ workers: 1 }).adopt({ model: model(undefined) });
  const flood = (round: number) => {
    for (let i = 0; i < 4; i++) {
      const names = Array.from({ length: 100 }, (_, j) => `n${round}-${i}-${j}=1`);
      mesh.request({ path: `/?${names.join("&")}` });
    }
  };
  flood(0);
  mesh.settle();
  flood(1);
  mesh.settle();
  const windows = mesh.windows().filter((window) => window.contexts.length > 0);
  assert.equal(
    windows.map((window) => window.contexts.length),
    [CONTEXTS_MAX, CONTEXTS_MAX],
  );
  // Each round has 400 names and, at place 0 of the path, one context more.
  assert.is(mesh.counts().bounds[8], 2 * (401 - CONTEXTS_MAX));
  assert.is(total(rowsOf(windows)) + mesh.counts().bounds[8]!, 2 * 4 * 101);
  assert.equal(mesh.sidecar.failures, []);
});

test("of more headers than are looked at the rest has no segment, which is counted", () => {
  const mesh = new Mesh({ workers: 1 }).adopt({ model: model(undefined) });
  mesh.request({ headers: Array.from({ length: 400 }, (_, i) => [`x-h-${i}`, "v"]) });
  mesh.settle();
  const headers = [...inWindows(mesh).values()].filter((row) => row.kind === 3);
  assert.is(headers.length, HEADER_SEGMENTS_MAX);
  assert.is(mesh.counts().bounds[6], 1);
});

test("the largest table of contexts fits a window and the ring beside everything else", () => {
  const mesh = new Mesh({ workers: 1 }).adopt({ model: model(undefined) });
  for (let i = 0; i < 2000; i++) {
    const value = "aZ0'/(-,^".slice(0, i % 10).repeat(1 + (i % 23));
    const names = Array.from({ length: 25 }, (_, j) => `n${25 * (i % 10) + j}=${i % 3 === 0 ? value : value.slice(1)}`);
    mesh.request({ path: `/page${i % 200}?${names.join("&")}` });
  }
  mesh.settle();
  assert.is(mesh.counts().seen, 2000);
  assert.is(Number(mesh.windows().at(-1)!.windowsDropped), 0);
  assert.is(inWindows(mesh).size, 251);
});

test("a new hash key or another attack table begins a new window, without rows of the old one", () => {
  const mesh = new Mesh({ workers: 1 }).adopt();
  mesh.requests(3);
  mesh.adopt(mesh.rekeyed(9));
  mesh.requests(4);
  const { weights, bias } = testTable(new Prng(8));
  const rekeyed = mesh.rekeyed(9);
  mesh.adopt({ ...rekeyed, model: model(undefined, undefined, attackTable(weights, bias)) });
  mesh.requests(5);
  mesh.adopt({ ...rekeyed, model: model(undefined, undefined, attackTable(weights, bias + 1)) });
  mesh.requests(6);
  mesh.settle();
  const windows = mesh.windows().filter((window) => window.contexts.length > 0);
  const rows = windows.map((window) => [window.hashKeyId, ...window.contexts.map((context) => Number(context.n))]);
  assert.equal(rows, [
    [7, 3],
    [9, 4],
    [9, 5],
    [9, 6],
  ]);
});

test("a request under way at the seal is told by its contexts at once, and by its counts when it ends", () => {
  const mesh = new Mesh({ workers: 1 }).adopt({ model: quoteSection() });
  const { finish } = mesh.sidecar.open({ path: "/slow" });
  mesh.settle();
  assert.is(total(inWindows(mesh)), 1);
  assert.is(mesh.counts().seen, 0);
  finish();
  mesh.settle();
  assert.is(total(inWindows(mesh)), 1);
  assert.is(mesh.counts().seen, 1);
});

test.run();
