// The smallest pieces of an Envoy configuration: an address, and a cluster of one endpoint.

/** An object that becomes JSON. */
export type Json = { [key: string]: unknown };

const HTTP_PROTOCOL_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/**
 * A cluster of one endpoint; an IP address is taken as it is, a name is looked up. `protocol`: fields of
 * HttpProtocolOptions.
 */
export function cluster(name: string, host: string, port: number, protocol: Json): Json {
  const isAddress = /^[\d.]+$|:/.test(host);
  return {
    name,
    // A name may stand for both loopbacks: the one that answers is taken.
    ...(isAddress ? { type: "STATIC" } : { type: "LOGICAL_DNS", dns_lookup_family: "ALL" }),
    connect_timeout: "2s",
    typed_extension_protocol_options: {
      [HTTP_PROTOCOL_OPTIONS]: { "@type": `type.googleapis.com/${HTTP_PROTOCOL_OPTIONS}`, ...protocol },
    },
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(host, port) } }] }],
    },
  };
}

/** Envoy's Address of a TCP socket. */
export function address(host: string, port: number): Json {
  return { socket_address: { address: host, port_value: port } };
}
