// Merging is exact and free of order: one stream of windows over any number of nodes, in any order, gives the
// byte-identical model.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Statistics } from "../../../control-plane/domain.ts";
import { readDays } from "../../../control-plane/store/records.ts";
import { trainModel } from "../../../control-plane/train/model.ts";
import { Prng } from "../../support/prng.ts";
import { attack, core, openPlane, prior, requests, statisticsOf, TARGET, windowOf } from "../fixture.ts";

/** 64 windows of one stream; groups of very different size, so that the caps are at work. */
const stream: Statistics[] = Array.from({ length: 64 }, (_, i) => statisticsOf(requests(i, 60, [0, 0, 0, 0, 1, 2, 3])));

async function trainedOver(nodes: number, seed: number) {
  const { ingest, store, clock } = await openPlane();
  const prng = new Prng(seed);
  const waiting = stream.map((statistics, i) => ({ statistics, node: i % nodes }));
  const sequence = new Array<number>(nodes).fill(0);
  const startMs = clock.nowMs();
  while (waiting.length > 0) {
    const [{ statistics, node }] = waiting.splice(prng.below(waiting.length), 1) as [(typeof waiting)[0]];
    const windowSeq = ++sequence[node]!;
    assert.is(await ingest.accept(windowOf({ statistics, node: `sidecar-${node}`, windowSeq, startMs })), "merged");
  }
  const days = readDays(store.reader, TARGET).map(({ day, statistics }) => {
    return { day, moments: statistics.moments, contexts: statistics.contexts, routes: statistics.routes };
  });
  return trainModel(days, prior, core, attack);
}

test("1, 2, 7 and 64 nodes, in any order, give the same model", async () => {
  const one = await trainedOver(1, 1);
  assert.ok(one.contexts.length >= 16 * 3 && one.routes.length === 8, "contexts and routes are merged, too");
  for (const nodes of [1, 2, 7, 64]) assert.equal(await trainedOver(nodes, 10 + nodes), one);
});

test.run();
