// What a test says of a request, and the headers and properties that Envoy makes of it.

import { type HeaderList, integer, latin1 } from "./exchange.ts";

export interface RequestSpec {
  method?: string;
  path?: string;
  authority?: string;
  /** Beside the pseudo-headers and what Envoy adds. */
  headers?: HeaderList;
  /** First URI SAN of the verified client certificate; absent in plaintext. */
  identity?: string | undefined;
  /** Peer address with port. */
  address?: string;
  /** What the workload answers; 200 unless told. */
  code?: number;
  /** Of gRPC responses; Envoy says 2 for everything else. */
  grpcStatus?: number;
  worker?: number;
  requestId?: string | undefined;
  /** An earlier filter answered: no request headers, one log. */
  answeredBefore?: boolean;
  /** The stream ends without an access log. */
  withoutLog?: boolean;
}

export const REQUEST_ID = "5f0d1a1e-9c5b-4c6e-8f5a-0a1b2c3d4e5f";

const SCHEME: [string, string] = [":scheme", "https"];
const FORWARDED_PROTO: [string, string] = ["x-forwarded-proto", "https"];
const ADDRESS = latin1("10.1.2.3:44508");
const MTLS = Uint8Array.of(1);
const PLAINTEXT = Uint8Array.of(0);
const INBOUND = integer(1);

/** In the order of an HTTP/1.1 request: pseudo-headers, the client's, Envoy's. */
export function requestHeaders(spec: RequestSpec): HeaderList {
  const headers: HeaderList = [
    [":authority", spec.authority ?? "quotes.shop"],
    [":path", spec.path ?? "/"],
    [":method", spec.method ?? "GET"],
    SCHEME,
    ...(spec.headers ?? []),
    FORWARDED_PROTO,
  ];
  const requestId = "requestId" in spec ? spec.requestId : REQUEST_ID;
  if (requestId !== undefined) headers.push(["x-request-id", requestId]);
  return headers;
}

/** Known at every phase; what the response adds comes at log time. */
export function requestProperties(spec: RequestSpec): Map<string, Uint8Array | null> {
  const { identity, address } = spec;
  return new Map<string, Uint8Array | null>()
    .set("connection.uri_san_peer_certificate", identity === undefined ? null : latin1(identity))
    .set("connection.mtls", identity === undefined ? PLAINTEXT : MTLS)
    .set("source.address", address === undefined ? ADDRESS : latin1(address))
    .set("xds.listener_direction", INBOUND)
    .set("response.code", null)
    .set("response.grpc_status", null);
}
