// Every build links in Envoy: exact types of imports and exports, nothing that the host lacks, memory within the plan.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { MEMORY_PAGES_MAX } from "../../filter/core/limits.ts";
import { HOSTCALLS, linkErrors, WASI } from "../host/abi.ts";
import { readTypes } from "../host/wasm-types.ts";
import { type Build, build, Mesh } from "./mesh.ts";

const BUILDS: Build[] = ["vedette", "vedette-scalar", "vedette-debug", "vedette-test"];

/** What the filter may ask of the host; an operator may allow just these. */
const IMPORTS = [
  "env.proxy_call_foreign_function",
  "env.proxy_define_metric",
  "env.proxy_dequeue_shared_queue",
  "env.proxy_enqueue_shared_queue",
  "env.proxy_get_buffer_bytes",
  "env.proxy_get_current_time_nanoseconds",
  "env.proxy_get_header_map_pairs",
  "env.proxy_get_property",
  "env.proxy_get_shared_data",
  "env.proxy_grpc_cancel",
  "env.proxy_grpc_close",
  "env.proxy_grpc_send",
  "env.proxy_grpc_stream",
  "env.proxy_increment_metric",
  "env.proxy_log",
  "env.proxy_record_metric",
  "env.proxy_register_shared_queue",
  "env.proxy_resolve_shared_queue",
  "env.proxy_send_local_response",
  "env.proxy_set_property",
  "env.proxy_set_shared_data",
  "env.proxy_set_tick_period_milliseconds",
  "wasi_snapshot_preview1.clock_time_get",
  "wasi_snapshot_preview1.random_get",
];

test("every build links, and asks for nothing but what is written down", () => {
  for (const name of BUILDS) {
    const types = readTypes(build(name));
    assert.equal(linkErrors(types), [], name);
    const strangers = types.imports
      .map((entry) => `${entry.module}.${entry.name}`)
      .filter((entry) => !IMPORTS.includes(entry));
    assert.equal(strangers, [], name);
  }
});

test("the release build asks for exactly what is written down, with the host's types", () => {
  const { imports } = readTypes(build("vedette"));
  assert.equal(imports.map((entry) => `${entry.module}.${entry.name}`).sort(), IMPORTS);
  for (const { module, name, signature } of imports) {
    assert.is(signature, (module === "env" ? HOSTCALLS : WASI)[name], name);
  }
});

test("memory is declared with a maximum within the plan, and all of it is there from the start", () => {
  for (const name of ["vedette", "vedette-scalar"] as const) {
    const { memory } = readTypes(build(name));
    assert.ok(
      memory!.maximum !== undefined && memory!.maximum <= MEMORY_PAGES_MAX,
      `${name}: ${memory!.maximum} pages`,
    );
    assert.ok(memory!.minimum <= memory!.maximum!);
  }
});

test("nothing runs while the module is linked", () => {
  for (const name of BUILDS) assert.not(readTypes(build(name)).start, name);
});

test("the release builds export the ABI, memory and malloc, and no test hook", () => {
  for (const name of ["vedette", "vedette-scalar"] as const) {
    const names = readTypes(build(name)).exports.map((entry) => entry.name);
    const strangers = names.filter((entry) => !/^(proxy_|_initialize$|malloc$|memory$)/.test(entry));
    assert.equal(strangers, [], name);
    assert.ok(names.includes("malloc") || names.includes("proxy_on_memory_allocate"));
    for (const callback of ["proxy_on_tick", "proxy_on_log", "proxy_on_grpc_receive", "proxy_on_queue_ready"]) {
      assert.ok(names.includes(callback), `${name}: ${callback}`);
    }
  }
});

test("the scalar and the debug build do what the release build does, request for request and frame for frame", () => {
  const told = BUILDS.map((name) => {
    const mesh = new Mesh({ build: name, workers: 2 }).adopt();
    const statuses = Array.from({ length: 120 }, (_, i) => {
      const path = `/p${i % 5}?q=${"'".repeat(i % 6)}${"%2527".repeat(i % 3)}&n=${i}`;
      const { status, filterState } = mesh.request({ path, code: i % 7 === 0 ? 500 : 200 });
      return [status, filterState.get("vedette")];
    });
    mesh.settle();
    const windows = JSON.stringify(mesh.windows(), (_, value) => (typeof value === "bigint" ? String(value) : value));
    return { statuses, windows };
  });
  for (const [i, other] of told.entries()) {
    assert.equal(other.statuses, told[0]!.statuses, BUILDS[i]);
    assert.is(other.windows, told[0]!.windows, BUILDS[i]);
  }
});

test("a build that traps on purpose is seen", () => {
  const mesh = new Mesh({ build: "vedette-test", config: { testTrap: true }, workers: 1 });
  assert.is(mesh.request({ headers: [["x-vedette-test", "trap"]], worker: 0 }).status, 503);
  assert.is(mesh.sidecar.failures.length, 1);
  const release = new Mesh({ config: { testTrap: true }, workers: 1 });
  assert.is(release.request({ headers: [["x-vedette-test", "trap"]] }).status, 200, "a release knows no such thing");
});

test.run();
