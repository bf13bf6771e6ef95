// Refuses well, over a real stream: whatever is wrong with a snapshot is told with field and bound, nothing of it is
// adopted, and the old model judges all along.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Mode } from "../../control-plane/gen/vedette/v1/model_pb.ts";
import type { Nack } from "../../control-plane/gen/vedette/v1/sidecar_pb.ts";
import { quoted } from "../filter/mesh.ts";
import { REFUSED } from "../support/section-cases.ts";
import { padTo, rules } from "../support/sections.ts";
import {
  manifestOf,
  otherKey,
  publicKeyOf,
  quoteSection,
  type SnapshotSpec,
  signingKey,
  signManifest,
  update,
} from "../support/snapshot.ts";
import { eventually, inLab, type Lab, type LabSidecar, MESH, withEnvoy } from "./lab.ts";
import { type Caller, Traffic, total } from "./load.ts";
import { Recorder } from "./recorder.ts";

const WORKERS = 2;
const VMS = WORKERS + 1;
const EPOCH = 5n;
/** Denied by the model that serves; by the stricter one already BENIGN would be. */
const ATTACK = quoted(4);
const BENIGN = quoted(1);
const stricter = quoteSection({ alert: 200, deny: 200 });

/** A sidecar on the test's own control plane, which sends what no real one would. */
class Bench {
  private nonce = 0n;

  private constructor(
    readonly recorder: Recorder,
    readonly sidecar: LabSidecar,
    readonly caller: Caller,
  ) {}

  static async open(lab: Lab, configuration: object = {}): Promise<Bench> {
    const recorder = await Recorder.start();
    lab.onClose("recorder", () => recorder.stop());
    const sidecar = await lab.sidecar({ concurrency: WORKERS, streamPort: recorder.port, configuration });
    await eventually("a stream", () => recorder.of("hello").length > 0);
    return new Bench(recorder, sidecar, await lab.caller(sidecar));
  }

  push(spec: SnapshotSpec): bigint {
    this.nonce++;
    const place = { mesh: MESH, target: "shop/web", epoch: EPOCH, version: 10n + this.nonce };
    this.recorder.push(update({ ...place, nonce: this.nonce, serverNowMs: BigInt(Date.now()), ...spec }));
    return this.nonce;
  }

  /** Pushes, and waits until every VM has adopted. */
  async adopt(spec: SnapshotSpec = {}): Promise<void> {
    const nonce = this.push(spec);
    const adopted = () => new Set(this.recorder.acksOf(nonce).map(({ vmBootId }) => vmBootId)).size === VMS;
    await eventually(`update ${nonce} adopted by every VM`, adopted);
  }

  /** Pushes what has the stricter model and must not be adopted; resolves with what was told. */
  async refuse(title: string, spec: SnapshotSpec): Promise<Nack> {
    const nonce = this.push({ model: stricter, ...spec });
    await eventually(`${title}: nack`, () => this.recorder.nacksOf(nonce).length > 0);
    assert.equal(this.recorder.acksOf(nonce), [], `${title}: adopted`);
    return this.recorder.nacksOf(nonce)[0]!;
  }
}

function describe(nacks: Nack[]): string {
  return nacks.map(({ field, value, bound }) => `${field}: ${value}, ${bound}`).join("; ");
}

/** Runs `body` under traffic of attacks and benign requests, and asserts that the old model judged every one. */
async function whileTheOldModelServes(bench: Bench, body: () => Promise<void>): Promise<void> {
  const attacks = new Traffic(bench.caller, () => ATTACK, 20, 4);
  const benign = new Traffic(bench.caller, () => BENIGN, 20, 4);
  await body();
  await Promise.all([attacks.stop(), benign.stop()]);
  assert.ok(total(attacks.tally) > 0 && total(benign.tally) > 0);
  assert.equal([...attacks.tally.keys()], [403], "attacks");
  assert.equal([...benign.tally.keys()], [200], "benign requests");
}

