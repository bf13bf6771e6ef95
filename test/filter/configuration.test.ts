// The plugin configuration is never refused: a bad first one means off, a bad update keeps the old one, and it is told
// either way.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Mesh, quoted } from "./mesh.ts";

/** What each of these makes wrong: the text, and the field that must be named. */
const BAD: [string, string][] = [
  ["{", "configuration"],
  ["[]", "configuration"],
  ["nonsense", "configuration"],
  ['{"mesh":"a"} trailing', "configuration"],
  ['{"mesh":"a",}', "configuration"],
  ['{"mesh":"\\uD800"}', "configuration"],
  ['{"mesh":""}', "mesh"],
  [`{"mesh":"${"m".repeat(65)}"}`, "mesh"],
  ['{"mesh":"A"}', "mesh"],
  ['{"mesh":7}', "mesh"],
  ['{"target":"noslash"}', "target"],
  ['{"target":"a/b/c"}', "target"],
  [`{"target":"a/${"b".repeat(256)}"}`, "target"],
  ['{"direction":"inbound"}', "direction"],
  ['{"cluster":""}', "cluster"],
  ['{"cluster":"a b"}', "cluster"],
  [`{"cluster":"${"c".repeat(257)}"}`, "cluster"],
  ['{"authority":""}', "authority"],
  ['{"authority":"a b"}', "authority"],
  ['{"publicKey":"???"}', "publicKey"],
  [`{"publicKey":"${"AAAA".repeat(200)}"}`, "publicKey"],
  ['{"callerHeader":"yes"}', "callerHeader"],
  ['{"tickMs":49}', "tickMs"],
  ['{"tickMs":5001}', "tickMs"],
  ['{"tickMs":1e2}', "tickMs"],
  ['{"tickMs":-50}', "tickMs"],
  [`{"mesh":"${"a".repeat(70_000)}"}`, "configuration"],
];

function configErrors(mesh: Mesh): string[] {
  return mesh.plane.of("pulse").map((pulse) => pulse.configError);
}

test("a bad first configuration is accepted, means off, and is told with field, value and bound", () => {
  for (const [text, field] of BAD) {
    const title = text.slice(0, 40);
    const mesh = new Mesh({ config: text, workers: 1 });
    assert.is(mesh.sidecar.vms.length, 2, `${title}: was refused`);
    mesh.connect();
    const { hello } = mesh.plane.stream;
    assert.ok(hello!.configError.startsWith(`${field}: `), `${title}: ${JSON.stringify(hello!.configError)}`);
    assert.ok(hello!.configErrors >= 1);
    assert.ok(Buffer.byteLength(hello!.configError) <= 256);
    assert.is(mesh.request({ path: quoted(9) }).status, 200);
    assert.equal(mesh.sidecar.failures, []);
  }
});

test("off after a bad first configuration stays off whatever snapshot comes", () => {
  const mesh = new Mesh({ config: '{"tickMs":1}', workers: 1 }).connect();
  mesh.push();
  mesh.sidecar.tick(3000);
  assert.is(mesh.request({ path: quoted(9) }).status, 200);
});

test("a good configuration heals a bad first one", () => {
  const mesh = new Mesh({ config: '{"tickMs":1}', workers: 1 });
  mesh.sidecar.tick(1000);
  mesh.sidecar.configure({ tickMs: 100 });
  mesh.until(() => mesh.plane.live.length === 1 && mesh.plane.stream.hello?.configError === "", "a good hello");
  mesh.adopt();
  assert.is(mesh.request({ path: quoted(9) }).status, 403);
});

test("a bad update keeps the old configuration and the old model, and is told", () => {
  for (const [text, field] of BAD.slice(0, 12)) {
    const mesh = new Mesh({ workers: 1 }).adopt();
    assert.ok(mesh.sidecar.configure(text), "never refused");
    mesh.sidecar.tick(6000);
    assert.is(mesh.request({ path: quoted(4) }).status, 403, text.slice(0, 40));
    const told = configErrors(mesh).at(-1)!;
    assert.ok(told.startsWith(`${field}: `), `${text.slice(0, 40)}: ${JSON.stringify(told)}`);
    assert.is(mesh.plane.live.length, 1, "the stream is there again");
    assert.ok(mesh.sidecar.metrics.value("wasm_filter.vedette.vedette_config_errors_total") >= 1);
  }
});

