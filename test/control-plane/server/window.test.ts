// What becomes of a window at the edge, by the direction it comes from.

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ControlPlaneError } from "../../../control-plane/errors.ts";
import {
  ContextStatisticsSchema,
  Direction,
  SegmentKind,
  type Window,
  WindowSchema,
} from "../../../control-plane/gen/vedette/v1/statistics_pb.ts";
import { toReport } from "../../../control-plane/server/window.ts";

function windowOf(direction: Direction): Window {
  return create(WindowSchema, {
    vmBootId: 7n,
    windowSeq: 3n,
    startMs: 1_000n,
    endMs: 2_000n,
    target: "shop/web",
    direction,
    counts: { seen: 12n, skipped: [{ reason: 8, count: 12n }], allowed: 12n, responses: [0n, 12n], held: 4n },
    callers: [{ key: 1n, class: 3, name: "127.0.0.1", n: 12n }],
    edges: [{ callerKey: 1n, routeKey: 2n, n: 12n }],
    contexts: [CONTEXT],
  });
}

const CONTEXT = {
  key: 0xabn,
  kind: SegmentKind.HEADER,
  n: 12n,
  classes: [12n, 0n, 0n, 5n, 0n, 0n, 0n, 0n, 0n, 0n, 1n],
  lengths: [4, 24],
  lengthCounts: [11n, 1n],
  levels: [0, 31],
  levelCounts: [2n, 14n],
  classGroups: Uint8Array.of(0x81, 0, 0, 2, 0, 0, 0, 0, 0, 0, 1),
  lengthGroups: Uint8Array.of(0x81, 2),
  levelGroups: Uint8Array.of(1, 0xff),
};

/** Field that is refused where contexts are these. */
function refusedField(contexts: MessageInitShape<typeof ContextStatisticsSchema>[]): string | undefined {
  const window = windowOf(Direction.SERVER);
  window.contexts = contexts.map((one) => create(ContextStatisticsSchema, one));
  try {
    toReport("local", "web-0", window);
  } catch (error) {
    return (error as ControlPlaneError).field;
  }
  return undefined;
}

test("contexts come with all their bins", () => {
  const { contexts } = toReport("local", "web-0", windowOf(Direction.SERVER)).statistics;
  assert.equal(Object.keys(contexts), ["00000000000000ab"]);
  const { kind, n, classes, lengths, levels } = contexts["00000000000000ab"]!;
  assert.equal([kind, n, classes], [3, 12, [12, 0, 0, 5, 0, 0, 0, 0, 0, 0, 1]]);
  assert.equal(lengths, new Array(25).fill(0).with(4, 11).with(24, 1));
  assert.equal(levels, new Array(32).fill(0).with(0, 2).with(31, 14));
  const { classGroups, lengthGroups, levelGroups } = contexts["00000000000000ab"]!;
  assert.equal(classGroups, [0x81, 0, 0, 2, 0, 0, 0, 0, 0, 0, 1]);
  assert.equal(lengthGroups, new Array(25).fill(0).with(4, 0x81).with(24, 2));
  assert.equal(levelGroups, new Array(32).fill(0).with(0, 1).with(31, 0xff));
});

test("a context that cannot be meant is refused by its field", () => {
  assert.is(refusedField([CONTEXT, { ...CONTEXT, key: 0xacn }]), undefined);
  assert.is(refusedField([CONTEXT, CONTEXT]), "window.contexts[1]");
  assert.is(refusedField([{ ...CONTEXT, kind: SegmentKind.BODY }]), "window.contexts[0].kind");
  assert.is(refusedField([{ ...CONTEXT, kind: SegmentKind.UNSPECIFIED }]), "window.contexts[0].kind");
  assert.is(refusedField([{ ...CONTEXT, classes: [1n] }]), "window.contexts[0].classes");
  assert.is(refusedField([{ ...CONTEXT, lengths: [4] }]), "window.contexts[0]");
  assert.is(refusedField([{ ...CONTEXT, lengths: [4, 4] }]), "window.contexts[0].lengths[1]");
  assert.is(refusedField([{ ...CONTEXT, lengths: [4, 25] }]), "window.contexts[0].lengths[1]");
  assert.is(refusedField([{ ...CONTEXT, levels: [0, 32] }]), "window.contexts[0].levels[1]");
  assert.is(refusedField([{ ...CONTEXT, levelCounts: [0n, 2n ** 53n] }]), "window.contexts[0].level_counts[1]");
  const short = new Uint8Array(10);
  assert.is(refusedField([{ ...CONTEXT, classGroups: short }]), "window.contexts[0].class_groups");
  assert.is(refusedField([{ ...CONTEXT, lengthGroups: new Uint8Array(3) }]), "window.contexts[0].length_groups");
  assert.is(refusedField([{ ...CONTEXT, levelGroups: new Uint8Array(0) }]), "window.contexts[0].level_groups");
});

test("a server-side window counts in its target's statistics", () => {
  const { statistics } = toReport("local", "web-0", windowOf(Direction.SERVER));
  assert.equal([statistics.counts.seen, statistics.counts.held], [12, 4]);
  assert.equal(Object.keys(statistics.edges), ["0000000000000001/0000000000000002"]);
});

test("a client-side window keeps its number and adds nothing, so that no request counts twice", () => {
  const report = toReport("local", "web-0", windowOf(Direction.CLIENT));
  assert.is(report.windowSeq, 3);
  assert.equal([report.statistics.counts.seen, report.statistics.counts.held], [0, 0]);
  const { callers, edges, contexts } = report.statistics;
  assert.equal([callers, edges, contexts], [{}, {}, {}]);
});

test.run();
