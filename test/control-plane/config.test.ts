// The configuration: defaults, bounds, what keys must hold together, and the table in the README.

import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { configTable, parseConfig } from "../../control-plane/config.ts";
import { ConfigError } from "../../control-plane/config-keys.ts";

type Variables = Record<string, string>;

/** What makes a configuration whole without identity, on loopback. */
const OPEN: Variables = { VEDETTE_SIDECAR_IDENTITY: "none", VEDETTE_OPERATOR_IDENTITY: "none" };

function parse(variables: Variables = {}) {
  const all = { ...OPEN, ...variables };
  return parseConfig((name) => all[name], Object.keys(all));
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
  VEDETTE_SIDECAR_IDENTITY: "mtls",
  VEDETTE_SIDECAR_TLS_CERT: "c.pem",
  VEDETTE_SIDECAR_TLS_KEY: "k.pem",
  VEDETTE_SIDECAR_TLS_CLIENT_CA: "ca.pem",
};

const OPERATOR_TLS = {
  VEDETTE_OPERATOR_IDENTITY: "required",
  VEDETTE_OPERATOR_TLS_CERT: "c.pem",
  VEDETTE_OPERATOR_TLS_KEY: "k.pem",
  VEDETTE_OPERATOR_TLS_CLIENT_CA: "operators.pem",
  VEDETTE_OPERATOR_ROLES: "admin=certificate-uri:https://people/alice",
};

test("without identity nothing is served, unless that is asked for", () => {
  const nothing = { VEDETTE_SIDECAR_IDENTITY: "mtls", VEDETTE_OPERATOR_IDENTITY: "required" };
  const [sidecar, operator, ...more] = faults(nothing);
  assert.equal(more, []);
  assert.match(sidecar!, /^VEDETTE_SIDECAR_IDENTITY: mtls, needs VEDETTE_SIDECAR_TLS_CLIENT_CA/);
  assert.match(operator!, /^VEDETTE_OPERATOR_IDENTITY: required, needs VEDETTE_OPERATOR_TLS_CLIENT_CA/);
  try {
    parseConfig(() => undefined);
    assert.unreachable();
  } catch (error) {
    assert.equal((error as Error).message.split("\n"), [sidecar, operator], "that is the default");
  }
});

test("where that is asked for it is a control plane on loopback", () => {
  const config = parse();
  const none = { tls: undefined, identity: "none" };
  assert.equal(config.sidecar, { address: { host: "127.0.0.1", port: 15051 }, ...none });
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
    identity: "mtls",
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
    ["VEDETTE_SIDECAR_IDENTITY", "tls"],
    ["VEDETTE_OPERATOR_IDENTITY", ""],
    ["VEDETTE_OPERATOR_ROLES", "admin"],
    ["VEDETTE_OPERATOR_ROLES", "root=oidc-group:x"],
    ["VEDETTE_OPERATOR_ROLES", "admin=group:x"],
    ["VEDETTE_OPERATOR_ROLES", "admin=oidc-group:"],
    ["VEDETTE_OPERATOR_ROLES", "admin=oidc-group:x;"],
    ["VEDETTE_OPERATOR_ROLES", Array.from({ length: 1001 }, () => "viewer=oidc-group:x").join(";")],
    ["VEDETTE_OPERATOR_OIDC_ISSUER", "http://issuer"],
    ["VEDETTE_OPERATOR_OIDC_ISSUER", "https://"],
    ["VEDETTE_OPERATOR_OIDC_GROUPS", ""],
    ["VEDETTE_KUBERNETES_API", "http://10.0.0.1"],
    ["VEDETTE_KUBERNETES_API", ""],
    ["VEDETTE_AUDIT_ENTRIES", "999"],
    ["VEDETTE_AUDIT_ENTRIES", "1000001"],
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
    for (const identity of ["none", "xfcc"]) {
      const [fault] = faults({ VEDETTE_SIDECAR_IDENTITY: identity, VEDETTE_SIDECAR_ADDRESS: `${host}:1` });
      assert.match(fault!, /^VEDETTE_SIDECAR_ADDRESS: .*must be loopback/);
    }
    assert.match(faults({ VEDETTE_OPERATOR_ADDRESS: `${host}:1` })[0]!, /^VEDETTE_OPERATOR_ADDRESS: .*loopback/);
  }
  for (const host of ["127.0.0.1", "127.9.9.9", "[::1]", "localhost"]) {
    assert.equal(faults({ VEDETTE_OPERATOR_ADDRESS: `${host}:1` }), []);
  }
  const server = { VEDETTE_OPERATOR_TLS_CERT: "c", VEDETTE_OPERATOR_TLS_KEY: "k" };
  assert.equal(faults({ ...server, VEDETTE_OPERATOR_ADDRESS: "127.0.0.1:1" }), []);
  assert.match(faults({ ...server, VEDETTE_OPERATOR_ADDRESS: "0.0.0.0:1" })[0]!, /must be loopback/);
});