const MANIFESTS: [title: string, spec: SnapshotSpec, field: string, bound: RegExp][] = [
  ["an older version", { version: 9n }, "manifest.version", /./],
  ["the same version with other content", { version: 11n }, "manifest.version", /./],
  ["an older epoch", { epoch: 4n, version: 99n }, "manifest.version", /./],
  ["another mesh", { mesh: "other" }, "manifest.mesh", /./],
  ["another target", { target: "shop/cart" }, "manifest.target", /./],
  ["trained for other features", { featureHash: 1n }, "manifest.feature_hash", /./],
  ["a section not named", { named: ["settings", "model"] }, "manifest.sections", /./],
  ["a section left out", { omit: ["model"] }, "manifest.digest", /./],
  ["a manifest that is no message", { manifest: Uint8Array.of(0x0a, 0x7f, 1) }, "manifest", /readable/],
  ["a manifest of 5,000 bytes", { manifest: padTo(manifestOf({}), 5000) }, "manifest", /4096 bytes/],
  ["a corrupt section", { swap: { model: flip(stricter, 40) } }, "manifest.digest", /./],
  ["a truncated section", { swap: { model: stricter.subarray(0, 700) } }, "manifest.digest", /./],
  ["a section in another's place", { swap: { model: rules() } }, "manifest.digest", /./],
  ["2 MiB of rules", { rules: padTo(rules(), 2 << 20) }, "section.size", /1048576 bytes/],
];

function flip(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.with(at, bytes[at]! ^ 1);
}

withEnvoy(
  "corrupt, truncated, old, foreign and oversized snapshots are refused, and the old model serves",
  async () => {
    await inLab({ tls: false }, async (lab) => {
      const bench = await Bench.open(lab);
      assert.is(await bench.caller.status(ATTACK), 200, "without a model everything passes");
      await bench.adopt();
      await whileTheOldModelServes(bench, async () => {
        for (const [title, spec, field, bound] of MANIFESTS) {
          const nack = await bench.refuse(title, spec);
          assert.is(nack.field, field, `${title}: ${describe([nack])}`);
          assert.match(nack.bound, bound, title);
        }
      });
      assert.is(bench.recorder.streams.length, 1, "not one cost the stream");
      await bench.adopt({ model: stricter });
      assert.is(await bench.caller.status(BENIGN), 403, "a good one is adopted after all that");
    });
  },
);

withEnvoy("every section and rule that the law refuses is refused with its field, value and bound", async () => {
  await inLab({ tls: false }, async (lab) => {
    const bench = await Bench.open(lab);
    await bench.adopt();
    await whileTheOldModelServes(bench, async () => {
      for (const { name, kind, bytes, field, value } of REFUSED) {
        const nack = await bench.refuse(name, { [kind]: bytes });
        assert.is(nack.field, field, `${name}: ${describe([nack])}`);
        if (value !== undefined) assert.is(nack.value, value, name);
        assert.ok(nack.bound !== "", `${name}: no bound`);
      }
    });
    const pulses = bench.recorder.of("pulse").slice(-VMS);
    assert.ok(pulses.every(({ mode, held }) => mode === Mode.ENFORCE && held?.version === 11n));
    assert.is(bench.recorder.streams.length, 1);
    const counted = async () =>
      Math.max(...(await bench.sidecar.envoy.stats("vedette_updates_refused_total")).values());
    await eventually("counted in Envoy's metrics", async () => (await counted()) >= REFUSED.length);
  });
});

withEnvoy("with a key configured only what it signed is adopted", async () => {
  await inLab({ tls: false }, async (lab) => {
    const bench = await Bench.open(lab, { publicKey: publicKeyOf(signingKey) });
    const unsigned = await bench.refuse("unsigned", {});
    assert.is(`${unsigned.field}: ${unsigned.bound}`, "signature: signature by the configured key");
    assert.is(await bench.caller.status(ATTACK), 200, "nothing was adopted");
    await bench.adopt({ key: signingKey });
    const ofAnother = signManifest(manifestOf({ version: 50n }), signingKey);
    const cases: [string, SnapshotSpec][] = [
      ["unsigned", {}],
      ["signed with another key", { key: otherKey }],
      ["no signature at all", { signature: new Uint8Array(70) }],
      ["the signature of another manifest", { signature: ofAnother }],
      ["a signature of 300 bytes", { signature: new Uint8Array(300) }],
    ];
    await whileTheOldModelServes(bench, async () => {
      for (const [title, spec] of cases) assert.is((await bench.refuse(title, spec)).field, "signature", title);
    });
    await bench.adopt({ key: signingKey, model: stricter });
    assert.is(await bench.caller.status(BENIGN), 403);
  });
});

test.run();
