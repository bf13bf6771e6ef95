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

/** In the order of an HTTP/1.1 request: pseudo-headers, the client's, Envoy's. */
export function requestHeaders(spec: RequestSpec): HeaderList {
  const headers: HeaderList = [
    [":authority", spec.authority ?? "quotes.shop"],
    [":path", spec.path ?? "/"],
    [":method", spec.method ?? "GET"],
    [":scheme", "https"],
    ...(spec.headers ?? []),
    ["x-forwarded-proto", "https"],
  ];
  const requestId = "requestId" in spec ? spec.requestId : REQUEST_ID;
  if (requestId !== undefined) headers.push(["x-request-id", requestId]);
  return headers;
}

/** Known at every phase; what the response adds comes at log time. */
export function requestProperties(spec: RequestSpec): Map<string, Uint8Array | null> {
  return new Map<string, Uint8Array | null>([
    ["connection.uri_san_peer_certificate", spec.identity === undefined ? null : latin1(spec.identity)],
    ["connection.mtls", Uint8Array.of(spec.identity === undefined ? 0 : 1)],
    ["source.address", latin1(spec.address ?? "10.1.2.3:44508")],
    ["xds.listener_direction", integer(1)],
    ["response.code", null],
    ["response.grpc_status", null],
  ]);
}
