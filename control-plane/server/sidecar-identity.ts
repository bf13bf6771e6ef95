// How a listener finds out which sidecar calls, by configuration: from its client certificate, from what the Envoy
// beside us says it has seen, or not at all. Each believes nothing else: under mTLS `x-forwarded-client-cert` is not
// read.

import type { Config } from "../config.ts";
import { isLoopback } from "../config-keys.ts";
import type { Shown } from "./gate.ts";
import { LOCAL_SIDECAR, type Principal, peerOf, peerOfUris, unauthenticated } from "./identity.ts";
import { forwardedUris } from "./xfcc.ts";

/** Throws UNAUTHENTICATED. */
export function identifySidecar(
  config: Pick<Config, "sidecar" | "trustDomain" | "bindings">,
): (shown: Shown) => Principal {
  const { sidecar, trustDomain, bindings } = config;
  switch (sidecar.identity) {
    case "none":
      return () => LOCAL_SIDECAR;
    case "xfcc":
      return ({ metadata, peer }) => {
        if (!fromLoopback(peer)) throw unauthenticated("x-forwarded-client-cert: believed from loopback only");
        return peerOfUris(forwardedUris(metadata.get("x-forwarded-client-cert")), trustDomain, bindings);
      };
    case "mtls":
      return ({ certificate }) => peerOf(certificate, trustDomain, bindings);
  }
}

/** `peer` is an address and a port; an IPv6 address comes without brackets, an IPv4 one may come mapped. */
function fromLoopback(peer: string): boolean {
  const host = peer.slice(0, peer.lastIndexOf(":")).replace(/^::ffff:/, "");
  return isLoopback({ host, port: 0 }) && host !== "localhost";
}
