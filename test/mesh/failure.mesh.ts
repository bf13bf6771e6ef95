// What each failStrategy of Istio really does, as envoy/README.md says: where the module cannot be had, and where a VM
// traps. The traps are those of the test build, which does so when asked.

import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { deliver, moduleOf, withModule } from "../../envoy/delivery.ts";
import { objectsOf } from "./chart.ts";
import type { Manifest } from "./kubernetes.ts";
import { MeshLab, VERSION } from "./lab.ts";
import { eventually } from "./patience.ts";
import { Registry } from "./registry.ts";

const ROOT = resolve(import.meta.dirname, "..", "..");
type Strategy = "FAIL_OPEN" | "FAIL_CLOSE" | "FAIL_RELOAD";

let lab: MeshLab;
/** The test build, from a web server of its own; it traps when a request asks for it. */
let trapping: Manifest;
test.before(async () => {
  lab = await MeshLab.open();
  const wasm = await readFile(join(ROOT, "filter", "build", "vedette-test.wasm"));
  const folder = join(lab.folder, "delivery-test");
  await deliver(wasm, moduleOf(wasm, VERSION, { by: "image", repository: "any/any" }), folder);
  const server = await Registry.start(folder);
  lab.onClose("server of the test build", () => server.stop());
  const { module } = moduleOf(wasm, VERSION, { by: "http", url: `http://${server.host}/http` });
  const text = await readFile(join(ROOT, "envoy", "istio", "sidecar-wasm-plugin.yaml"), "utf8");
  trapping = objectsOf(withModule(text, module))[0]!;
  trapping.spec = { ...(trapping.spec as object), pluginConfig: { ...pluginConfigOf(trapping), testTrap: true } };
});
test.after(() => lab?.close());

function pluginConfigOf(manifest: Manifest): object {
  return (manifest.spec as { pluginConfig: object }).pluginConfig;
}

function changed(manifest: Manifest, change: object): Manifest {
  return { ...manifest, spec: { ...(manifest.spec as object), ...change } };
}

const trap = async () =>
  (await lab.caller.send({ path: "/", headers: { host: lab.host, "x-vedette-test": "trap" } })).status;

/** The test build under this strategy, on a VM that has not trapped. */
async function installTrapping(failStrategy: Strategy): Promise<void> {
  await lab.admin.apply(changed(trapping, { failStrategy }));
  await eventually("its stream", async () => (await lab.node())?.connected === true);
  assert.is(await lab.status("/item/7"), 200);
}

async function uninstall(): Promise<void> {
  await lab.admin.delete(trapping);
  await eventually("it is gone", async () => (await lab.app.stat("wasm.envoy.wasm.runtime.v8.active")) === 0);
  assert.is(await lab.status("/item/7"), 200);
}

test("no module, wrong sha256 or no server: FAIL_OPEN passes all unseen, the others answer 403", async () => {
  const plugin = await lab.manifest("sidecar-wasm-plugin.yaml", "http");
  const { url } = plugin.spec as unknown as { url: string };
  const faults: Record<string, object> = {
    "wrong sha256": { sha256: "0".repeat(64), url: `${url}?wrong` },
    unreachable: { url: "http://127.0.0.1:9/vedette.wasm" },
  };
  for (const [title, fault] of Object.entries(faults)) {
    for (const failStrategy of ["FAIL_CLOSE", "FAIL_RELOAD"] as const) {
      await lab.admin.apply(changed(plugin, { ...fault, failStrategy }));
      await eventually(`${title}, ${failStrategy}`, async () => (await lab.status("/item/7")) === 403);
    }
    await lab.admin.apply(changed(plugin, { ...fault, failStrategy: "FAIL_OPEN" }));
    await eventually(`${title}, FAIL_OPEN`, async () => (await lab.status("/item/7")) === 200);
    assert.not(await lab.node(), "and no sidecar has a stream");
  }
  await lab.admin.delete(plugin);
});

test("a trap under FAIL_RELOAD: 503, then a new VM with the filter", async () => {
  await installTrapping("FAIL_RELOAD");
  assert.is(await trap(), 503);
  await eventually("requests pass again", async () => (await lab.status("/item/7")) === 200);
  assert.is(await trap(), 503, "the filter is back");
  await eventually("requests pass again", async () => (await lab.status("/item/7")) === 200);
  await uninstall();
});

test("a trap under FAIL_OPEN: 503 for that request, then all pass without the filter", async () => {
  await installTrapping("FAIL_OPEN");
  assert.is(await trap(), 503);
  for (let i = 0; i < 5; i++) assert.is(await lab.status("/item/7"), 200);
  assert.is(await trap(), 200, "nobody reads requests any more");
  await uninstall();
});

test("a trap under FAIL_CLOSE: 503 for that request and all later ones", async () => {
  await installTrapping("FAIL_CLOSE");
  assert.is(await trap(), 503);
  for (let i = 0; i < 5; i++) assert.is(await lab.status("/item/7"), 503);
});

test.run();
