// The manifests, configurations and chart that are shipped, as far as they can be judged without the programs that read
// them: they parse, say what the filter and the control plane understand, and agree with each other.

import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parse, parseAllDocuments } from "yaml";
import { configTable } from "../../control-plane/config.ts";
import { capabilityRestriction } from "../../envoy/capabilities.ts";
import type { Json } from "../../envoy/cluster.ts";
import { PLUGIN_KEYS } from "../../envoy/plugin-keys.ts";
import { Mesh } from "../filter/mesh.ts";

const ENVOY = resolve(import.meta.dirname, "..", "..", "envoy");
const CHART = join(ENVOY, "helm", "vedette");
const read = (...path: string[]) => readFileSync(join(ENVOY, ...path), "utf8");
const yamlFiles = (folder: string) => readdirSync(join(ENVOY, folder)).filter((name) => name.endsWith(".yaml"));
const KINDS = { WasmPlugin: "wasm-plugin", TrafficExtension: "traffic-extension" } as const;
const PLACEMENTS = { sidecar: "server", edge: "client", gateway: "gateway" } as const;

/** What the filter complains of when it is given `configuration`; empty where all is well. */
function complaintOf(configuration: Json): string {
  const { sidecar } = new Mesh({ config: configuration, workers: 1, clusters: {} });
  const lines = sidecar.logs.map(({ text }) => text);
  return lines.filter((line) => /configuration refused|unknown configuration key/.test(line)).join("\n");
}

/** Every object in `value` under a key of this name. */
function allUnder(value: unknown, name: string): Json[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => (key === name ? [inner as Json] : allUnder(inner, name)));
}

test("every file is YAML without errors, warnings or doubled keys", () => {
  const files = ["istio", "plain"].flatMap((folder) => yamlFiles(folder).map((name) => [folder, name]));
  assert.ok(files.length >= 11);
  for (const path of [...files, ["helm", "vedette", "values.yaml"], ["helm", "vedette", "Chart.yaml"]]) {
    for (const document of parseAllDocuments(read(...path)) as { errors: Error[]; warnings: Error[] }[]) {
      assert.equal([...document.errors, ...document.warnings], [], path.join("/"));
    }
  }
});

test("the plugin configuration of every manifest is taken by the filter as it stands", () => {
  for (const [placement, label] of Object.entries(PLACEMENTS)) {
    for (const [kind, suffix] of Object.entries(KINDS)) {
      const name = `${placement}-${suffix}.yaml`;
      const manifest = parse(read("istio", name));
      assert.is(manifest.kind, kind, name);
      const { spec } = manifest;
      const { pluginConfig, failStrategy } = kind === "WasmPlugin" ? spec : spec.wasm;
      assert.is(complaintOf(pluginConfig), "", name);
      assert.is(failStrategy, "FAIL_OPEN", name);
      assert.is(spec.phase, "AUTHZ", name);
      assert.equal(spec.match, [{ mode: placement === "sidecar" ? "SERVER" : "CLIENT" }], name);
      assert.is(pluginConfig.direction ?? "server", placement === "edge" ? "client" : "server", name);
      // One value of one label: no Pod can have two filters, which would share a VM.
      assert.equal(spec.selector.matchLabels, { "vedette-filter": label }, name);
    }
  }
});

test("a plugin configuration with a wrong or unknown key would be noticed here", () => {
  assert.match(complaintOf({ mesh: "A" }), "refused");
  assert.match(complaintOf({ clutser: "a" }), "unknown configuration key");
});

test("WasmPlugin and TrafficExtension of a placement say the same", () => {
  for (const placement of Object.keys(PLACEMENTS)) {
    const [plugin, extension] = Object.values(KINDS).map((suffix) =>
      parse(read("istio", `${placement}-${suffix}.yaml`)),
    );
    const { wasm, ...rest } = extension.spec;
    assert.equal({ ...plugin.spec }, { ...rest, ...wasm }, placement);
  }
});

test("plain configurations grant exactly the capabilities the filter uses, and a configuration it takes", () => {
  const files = [["envoy.yaml"], ...yamlFiles("plain").map((name) => ["plain", name])];
  for (const path of files) {
    const file = path.join("/");
    const document = parse(read(...path));
    const restrictions = allUnder(document, "capability_restriction_config");
    assert.equal(restrictions, [capabilityRestriction()], file);
    const [value] = allUnder(document, "configuration") as unknown as { value: string }[];
    assert.is(complaintOf(JSON.parse(value!.value)), "", file);
  }
});

const ACCESS_LOG = ["%FILTER_STATE(wasm.vedette:PLAIN)%", "%RESPONSE_CODE_DETAILS%", "%REQ(X-REQUEST-ID)%"];

test("the access log provider is the one Telemetry asks for, and shows the verdict", () => {
  const [provider] = parse(read("istio", "mesh-config.yaml")).meshConfig.extensionProviders;
  const [logging] = parse(read("istio", "telemetry.yaml")).spec.accessLogging;
  assert.equal(logging.providers, [{ name: provider.name }]);
  const shown = Object.values(provider.envoyFileAccessLog.logFormat.labels);
  for (const command of ACCESS_LOG) assert.ok(shown.includes(command), command);
});

/** Names of the control plane's keys, without VEDETTE_. */
const CONFIG_KEYS = [...configTable().matchAll(/`VEDETTE_(\w+)`/g)].map((match) => match[1]!);

test("the chart sets keys that the control plane knows, and lets values set all the others", () => {
  const template = readFileSync(join(CHART, "templates", "config-map.yaml"), "utf8");
  const set = [...new Set([...template.matchAll(/^ +VEDETTE_([A-Z_]+):/gm)].map((match) => match[1]!))];
  for (const key of set) assert.ok(CONFIG_KEYS.includes(key), `VEDETTE_${key}`);
  const schema = JSON.parse(readFileSync(join(CHART, "values.schema.json"), "utf8"));
  const { pattern, not } = schema.properties.config.propertyNames;
  assert.equal([...not.enum].sort(), [...set].sort(), "what the chart sets, values cannot");
  for (const key of CONFIG_KEYS) assert.match(key, new RegExp(pattern));
});

test("the schema knows every value of the chart, and no others", () => {
  const schema = JSON.parse(readFileSync(join(CHART, "values.schema.json"), "utf8"));
  const compare = (values: Json, node: { properties?: Json; additionalProperties?: unknown }, path: string) => {
    if (node.properties === undefined) return; // free form
    assert.is(node.additionalProperties, false, `${path} is open`);
    const known = Object.keys(node.properties).filter((key) => key !== "global");
    assert.equal(known.sort(), Object.keys(values).sort(), path);
    for (const [key, value] of Object.entries(values)) {
      if (typeof value === "object" && value !== null)
        compare(value as Json, node.properties[key] as Json, `${path}.${key}`);
    }
  };
  compare(parse(read("helm", "vedette", "values.yaml")), schema, "values");
});

test("the chart's filter is given keys that the filter knows", () => {
  const template = readFileSync(join(CHART, "templates", "filter.yaml"), "utf8");
  const known = PLUGIN_KEYS.map(({ key }) => key);
  const config = /\$config := dict ([\s\S]*?)}}/.exec(template)![1]!;
  const written = [...config.matchAll(/"(\w+)" \(|"(mesh)"/g), ...template.matchAll(/set \$config "(\w+)"/g)];
  const keys = written.map((match) => match[1] ?? match[2]!);
  assert.equal([...new Set(keys)].sort(), ["authority", "cluster", "direction", "mesh", "publicKey"]);
  for (const key of keys) assert.ok(known.includes(key), key);
});

test.run();
