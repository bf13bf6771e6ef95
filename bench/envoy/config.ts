// Configurations of the bench's Envoys: one listener an arm, all before the same upstream and different in nothing but
// the filter. No access log, no mTLS: both would add the same to every arm and so flatter every ratio.

import { address, cluster, type Json } from "../../envoy/cluster.ts";

const TYPE = "type.googleapis.com";
const MANAGER = `${TYPE}/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`;
const ROUTER = {
  name: "envoy.filters.http.router",
  typed_config: { "@type": `${TYPE}/envoy.extensions.filters.http.router.v3.Router` },
};
/** The body of every answer of the upstream. */
const BODY = JSON.stringify({ status: "ok", items: [1, 2, 3], next: "/api/v1/items?page=3" });

export interface ListenerSpec {
  /** Prefix of its statistics: `http.<name>`. */
  name: string;
  port: number;
  /** Before the router. */
  filters: Json[];
}

export interface ConfigSpec {
  node: string;
  workload: string;
  adminPort: number;
  listeners: ListenerSpec[];
  upstreamPort: number;
  /** Those that filters need. */
  clusters: Json[];
}

/** Of an Envoy under measurement. */
export function proxyConfig({ node, workload, adminPort, listeners, upstreamPort, clusters }: ConfigSpec): Json {
  const routes = [{ match: { prefix: "/" }, route: { cluster: "upstream", timeout: "15s" } }];
  return {
    node: { id: node, cluster: workload, metadata: { NAMESPACE: "bench", WORKLOAD_NAME: workload } },
    admin: { address: address("127.0.0.1", adminPort) },
    static_resources: {
      listeners: listeners.map((spec) => listener(spec, routes)),
      clusters: [cluster("upstream", "127.0.0.1", upstreamPort, HTTP1), ...clusters],
    },
  };
}

/** Of the upstream: answers everything by itself. */
export function upstreamConfig(port: number, adminPort: number): Json {
  const routes = [{ match: { prefix: "/" }, direct_response: { status: 200, body: { inline_string: BODY } } }];
  return {
    node: { id: "upstream", cluster: "upstream" },
    admin: { address: address("127.0.0.1", adminPort) },
    static_resources: { listeners: [listener({ name: "upstream", port, filters: [] }, routes)] },
  };
}

const HTTP1 = { explicit_http_config: { http_protocol_options: {} } };
export const HTTP2 = { explicit_http_config: { http2_protocol_options: {} } };

function listener({ name, port, filters }: ListenerSpec, routes: Json[]): Json {
  const manager = {
    "@type": MANAGER,
    stat_prefix: name,
    route_config: { virtual_hosts: [{ name: "all", domains: ["*"], routes }] },
    http_filters: [...filters, ROUTER],
  };
  return {
    name,
    address: address("127.0.0.1", port),
    traffic_direction: "INBOUND",
    filter_chains: [{ filters: [{ name: "envoy.filters.network.http_connection_manager", typed_config: manager }] }],
  };
}

/** A filter by the name of its extension. */
export function httpFilter(name: string, type: string, config: Json): Json {
  return { name: `envoy.filters.http.${name}`, typed_config: { "@type": `${TYPE}/${type}`, ...config } };
}

/** Runs noop.wasm. */
export function noopFilter(wasm: string): Json {
  return httpFilter("wasm", "envoy.extensions.filters.http.wasm.v3.Wasm", {
    config: {
      name: "noop",
      vm_config: { vm_id: "noop", runtime: "envoy.wasm.runtime.v8", code: { local: { filename: wasm } } },
    },
  });
}
