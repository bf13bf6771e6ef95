// The two things that Vedette adds to an Envoy configuration: the HTTP filter and the cluster that leads to the control
// plane.

import { capabilityRestriction } from "./capabilities.ts";
import type { CertificateFiles } from "./certificates.ts";
import { cluster, type Json } from "./cluster.ts";
import { upstreamTls } from "./tls.ts";

export interface FilterOptions {
  /** Path of vedette.wasm. */
  wasm: string;
  /** Keys of the plugin configuration (filter/README.md); `{}` takes the target from the node's metadata. */
  configuration: Json;
  /**
   * The control plane's sidecar listener; by mTLS where its SPIFFE id and our certificate are given, else plaintext.
   */
  controlPlane: { host: string; port: number; tls?: { identity: CertificateFiles; spiffeId: string } };
  /**
   * Path of a file to read the filter from (extension discovery): a new one renamed over it is taken without a restart.
   * Absent: the filter stands in the listener.
   */
  discovery?: string;
  /** What a trapped VM means for requests; envoy/README.md says what each really does. */
  failurePolicy?: "FAIL_RELOAD" | "FAIL_OPEN" | "FAIL_CLOSED";
}

const WASM = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
const STRING_VALUE = "type.googleapis.com/google.protobuf.StringValue";
const EXTENSION_CONFIG = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig";

/** The entry of `http_filters`. */
export function vedetteFilter(options: FilterOptions): Json {
  if (!options.discovery) return { name: "vedette", typed_config: wasmFilter(options) };
  const source = { path_config_source: { path: options.discovery }, resource_api_version: "V3" };
  return { name: "vedette", config_discovery: { config_source: source, type_urls: [WASM] } };
}

/** Content of the file named by `discovery`. */
export function discoveryResponse(options: FilterOptions): Json {
  return { resources: [{ "@type": EXTENSION_CONFIG, name: "vedette", typed_config: wasmFilter(options) }] };
}

function wasmFilter(options: FilterOptions): Json {
  return {
    "@type": WASM,
    config: {
      name: "vedette",
      root_id: "vedette",
      failure_policy: options.failurePolicy ?? "FAIL_RELOAD",
      vm_config: {
        vm_id: "vedette",
        runtime: "envoy.wasm.runtime.v8",
        code: { local: { filename: options.wasm } },
        capability_restriction_config: capabilityRestriction(),
      },
      configuration: { "@type": STRING_VALUE, value: JSON.stringify(options.configuration) },
    },
  };
}

/**
 * Named `vedette`, as the plugin configuration's `cluster` says by default. HTTP/2: the filter speaks gRPC through it.
 */
export function vedetteCluster({ controlPlane }: FilterOptions): Json {
  return {
    ...cluster("vedette", controlPlane.host, controlPlane.port, {
      explicit_http_config: {
        // A control plane that vanished without a word is noticed, and the stream opened anew.
        http2_protocol_options: { connection_keepalive: { interval: "10s", timeout: "5s" } },
      },
    }),
    ...(controlPlane.tls ? { transport_socket: upstreamTls(controlPlane.tls) } : {}),
  };
}
