// The rendered bootstraps, as objects: what a sidecar must say, and what none may.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { type BootstrapOptions, bootstrap } from "../../envoy/bootstrap.ts";
import { CALLBACKS, HOSTCALLS } from "../../envoy/capabilities.ts";
import { spiffeIdOf } from "../../envoy/certificates.ts";
import { discoveryResponse, vedetteFilter } from "../../envoy/filter-config.ts";

const identity = {
  spiffeId: spiffeIdOf("shop", "web"),
  certificate: "/c/web.pem",
  key: "/c/web-key.pem",
  authority: "/c/ca.pem",
};
const CONTROL_PLANE = spiffeIdOf("vedette", "control-plane");
const sidecar: BootstrapOptions = {
  node: "web-0.shop",
  namespace: "shop",
  workload: "web",
  adminPort: 9901,
  accessLog: "/logs/web.log",
  identity,
  inbound: { port: 15006, mtls: true, upstream: { host: "127.0.0.1", port: 8080, tls: false } },
  outbound: {
    port: 15001,
    edge: false,
    destinations: [{ name: "cart", domain: "cart", port: 15106, spiffeId: spiffeIdOf("shop", "cart") }],
  },
  filter: {
    wasm: "/w/vedette.wasm",
    configuration: { mesh: "demo" },
    controlPlane: { host: "127.0.0.1", port: 15051, tls: { identity, spiffeId: CONTROL_PLANE } },
  },
};

// biome-ignore lint/suspicious/noExplicitAny: JSON of a foreign schema, read at will
type Any = any;
const render = (options: BootstrapOptions): Any => bootstrap(options);
const managerOf = (listener: Any): Any => listener.filter_chains[0].filters[0].typed_config;
const clusterOf = (config: Any, name: string): Any =>
  config.static_resources.clusters.find((each: Any) => each.name === name);

/** Every value under `key`, at any depth. */
function allOf(value: unknown, key: string): unknown[] {
  if (Array.isArray(value)) return value.flatMap((each) => allOf(each, key));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, each]) => [...(name === key ? [each] : []), ...allOf(each, key)]);
}

test("everything listens on 127.0.0.1", () => {
  const addresses = allOf(render(sidecar), "socket_address") as { address: string }[];
  assert.ok(addresses.length >= 6);
  assert.ok(addresses.every(({ address }) => address === "127.0.0.1"));
});

test("the inbound listener wants a certificate of the trust domain, and appends to x-forwarded-client-cert", () => {
  const [inbound] = render(sidecar).static_resources.listeners;
  const tls = inbound.filter_chains[0].transport_socket.typed_config;
  assert.is(tls.require_client_certificate, true);
  assert.equal(tls.common_tls_context.validation_context, {
    trusted_ca: { filename: "/c/ca.pem" },
    match_typed_subject_alt_names: [{ san_type: "URI", matcher: { prefix: "spiffe://cluster.local/" } }],
  });
  assert.is(managerOf(inbound).forward_client_cert_details, "APPEND_FORWARD");
  assert.equal(managerOf(inbound).set_current_client_cert_details, { subject: true, uri: true, dns: true });
});

test("the filter is first of the inbound filters, and nowhere else", () => {
  const [inbound, outbound] = render(sidecar).static_resources.listeners;
  const names = (listener: Any) => managerOf(listener).http_filters.map((filter: Any) => filter.name);
  assert.equal(names(inbound), ["vedette", "envoy.filters.http.router"]);
  assert.equal(names(outbound), ["envoy.filters.http.router"]);
});

test("the filter gets its configuration as JSON, its policy, and no more capabilities than it uses", () => {
  const [inbound] = render(sidecar).static_resources.listeners;
  const { config } = managerOf(inbound).http_filters[0].typed_config;
  assert.is(config.failure_policy, "FAIL_RELOAD");
  assert.is(config.configuration.value, '{"mesh":"demo"}');
  assert.is(config.vm_config.code.local.filename, "/w/vedette.wasm");
  const allowed = Object.keys(config.vm_config.capability_restriction_config.allowed_capabilities);
  assert.equal(allowed, [...HOSTCALLS, ...CALLBACKS].sort());
});

