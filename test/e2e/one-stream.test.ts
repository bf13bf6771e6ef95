// One stream a process, at most, as the control plane counts them, over a minute with everything that makes the VMs of
// a process change places: five updates of the configuration, an owner that stands still for longer than its lease, and
// a reload into new VMs. Meanwhile no request fails, and afterwards every one is in exactly one window.

import { setTimeout as sleep } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { update } from "../support/snapshot.ts";
import { eventually, inLab, type LabSidecar, MESH, withEnvoy } from "./lab.ts";
import { Traffic, total } from "./load.ts";
import { normal } from "./protect.ts";
import { type RecordedStream, Recorder } from "./recorder.ts";

const SPAN_MS = 60_000;
const WORKERS = 2;
/** The lease runs for 3 s. */
const STALL_MS = 4_500;
/** Frames of the new owner that are waited for after each change. */
const SETTLED_FRAMES = 4;

/** Changes the sidecar, and waits until a stream opened after that is the only one and has something to say. */
async function change(recorder: Recorder, run: () => Promise<void>): Promise<void> {
  const before = new Set(recorder.streams);
  await run();
  await eventually("a new stream", () => {
    const { live } = recorder;
    return live.length === 1 && !before.has(live[0]!) && live[0]!.frames.length >= SETTLED_FRAMES;
  });
}

/** The steps, each with a new configuration: updates but for the one that makes new VMs. */
function steps(sidecar: LabSidecar): (() => Promise<void>)[] {
  return [
    () => sidecar.reconfigure({ tickMs: 100 }),
    () => sidecar.reconfigure({ tickMs: 150 }),
    // Whoever owns the stream stands still once; so does, after it, whoever took it over.
    () => sidecar.reconfigure({ tickMs: 150, testStallMs: STALL_MS }),
    () => sidecar.reconfigure({ tickMs: 100 }),
    () => sidecar.reconfigure({ tickMs: 100 }, "2"),
    () => sidecar.reconfigure({ tickMs: 150 }, "2"),
  ];
}

function assertLeasesGrow(streams: RecordedStream[]): void {
  for (const [i, stream] of streams.entries()) {
    const counters = new Set(stream.frames.map(({ leaseCounter }) => leaseCounter));
    assert.ok(counters.size <= 1, `stream ${i}: lease counters ${[...counters]}`);
    const older = streams[i - 1];
    if (older) assert.ok(stream.leaseCounter >= older.leaseCounter, `stream ${i}: an older lease`);
  }
}

withEnvoy("a process has one stream through updates, a stalled owner and a reload, and loses no count", async () => {
  await inLab({ tls: false }, async (lab) => {
    const recorder = await Recorder.start();
    lab.onClose("recorder", () => recorder.stop());
    const spec = { mesh: MESH, target: "shop/web", serverNowMs: BigInt(Date.now()) };
    recorder.update = update(spec);
    const sidecar = await lab.sidecar({
      ...{ wasm: "vedette-test", discovery: true, concurrency: WORKERS, streamPort: recorder.port },
    });
    const caller = await lab.caller(sidecar);
    const endMs = performance.now() + SPAN_MS;
    await eventually("the first stream", () => recorder.of("ack").length === WORKERS + 1);
    const traffic = new Traffic(caller, normal(6), 30);
    const all = steps(sidecar);
    for (const [i, step] of all.entries()) {
      await change(recorder, step);
      const rest = endMs - performance.now();
      await sleep(Math.max(0, rest / (all.length - i)));
    }
    const tally = await traffic.stop();
    assert.equal([...tally.keys()], [200], "no request fails");
    assert.is(total(tally), lab.upstream.received);
    await eventually("every request told", () => recorder.seen >= total(tally));
    assert.is(recorder.seen, total(tally));
    assert.is(recorder.liveMost, 1);
    assert.is(recorder.live.length, 1);
    assertLeasesGrow(recorder.streams);
    const processes = new Set(recorder.of("hello").map(({ processId }) => processId));
    assert.is(processes.size, 1, "it is one process");
    const owners = new Set(recorder.of("hello").map(({ vmBootId }) => vmBootId));
    assert.ok(owners.size >= 3, `${owners.size} owners: first VMs, a stand-in, new VMs`);
    const { streams, takeovers } = recorder;
    console.log(`    ${streams.length} streams, ${takeovers} taken over, ${total(tally)} requests`);
    assert.ok(takeovers >= 1 && takeovers <= WORKERS + 1, `${takeovers} taken over, from an owner that stood still`);
    assert.ok(streams.length <= all.length + 1 + takeovers + 2, `${streams.length} streams for ${all.length} changes`);
  });
});

withEnvoy("an owner that stood still gives its stream up by itself, also where the server would keep it", async () => {
  await inLab({ tls: false }, async (lab) => {
    const recorder = await Recorder.start();
    lab.onClose("recorder", () => recorder.stop());
    recorder.supersedes = false;
    recorder.update = update({ mesh: MESH, target: "shop/web", serverNowMs: BigInt(Date.now()) });
    const configuration = { testStallMs: STALL_MS };
    await lab.sidecar({ wasm: "vedette-test", configuration, streamPort: recorder.port });
    const { streams } = recorder;
    // Both VMs own it in turn, and stand still once each.
    await eventually("both have stood still", () => streams.length >= 3);
    await eventually("one stream again", () => recorder.live.length === 1);
    assert.is(recorder.live[0], streams.at(-1), "the newest stays");
    assert.is(recorder.liveMost, 2, "two while an owner stands still and the server does nothing");
    assertLeasesGrow(streams);
    const told = streams.at(-1)!.frames.length;
    await eventually("it goes on", () => streams.at(-1)!.frames.length >= told + SETTLED_FRAMES);
    assert.is(recorder.live.length, 1);
  });
});

test.run();
