// The Envoy bootstrap of one proxy of a mesh, as a JSON-ready object: a sidecar (inbound by mTLS to its workload,
// outbound from the workload by mTLS to other sidecars), or a gateway (outbound only, its listener open to plaintext
// clients). Shaped as Istio shapes its sidecars: client certificates required, x-forwarded-client-cert appended to and
// never believed, the protocol kept from end to end, the same statistics tags. Everything binds to 127.0.0.1.

import type { CertificateFiles } from "./certificates.ts";
import { address, cluster, type Json } from "./cluster.ts";
import { type FilterOptions, vedetteCluster, vedetteFilter } from "./filter-config.ts";
import { downstreamTls, upstreamTls } from "./tls.ts";

export interface BootstrapOptions {
  /** Envoy's node id, unique in the mesh, and the workload it stands for. */
  node: string;
  namespace: string;
  workload: string;
  adminPort: number;
  /** Path of the access log, one JSON object a line. */
  accessLog: string;
  /** The proxy's own certificate; absent where nothing it does is by mTLS. */
  identity?: CertificateFiles;
  inbound?: Inbound;
  outbound?: Outbound;
  /** The filter, on the inbound listener; absent for a proxy without it. */
  filter?: FilterOptions;
}

export interface Inbound {
  port: number;
  /** False accepts plaintext from anybody: callers are then known by address only. */
  mtls: boolean;
  /** The workload. */
  upstream: { host: string; port: number; tls: boolean };
}

export interface Outbound {
  port: number;
  /**
   * True for a gateway: the client's address is the connection's, and request ids and forwarded headers from outside
   * are not believed.
   */
  edge: boolean;
  destinations: Destination[];
}

/** Another workload's sidecar, reached under `domain` (`*`: whatever the Host). */
export interface Destination {
  name: string;
  domain: string;
  port: number;
  spiffeId: string;
}

const HTTP_CONNECTION_MANAGER =
  "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const CONNECTION_LIMIT =
  "type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig";
/** Nothing in the mesh is retried on what a workload itself decided: only on what a second try can mend. */
const RETRY_POLICY = {
  retry_on: "connect-failure,refused-stream,unavailable,retriable-status-codes",
  retriable_status_codes: [503],
  num_retries: 2,
};

/** The whole bootstrap. Throws if mTLS is asked for without an identity. */
export function bootstrap(options: BootstrapOptions): Json {
  const { inbound, outbound, filter } = options;
  if (!options.identity && (inbound?.mtls || outbound?.destinations.length)) {
    throw new Error(`node ${options.node}: mTLS needs an identity`);
  }
  return {
    node: {
      id: options.node,
      cluster: `${options.workload}.${options.namespace}`,
      metadata: { NAMESPACE: options.namespace, WORKLOAD_NAME: options.workload },
    },
    admin: { address: address("127.0.0.1", options.adminPort) },
    stats_config: {
      // As in Istio's bootstrap; a plain Envoy needs them said.
      stats_tags: [
        { tag_name: "wasm_filter", regex: "(wasm_filter\\.(.+?)\\.)" },
        { tag_name: "tag", regex: "(tag\\.(.+?);\\.)" },
      ],
    },
    overload_manager: {
      resource_monitors: [
        {
          name: "envoy.resource_monitors.global_downstream_max_connections",
          typed_config: { "@type": CONNECTION_LIMIT, max_active_downstream_connections: 10_000 },
        },
      ],
    },
    static_resources: {
      listeners: [
        ...(inbound ? [inboundListener(options, inbound)] : []),
        ...(outbound ? [outboundListener(options, outbound)] : []),
      ],
      clusters: [
        ...(inbound ? [workloadCluster(inbound)] : []),
        ...(outbound?.destinations ?? []).map((destination) => sidecarCluster(destination, options.identity!)),
        ...(filter ? [vedetteCluster(filter)] : []),
      ],
    },
  };
}