test("tokens are taken over TLS, or on loopback", () => {
  const tokens = {
    VEDETTE_OPERATOR_IDENTITY: "required",
    VEDETTE_OPERATOR_KUBERNETES_AUDIENCE: "vedette",
    VEDETTE_OPERATOR_ROLES: "admin=kubernetes-group:sre",
  };
  assert.equal(faults(tokens), []);
  assert.match(faults({ ...tokens, VEDETTE_OPERATOR_ADDRESS: "0.0.0.0:1" })[0]!, /unless VEDETTE_OPERATOR_TLS_CERT/);
  const server = { VEDETTE_OPERATOR_TLS_CERT: "c", VEDETTE_OPERATOR_TLS_KEY: "k" };
  assert.equal(faults({ ...tokens, ...server, VEDETTE_OPERATOR_ADDRESS: "0.0.0.0:1" }), []);
});

test("what says how callers are known must agree with itself", () => {
  assert.match(faults({ ...TLS, VEDETTE_SIDECAR_IDENTITY: "none" })[0]!, /^VEDETTE_SIDECAR_IDENTITY: none, but/);
  assert.match(faults({ ...TLS, VEDETTE_SIDECAR_IDENTITY: "xfcc" })[0]!, /^VEDETTE_SIDECAR_IDENTITY: xfcc, but/);
  assert.match(
    faults({ ...OPERATOR_TLS, VEDETTE_OPERATOR_IDENTITY: "none" })[0]!,
    /^VEDETTE_OPERATOR_IDENTITY: none, but/,
  );
  assert.match(faults({ ...OPERATOR_TLS, VEDETTE_OPERATOR_ROLES: "" })[0]!, /^VEDETTE_OPERATOR_ROLES: empty, nobody/);
  const part = { ...OPERATOR_TLS, VEDETTE_OPERATOR_OIDC_ISSUER: "https://issuer" };
  assert.match(faults(part)[0]!, /OPERATOR_OIDC_JWKS: must be set together/);
});

test("roles are read, several for one and one for several", () => {
  const roles = [
    "admin=certificate-subject:CN=alice,O=ops",
    " viewer=oidc-group:dev team ",
    "rule-editor=oidc-group:dev team",
    "mode-editor=kubernetes-user:system:serviceaccount:ops:bot",
  ].join(";");
  const { operator } = parse({ ...OPERATOR_TLS, VEDETTE_OPERATOR_ROLES: roles });
  assert.equal(Object.fromEntries(operator.roles), {
    "certificate-subject:CN=alice,O=ops": ["admin"],
    "oidc-group:dev team": ["viewer", "rule-editor"],
    "kubernetes-user:system:serviceaccount:ops:bot": ["mode-editor"],
  });
  assert.equal([operator.identity, operator.oidc, operator.kubernetes], ["required", undefined, undefined]);
});

test("parts of TLS are refused", () => {
  assert.match(faults({ VEDETTE_SIDECAR_TLS_CERT: "c" })[0]!, /must be set together/);
  assert.match(faults({ ...TLS, VEDETTE_SIDECAR_TLS_CLIENT_CA: "" })[0]!, /must be set together/);
  assert.match(faults({ VEDETTE_OPERATOR_TLS_CLIENT_CA: "ca" })[0]!, /must be set together/);
});

test("the mesh does not sign operators", () => {
  const operator = { ...OPERATOR_TLS, VEDETTE_OPERATOR_TLS_CLIENT_CA: "ca.pem" };
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
