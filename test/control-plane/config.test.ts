// The configuration: defaults, bounds, what keys must hold together, and the table in the README.

import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ConfigError, configTable, parseConfig } from "../../control-plane/config.ts";

type Variables = Record<string, string>;

function parse(variables: Variables = {}) {
  return parseConfig((name) => variables[name], Object.keys(variables));
}

/** The faults, one a line. */
function faults(variables: Variables): string[] {
  try {
    parse(variables);
  } catch (error) {
    assert.instance(error, ConfigError);
    return (error as Error).message.split("\n");
  }
  return [];
}

const TLS = {
  VEDETTE_SIDECAR_TLS_CERT: "c.pem",
  VEDETTE_SIDECAR_TLS_KEY: "k.pem",
  VEDETTE_SIDECAR_TLS_CLIENT_CA: "ca.pem",
};

test("without any key it is a control plane on loopback", () => {
  const config = parse();
  assert.equal(config.sidecar, { address: { host: "127.0.0.1", port: 15051 }, tls: undefined });
  assert.equal(config.operator.address, { host: "127.0.0.1", port: 15052 });
  assert.equal(config.http, { host: "127.0.0.1", port: 15053 });
  assert.is(config.mesh, "default");
  assert.is(config.defaultMode, "learn");
  assert.is(config.pulseMs, 5000);
  assert.is(config.windowMs, 60_000);
  assert.is(config.signingKeyFile, undefined);
  assert.is(config.training.denyFpr, 1e-5);
  assert.is(config.bindings.size, 0);
});

test("keys are read", () => {
  const config = parse({
    ...TLS,
    VEDETTE_SIDECAR_ADDRESS: "[::]:1",
    VEDETTE_OPERATOR_ADDRESS: "localhost:0",
    VEDETTE_MESH: "east.1",
    VEDETTE_DENY_FPR: "2e-4",
    VEDETTE_BINDINGS: "shop/web=shop/cart,tools/*; ops/x=ops/y;shop/web=shop/z",
    VEDETTE_LOG_LEVEL: "debug",
  });
  assert.equal(config.sidecar, {
    address: { host: "::", port: 1 },
    tls: { cert: "c.pem", key: "k.pem", clientCa: "ca.pem" },
  });
  assert.equal(config.bindings.get("shop/web"), ["shop/cart", "tools/*", "shop/z"]);
  assert.equal(config.bindings.get("ops/x"), ["ops/y"]);
  assert.is(config.training.denyFpr, 2e-4);
});

test("a value out of bounds is refused with key, value and bound", () => {
  const cases: [string, string][] = [
    ["VEDETTE_SIDECAR_ADDRESS", "127.0.0.1"],
    ["VEDETTE_SIDECAR_ADDRESS", "127.0.0.1:65536"],
    ["VEDETTE_SIDECAR_ADDRESS", "::1:80"],
    ["VEDETTE_MESH", "Mesh"],
    ["VEDETTE_MESH", ""],
    ["VEDETTE_MESH", "m".repeat(65)],
    ["VEDETTE_WINDOW_MS", "999"],
    ["VEDETTE_WINDOW_MS", "600001"],
    ["VEDETTE_PULSE_MS", "1e3"],
    ["VEDETTE_PULSE_MS", "-1"],
    ["VEDETTE_PULSE_MS", "1000.5"],
    ["VEDETTE_ALERT_FPR", "0"],
    ["VEDETTE_ALERT_FPR", "0.11"],
    ["VEDETTE_ALERT_FPR", "x"],
    ["VEDETTE_DEFAULT_MODE", "block"],
    ["VEDETTE_OVERSIZE", ""],
    ["VEDETTE_LOG_LEVEL", "INFO"],
    ["VEDETTE_BINDINGS", "shop/web"],
    ["VEDETTE_BINDINGS", "shop/web=*"],
    ["VEDETTE_BINDINGS", "shop/web=shop/*x"],
    ["VEDETTE_BINDINGS", "shop/*=shop/x"],
  ];
  for (const [name, value] of cases) {
    const [fault, ...more] = faults({ [name]: value });
    assert.equal(more, [], name);
    assert.ok(fault?.startsWith(`${name}: ${JSON.stringify(value)}, must be `), `${name}=${value}: ${fault}`);
  }
});

test("every fault is told at once", () => {
  assert.is(faults({ VEDETTE_MESH: "", VEDETTE_PULSE_MS: "1", VEDETTE_TYPO: "1" }).length, 3);
});

test("a key with our prefix that is not known is refused, others are not ours", () => {
  assert.equal(faults({ VEDETTE_PULS_MS: "1000", PATH: "/bin" }), ["VEDETTE_PULS_MS: no such key"]);
});

test("a listener that asks for no certificate stays on loopback", () => {
  for (const host of ["0.0.0.0", "10.0.0.1", "[::]", "example.org", "127.example.org", "1127.0.0.1"]) {
    assert.match(faults({ VEDETTE_SIDECAR_ADDRESS: `${host}:1` })[0]!, /^VEDETTE_SIDECAR_ADDRESS: .*must be loopback/);
    assert.match(faults({ VEDETTE_OPERATOR_ADDRESS: `${host}:1` })[0]!, /^VEDETTE_OPERATOR_ADDRESS: .*loopback/);
  }
  for (const host of ["127.0.0.1", "127.9.9.9", "[::1]", "localhost"]) {
    assert.equal(faults({ VEDETTE_OPERATOR_ADDRESS: `${host}:1` }), []);
  }
  const server = { VEDETTE_OPERATOR_TLS_CERT: "c", VEDETTE_OPERATOR_TLS_KEY: "k" };
  assert.equal(faults({ ...server, VEDETTE_OPERATOR_ADDRESS: "127.0.0.1:1" }), []);
  assert.match(faults({ ...server, VEDETTE_OPERATOR_ADDRESS: "0.0.0.0:1" })[0]!, /must be loopback/);
});

test("parts of TLS are refused", () => {
  assert.match(faults({ VEDETTE_SIDECAR_TLS_CERT: "c" })[0]!, /must be set together/);
  assert.match(faults({ ...TLS, VEDETTE_SIDECAR_TLS_CLIENT_CA: "" })[0]!, /must be set together/);
  assert.match(faults({ VEDETTE_OPERATOR_TLS_CLIENT_CA: "ca" })[0]!, /must be set together/);
});

test("the mesh does not sign operators", () => {
  const operator = {
    VEDETTE_OPERATOR_TLS_CERT: "c.pem",
    VEDETTE_OPERATOR_TLS_KEY: "k.pem",
    VEDETTE_OPERATOR_TLS_CLIENT_CA: "ca.pem",
  };
  assert.match(faults({ ...TLS, ...operator })[0]!, /every sidecar would be an operator/);
});

test("what may be denied is no more than what may be alerted", () => {
  assert.match(faults({ VEDETTE_ALERT_FPR: "1e-4", VEDETTE_DENY_FPR: "1e-3" })[0]!, /^VEDETTE_DENY_FPR: 0\.001/);
});

test("the README prints the table of keys", () => {
  const readme = readFileSync(new URL("../../control-plane/README.md", import.meta.url), "utf8");
  assert.ok(readme.includes(configTable()), `control-plane/README.md must contain:\n${configTable()}`);
});

test.run();
