// The table of plugin configuration keys against the filter: what it takes by default, what it says of a value out of
// bounds, and that the table has every key.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Direction } from "../../control-plane/gen/vedette/v1/statistics_pb.ts";
import { PLUGIN_KEYS, pluginKeyTable } from "../../envoy/plugin-keys.ts";
import { Mesh } from "../filter/mesh.ts";

const ROOT = resolve(import.meta.dirname, "..", "..");
const read = (path: string) => readFileSync(resolve(ROOT, path), "utf8");
/** Of each key, a value beyond its bound. */
const BEYOND: Record<string, unknown> = {
  mesh: "A",
  target: "noslash",
  direction: "inbound",
  cluster: "a b",
  authority: "",
  publicKey: "???",
  callerHeader: "yes",
  tickMs: 5_001,
};

test("the filter refuses a value beyond each bound, in the words of the table", () => {
  for (const { key, bound } of PLUGIN_KEYS) {
    const value = BEYOND[key];
    const mesh = new Mesh({ config: { [key]: value }, workers: 1 }).connect();
    const shown = typeof value === "string" ? JSON.stringify(value) : String(value);
    assert.is(mesh.plane.stream.hello!.configError, `${key}: ${shown} is not ${bound}`);
  }
});

test("the filter reads the keys of the table and no others, but those of its test build", () => {
  const keys = [...read("filter/config-reader.ts").matchAll(/isKey\("(\w+)"\)/g)].map((match) => match[1]!);
  const shipped = keys.filter((key) => !key.startsWith("test"));
  assert.equal(shipped.sort(), PLUGIN_KEYS.map(({ key }) => key).sort());
});

test("without a configuration the filter takes the defaults of the table", () => {
  const { hello, call } = new Mesh({ config: "", workers: 1 }).connect().plane.stream;
  const fallbacks = Object.fromEntries(PLUGIN_KEYS.map(({ key, fallback }) => [key, fallback.replaceAll("`", "")]));
  assert.is(hello!.mesh, fallbacks.mesh);
  assert.is(call.cluster, fallbacks.cluster);
  assert.is(call.authority, fallbacks.authority);
  assert.is(Direction[hello!.direction]!.toLowerCase(), fallbacks.direction);
  assert.equal(hello!.targets, ["shop/quotes"], "of the node's metadata");
});

test("the table is in the README as the code gives it", () => {
  assert.ok(read("envoy/README.md").includes(pluginKeyTable()), `envoy/README.md must contain:\n${pluginKeyTable()}`);
});

test.run();
