// The allow-list of capabilities against the built module and the example configuration.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parse } from "yaml";
import { CALLBACKS, capabilityRestriction, HOSTCALLS } from "../../envoy/capabilities.ts";

const ROOT = resolve(import.meta.dirname, "..", "..");
const EXAMPLE = readFileSync(resolve(ROOT, "envoy", "envoy.yaml"), "utf8");
interface ModuleType {
  new (bytes: Uint8Array): object;
  imports(module: object): { name: string }[];
  exports(module: object): { name: string }[];
}
/** The project compiles without browser types, which declare it. */
const { WebAssembly } = globalThis as unknown as { WebAssembly: { Module: ModuleType } };
/** Called by the host to put bytes into the module's memory: no capability, or no module could be run without it. */
const MEMORY = "proxy_on_memory_allocate";

test("the list is what the filter imports and exports, no more and no less", () => {
  const module = new WebAssembly.Module(readFileSync(resolve(ROOT, "filter", "build", "vedette.wasm")));
  assert.equal(
    [...HOSTCALLS],
    WebAssembly.Module.imports(module)
      .map(({ name }) => name)
      .sort(),
  );
  const callbacks = WebAssembly.Module.exports(module).map(({ name }) => name);
  assert.equal([...CALLBACKS], callbacks.filter((name) => name.startsWith("proxy_on_") && name !== MEMORY).sort());
});

test("the example grants the same capabilities", () => {
  const [listener] = parse(EXAMPLE).static_resources.listeners;
  const [filter] = listener.filter_chains[0].filters[0].typed_config.http_filters;
  const restriction = filter.typed_config.config.vm_config.capability_restriction_config;
  assert.equal(
    Object.keys(restriction.allowed_capabilities),
    Object.keys(capabilityRestriction().allowed_capabilities),
  );
});

test("the example's plugin configuration is JSON, and needs an Envoy cluster of the name it says", () => {
  const { listeners, clusters } = parse(EXAMPLE).static_resources;
  const [filter] = listeners[0].filter_chains[0].filters[0].typed_config.http_filters;
  const configuration = JSON.parse(filter.typed_config.config.configuration.value);
  assert.ok(clusters.some(({ name }: { name: string }) => name === configuration.cluster));
});

test.run();
