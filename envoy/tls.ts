// Envoy's TLS settings for both ends of mTLS between sidecars: the peer's chain is checked against the mesh's
// authority, and its SPIFFE id against the trust domain (inbound) or against the very workload that is meant
// (outbound).

import { type CertificateFiles, TRUST_DOMAIN } from "./certificates.ts";
import type { Json } from "./cluster.ts";

/** A listener's transport socket: any workload of the trust domain may call, nobody without a certificate. */
export function downstreamTls(identity: CertificateFiles): Json {
  return socket("DownstreamTlsContext", {
    require_client_certificate: true,
    common_tls_context: {
      ...own(identity),
      alpn_protocols: ["h2", "http/1.1"],
      validation_context: validation(identity.authority, { prefix: `spiffe://${TRUST_DOMAIN}/` }),
    },
  });
}

/**
 * A cluster's transport socket: to a workload of the mesh by mTLS, or to any server the system's authorities vouch for.
 */
export function upstreamTls(peer: { identity: CertificateFiles; spiffeId: string } | { serverName: string }): Json {
  if ("serverName" in peer) {
    return socket("UpstreamTlsContext", {
      sni: peer.serverName,
      common_tls_context: {
        validation_context: {
          system_root_certs: {},
          match_typed_subject_alt_names: [{ san_type: "DNS", matcher: { exact: peer.serverName } }],
        },
      },
    });
  }
  return socket("UpstreamTlsContext", {
    common_tls_context: {
      ...own(peer.identity),
      validation_context: validation(peer.identity.authority, { exact: peer.spiffeId }),
    },
  });
}

function own(identity: CertificateFiles): Json {
  return {
    tls_certificates: [
      { certificate_chain: { filename: identity.certificate }, private_key: { filename: identity.key } },
    ],
  };
}

function validation(authority: string, matcher: Json): Json {
  return { trusted_ca: { filename: authority }, match_typed_subject_alt_names: [{ san_type: "URI", matcher }] };
}

function socket(type: string, context: Json): Json {
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: { "@type": `type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.${type}`, ...context },
  };
}