test("with discovery the listener names the file, and the file holds what would stand in the listener", () => {
  const filter = { ...sidecar.filter!, discovery: "/w/filter.json" };
  const [entry] = managerOf(render({ ...sidecar, filter }).static_resources.listeners[0]).http_filters;
  assert.is(entry.config_discovery.config_source.path_config_source.path, "/w/filter.json");
  const [resource] = discoveryResponse(filter).resources as Any[];
  assert.is(resource.name, "vedette");
  assert.equal(resource.typed_config, (vedetteFilter(sidecar.filter!) as Any).typed_config);
});

test("other sidecars and the control plane are reached with our certificate, and only if they are who is meant", () => {
  const config = render(sidecar);
  for (const [name, id] of [
    ["cart", spiffeIdOf("shop", "cart")],
    ["vedette", CONTROL_PLANE],
  ] as const) {
    const context = clusterOf(config, name).transport_socket.typed_config.common_tls_context;
    assert.is(context.tls_certificates[0].certificate_chain.filename, "/c/web.pem");
    assert.is(context.validation_context.match_typed_subject_alt_names[0].matcher.exact, id);
  }
  const [options] = Object.values(clusterOf(config, "vedette").typed_extension_protocol_options) as Any[];
  assert.ok(options.explicit_http_config.http2_protocol_options, "gRPC needs HTTP/2");
});

test("the node tells namespace and workload, which name the target", () => {
  assert.equal(render(sidecar).node.metadata, { NAMESPACE: "shop", WORKLOAD_NAME: "web" });
});

test("the access log tells verdict, details, request id and verified caller", () => {
  const [inbound] = render(sidecar).static_resources.listeners;
  const log = managerOf(inbound).access_log[0].typed_config;
  const format = log.log_format.json_format;
  assert.is(log.path, "/logs/web.log");
  assert.is(format.vedette, "%FILTER_STATE(wasm.vedette:PLAIN)%");
  assert.is(format.details, "%RESPONSE_CODE_DETAILS%");
  assert.is(format.request_id, "%REQ(X-REQUEST-ID)%");
  assert.is(format.caller, "%DOWNSTREAM_PEER_URI_SAN%");
});

test("retries are counted in x-envoy-attempt-count", () => {
  const [, outbound] = render(sidecar).static_resources.listeners;
  const [host] = managerOf(outbound).route_config.virtual_hosts;
  assert.is(host.include_request_attempt_count, true);
  assert.equal(host.routes[0].route.retry_policy.retriable_status_codes, [503]);
});

test("a gateway believes no address and no certificate header that a client sends", () => {
  const { inbound, filter, ...rest } = sidecar;
  const [listener, ...others] = render({ ...rest, outbound: { ...rest.outbound!, edge: true } }).static_resources
    .listeners;
  assert.is(others.length, 0);
  assert.is(managerOf(listener).use_remote_address, true);
  assert.is(managerOf(listener).forward_client_cert_details, "SANITIZE");
});

test("a plaintext inbound listener drops x-forwarded-client-cert, and needs no identity", () => {
  const { outbound, filter, identity: none, ...rest } = sidecar;
  const [listener] = render({ ...rest, inbound: { ...rest.inbound!, mtls: false } }).static_resources.listeners;
  assert.is(listener.filter_chains[0].transport_socket, undefined);
  assert.is(managerOf(listener).forward_client_cert_details, "SANITIZE");
});

test("an upstream by name and TLS is looked up, checked by the system's authorities, and called by its name", () => {
  const upstream = { host: "api.example.com", port: 443, tls: true };
  const config = render({ ...sidecar, inbound: { port: 15006, mtls: true, upstream } });
  const cluster = clusterOf(config, "workload");
  assert.is(cluster.type, "LOGICAL_DNS");
  const context = cluster.transport_socket.typed_config;
  assert.is(context.sni, "api.example.com");
  assert.equal(context.common_tls_context.validation_context.system_root_certs, {});
  const [route] = managerOf(config.static_resources.listeners[0]).route_config.virtual_hosts[0].routes;
  assert.is(route.route.auto_host_rewrite, true);
});

test("mTLS without an identity is refused by name", () => {
  const { identity: none, ...rest } = sidecar;
  assert.throws(() => render(rest), "node web-0.shop: mTLS needs an identity");
});

test.run();