test("a canary knows a first configuration from an update", () => {
  const mesh = new Mesh({ workers: 1 }).adopt();
  assert.ok(mesh.sidecar.configure("{"));
  assert.ok(mesh.sidecar.configure({ mesh: "default", tickMs: 100 }));
  mesh.sidecar.tick(6000);
  assert.is(configErrors(mesh).at(-1), "", "the error is over");
});

test("an empty configuration, and an empty object, are the defaults", () => {
  for (const config of ["", "{}", " \n{ }\n "]) {
    const mesh = new Mesh({ config, workers: 1 }).connect();
    const { hello, call } = mesh.plane.stream;
    assert.equal(
      [hello!.mesh, hello!.targets, call.cluster, call.authority],
      ["default", ["shop/quotes"], "vedette", "vedette"],
    );
    assert.is(hello!.configError, "");
  }
});

test("escapes are decoded: istiod writes < and > as \\u003c and \\u003e", () => {
  const text = '{"mesh":"\\u0065u-1","tar\\u0067et":"shop\\/qu\\u006ftes","unknown\\u003c":"\\u003cx\\u003e"}';
  const mesh = new Mesh({ config: text, workers: 1 }).connect();
  assert.is(mesh.plane.stream.hello!.mesh, "eu-1");
  assert.equal(mesh.plane.stream.hello!.targets, ["shop/quotes"]);
});

test("unknown keys, of any kind and depth, warn and change nothing", () => {
  const config = { later: { deep: [1, { a: "}" }, null] }, more: 1.5e3, other: true, mesh: "m" };
  const mesh = new Mesh({ config, workers: 1 }).connect();
  assert.is(mesh.plane.stream.hello!.mesh, "m");
  assert.is(mesh.plane.stream.hello!.configError, "");
  for (const key of ["later", "more", "other"])
    assert.ok(
      mesh.warnings().some((text) => text.includes(key)),
      key,
    );
});

test("without a target in the configuration or in the node's metadata the filter is off and says why", () => {
  const mesh = new Mesh({ metadata: {}, workers: 1 });
  assert.is(mesh.request({ path: quoted(9) }).status, 200);
  mesh.sidecar.tick(5000);
  assert.ok(
    mesh.warnings().some((text) => text.includes("target")),
    mesh.logTail(),
  );
  assert.equal(mesh.sidecar.failures, []);
});

test("a target of the configuration wins over the node's metadata", () => {
  const mesh = new Mesh({ config: { target: "bank/ledger" }, workers: 1 }).connect();
  assert.equal(mesh.plane.stream.hello!.targets, ["bank/ledger"]);
  mesh.adopt({ target: "bank/ledger" });
  assert.is(mesh.request({ path: quoted(4) }).status, 403);
});

test("a new target forgets the snapshot of the old one", () => {
  const mesh = new Mesh({ workers: 1 }).adopt();
  mesh.sidecar.configure({ target: "bank/ledger" });
  mesh.until(() => mesh.plane.live.length === 1 && mesh.plane.stream.hello?.targets[0] === "bank/ledger", "hello");
  assert.is(mesh.request({ path: quoted(4) }).status, 200);
  mesh.adopt({ target: "bank/ledger" });
  assert.is(mesh.request({ path: quoted(4) }).status, 403);
});

test("configurations made of noise are survived", () => {
  const pieces = [
    "{",
    "}",
    '"',
    "\\",
    "\\u",
    "00",
    ":",
    ",",
    "[",
    "]",
    "mesh",
    "true",
    "-1",
    "1e9",
    " ",
    "\n",
    "\0",
    "é",
  ];
  let seed = 7;
  for (let i = 0; i < 300; i++) {
    let text = "";
    for (let j = 0; j < 12; j++) {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      text += pieces[seed % pieces.length];
    }
    const mesh = new Mesh({ config: text || "{}", workers: 1 });
    assert.equal(mesh.sidecar.failures, [], JSON.stringify(text));
    assert.is(mesh.sidecar.vms.length, 2, JSON.stringify(text));
  }
});

test.run();
