// What becomes of a window at the edge, by the direction it comes from.

import { create } from "@bufbuild/protobuf";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Direction, type Window, WindowSchema } from "../../../control-plane/gen/vedette/v1/statistics_pb.ts";
import { toReport } from "../../../control-plane/server/window.ts";

function windowOf(direction: Direction): Window {
  return create(WindowSchema, {
    vmBootId: 7n,
    windowSeq: 3n,
    startMs: 1_000n,
    endMs: 2_000n,
    target: "shop/web",
    direction,
    counts: { seen: 12n, skipped: [{ reason: 8, count: 12n }], allowed: 12n, responses: [0n, 12n] },
    callers: [{ key: 1n, class: 3, name: "127.0.0.1", n: 12n }],
    edges: [{ callerKey: 1n, routeKey: 2n, n: 12n }],
  });
}

test("a server-side window counts in its target's statistics", () => {
  const { statistics } = toReport("local", "web-0", windowOf(Direction.SERVER));
  assert.is(statistics.counts.seen, 12);
  assert.equal(Object.keys(statistics.edges), ["0000000000000001/0000000000000002"]);
});

test("a client-side window keeps its number and adds nothing, so that no request counts twice", () => {
  const report = toReport("local", "web-0", windowOf(Direction.CLIENT));
  assert.is(report.windowSeq, 3);
  assert.is(report.statistics.counts.seen, 0);
  assert.equal([report.statistics.callers, report.statistics.edges], [{}, {}]);
});

test.run();