function inboundListener(options: BootstrapOptions, inbound: Inbound): Json {
  return listener("inbound", inbound.port, "INBOUND", {
    ...(inbound.mtls ? { transport_socket: downstreamTls(options.identity!) } : {}),
    filters: [
      connectionManager("inbound", options.accessLog, {
        // A forged header stays in front, the verified certificate's element comes last.
        forward_client_cert_details: inbound.mtls ? "APPEND_FORWARD" : "SANITIZE",
        // Without a certificate the caller is the peer's address: of the connection, not of x-forwarded-for.
        ...(inbound.mtls ? {} : { use_remote_address: true }),
        ...(inbound.mtls ? { set_current_client_cert_details: { subject: true, uri: true, dns: true } } : {}),
        upgrade_configs: [{ upgrade_type: "websocket" }],
        route_config: {
          virtual_hosts: [
            {
              name: "workload",
              domains: ["*"],
              routes: [
                {
                  match: { prefix: "/" },
                  route: {
                    cluster: "workload",
                    timeout: "0s",
                    ...(inbound.upstream.tls ? { auto_host_rewrite: true } : {}),
                  },
                },
              ],
            },
          ],
        },
        http_filters: [...(options.filter ? [vedetteFilter(options.filter)] : []), router()],
      }),
    ],
  });
}

function outboundListener(options: BootstrapOptions, outbound: Outbound): Json {
  return listener("outbound", outbound.port, "OUTBOUND", {
    filters: [
      connectionManager("outbound", options.accessLog, {
        ...(outbound.edge ? { use_remote_address: true } : {}),
        forward_client_cert_details: "SANITIZE",
        upgrade_configs: [{ upgrade_type: "websocket" }],
        route_config: {
          ignore_port_in_host_matching: true,
          virtual_hosts: outbound.destinations.map(({ name, domain }) => ({
            name,
            domains: [domain],
            include_request_attempt_count: true,
            routes: [{ match: { prefix: "/" }, route: { cluster: name, timeout: "15s", retry_policy: RETRY_POLICY } }],
          })),
        },
        http_filters: [router()],
      }),
    ],
  });
}

function listener(name: string, port: number, direction: string, chain: Json): Json {
  return {
    name,
    address: address("127.0.0.1", port),
    traffic_direction: direction,
    filter_chains: [chain],
  };
}

function connectionManager(direction: string, accessLog: string, rest: Json): Json {
  return {
    name: "envoy.filters.network.http_connection_manager",
    typed_config: {
      "@type": HTTP_CONNECTION_MANAGER,
      stat_prefix: direction,
      access_log: [
        {
          name: "envoy.access_loggers.file",
          typed_config: {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            path: accessLog,
            log_format: { json_format: logFormat(direction) },
          },
        },
      ],
      ...rest,
    },
  };
}

/** `vedette` is what the filter says of a request that it did not plainly allow; null for the others. */
function logFormat(direction: string): Json {
  return {
    time: "%START_TIME%",
    direction,
    method: "%REQ(:METHOD)%",
    authority: "%REQ(:AUTHORITY)%",
    path: "%REQ(:PATH)%",
    protocol: "%PROTOCOL%",
    status: "%RESPONSE_CODE%",
    details: "%RESPONSE_CODE_DETAILS%",
    flags: "%RESPONSE_FLAGS%",
    grpc_status: "%GRPC_STATUS%",
    vedette: "%FILTER_STATE(wasm.vedette:PLAIN)%",
    request_id: "%REQ(X-REQUEST-ID)%",
    attempt: "%REQ(X-ENVOY-ATTEMPT-COUNT)%",
    caller: "%DOWNSTREAM_PEER_URI_SAN%",
    duration_ms: "%DURATION%",
    user_agent: "%REQ(USER-AGENT)%",
  };
}

function router(): Json {
  return {
    name: "envoy.filters.http.router",
    typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
  };
}

function workloadCluster(inbound: Inbound): Json {
  const { host, port, tls } = inbound.upstream;
  return {
    ...cluster("workload", host, port, { use_downstream_protocol_config: { http2_protocol_options: {} } }),
    ...(tls ? { transport_socket: upstreamTls({ serverName: host }) } : {}),
  };
}

function sidecarCluster(destination: Destination, identity: CertificateFiles): Json {
  return {
    ...cluster(destination.name, "127.0.0.1", destination.port, {
      use_downstream_protocol_config: { http2_protocol_options: {} },
    }),
    transport_socket: upstreamTls({ identity, spiffeId: destination.spiffeId }),
  };
}
