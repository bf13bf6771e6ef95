// What else can be put before a service in Envoy, as cheap as each can be made: a Lua script of one line, and a gRPC
// service on the same machine that allows everything, asked by external authorization or external processing.

import { cluster, type Json } from "../../envoy/cluster.ts";
import { HTTP2, httpFilter } from "./config.ts";

export const PEERS = ["lua", "ext_authz", "ext_proc"] as const;
export type Peer = (typeof PEERS)[number];

const SERVER = "peer";
const GRPC = { envoy_grpc: { cluster_name: SERVER }, timeout: "5s" };
const SCRIPT = 'function envoy_on_request(handle) local path = handle:headers():get(":path") end';
/** Headers of the request only: nothing else is sent to the service. */
const REQUEST_ONLY = { request_header_mode: "SEND", response_header_mode: "SKIP" };

const FILTERS: Readonly<Record<Peer, Json>> = {
  lua: httpFilter("lua", "envoy.extensions.filters.http.lua.v3.Lua", {
    default_source_code: { inline_string: SCRIPT },
  }),
  ext_authz: httpFilter("ext_authz", "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz", {
    ...{ transport_api_version: "V3", grpc_service: GRPC, failure_mode_allow: false },
  }),
  ext_proc: httpFilter("ext_proc", "envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor", {
    ...{ grpc_service: GRPC, failure_mode_allow: false, processing_mode: REQUEST_ONLY, message_timeout: "5s" },
  }),
};

export function peerFilter(peer: Peer): Json {
  return FILTERS[peer];
}

/** Envoy's own counter of what the peer has seen, by a regular expression that matches it alone. */
export const PEER_COUNTERS: Readonly<Record<Peer, string>> = {
  lua: "^http\\.lua\\.lua\\.executions$",
  ext_authz: "^cluster\\.upstream\\.ext_authz\\.ok$",
  ext_proc: "^http\\.ext_proc\\.ext_proc\\.streams_started$",
};

/** Envoy resets the stream of each request that was processed; Node ends a connection that has seen 1,000 resets. */
const REQUESTS_MOST = 900;

/** Where the service is. */
export function peerCluster(port: number): Json {
  const common = { common_http_protocol_options: { max_requests_per_connection: REQUESTS_MOST } };
  return cluster(SERVER, "127.0.0.1", port, { ...HTTP2, ...common });
}
