// Metrics: what is counted in a day of a sidecar, and that every metric is in the README.

import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { until } from "../support/conditions.ts";
import { snapshot, TestEdge } from "../support/edge.ts";
import { BOOT, nextAcks, nextUpdate, TestSidecar, windowFrame } from "../support/sidecar-client.ts";

const PREFIX = "vedette_control_plane_";

const test = suite<{ edge: TestEdge }>("metrics");

test.before.each(async (context) => {
  context.edge = await TestEdge.start();
});

test.after.each(({ edge }) => edge.stop());

/** The value of one line of the exposition: `streams`, `windows_total{outcome="merged"}`. */
async function seriesOf(edge: TestEdge, series: string): Promise<number> {
  const text = await (await fetch(`http://${edge.addresses.http}/metrics`)).text();
  const line = text.split("\n").find((one) => one.startsWith(`${PREFIX}${series} `));
  return Number(line?.split(" ")[1] ?? Number.NaN);
}

test("windows, updates, denials and ends of streams are counted", async ({ edge }) => {
  edge.snapshots.publish(snapshot(1));
  const sidecar = new TestSidecar(edge.addresses.sidecar);
  const stream = sidecar.greet();
  const { nonce } = await nextUpdate(stream);
  const about = { nonce, vmBootId: BOOT, target: "shop/cart", epoch: 1n };
  stream.send({ leaseCounter: 1n, frame: { case: "ack", value: { ...about, version: 1n } } });
  stream.send({ leaseCounter: 1n, frame: { case: "ack", value: { ...about, version: 9n } } });
  const denials = [{ target: "shop/cart", reason: { kind: 1 } }, { target: "shop/cart" }];
  stream.send({ leaseCounter: 1n, frame: { case: "denials", value: { denials } } });
  stream.send({ leaseCounter: 1n, frame: windowFrame(1) });
  stream.send({ leaseCounter: 1n, frame: windowFrame(2, { target: "x" }) });
  await nextAcks(stream, 2);
  assert.is(await seriesOf(edge, "streams"), 1);
  assert.is(await seriesOf(edge, "nodes"), 1);
  stream.cancel();
  await until("the stream is over", () => edge.edge.streams === 0);
  const expected = {
    streams: 0,
    'windows_total{outcome="merged"}': 1,
    'windows_total{outcome="invalid"}': 1,
    'updates_total{event="sent"}': 1,
    'updates_total{event="acked"}': 1,
    'updates_total{event="stale"}': 1,
    'denials_total{reason="rule"}': 1,
    'denials_total{reason="unknown"}': 1,
    'stream_ends_total{reason="closed"}': 1,
    ingest_seconds_count: 1,
    faults_total: 0,
  };
  for (const [series, value] of Object.entries(expected)) assert.is(await seriesOf(edge, series), value, series);
  sidecar.close();
});

test("every metric is in the README", ({ edge }) => {
  const readme = readFileSync(new URL("../../control-plane/README.md", import.meta.url), "utf8");
  for (const { name } of edge.metrics.registry.getMetricsAsArray()) {
    assert.ok(name.startsWith(PREFIX), name);
    assert.ok(readme.includes(`\`${name.slice(PREFIX.length)}\``), `${name} is in no table`);
  }
});

test.run();
