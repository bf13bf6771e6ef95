// Connections of a listener, below the calls: how many there may be, and how much one may open and reset, so that a
// rapid reset starves nobody; and the handshakes that failed. grpc-js 1.14.7 does not show its HTTP/2 servers: they are
// taken from a private field, and a version without it does not start.

import type { Http2Server, Http2Session, ServerHttp2Stream } from "node:http2";
import type { TLSSocket } from "node:tls";
import type { Server } from "@grpc/grpc-js";
import { ControlPlaneError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";

export interface ConnectionLimits {
  /** Connections at once; more are closed as they come. */
  connections: number;
  /** Calls that one connection may open in ten seconds. */
  opened: number;
}

export const SPAN_MS = 10_000;
/** Calls that the other side may reset on one connection in that time. */
export const RESETS_MAX = 100;

export interface ConnectionEvents {
  clock: Clock;
  /** A connection went beyond its limits and was closed. */
  flooded(peer: string): void;
  /** A TLS handshake failed, or was refused for the client's certificate. */
  handshakeFailed(peer: string, reason: string): void;
}

/** From now on. UNAVAILABLE where grpc-js is not the one we know. */
export function watchConnections(server: Server, limits: ConnectionLimits, events: ConnectionEvents): void {
  for (const listening of serversOf(server)) {
    listening.maxConnections = limits.connections;
    listening.on("session", (session) => watchSession(session, limits.opened, events));
    listening.on("tlsClientError", (error: Error, socket: TLSSocket) => {
      // `authorizationError` says what was wrong with the client's certificate; otherwise the connection just ended.
      const reason = socket.authorizationError ?? (error as NodeJS.ErrnoException).code ?? error.message;
      events.handshakeFailed(`${socket.remoteAddress}:${socket.remotePort}`, String(reason));
    });
  }
}

function watchSession(session: Http2Session, openedMax: number, { clock, flooded }: ConnectionEvents): void {
  let sinceMs = clock.nowMs();
  let opened = 0;
  let resets = 0;
  const spend = (): void => {
    if (session.destroyed || (opened <= openedMax && resets <= RESETS_MAX)) return;
    const { remoteAddress, remotePort } = session.socket;
    session.destroy();
    flooded(`${remoteAddress}:${remotePort}`);
  };
  session.on("stream", (stream: ServerHttp2Stream) => {
    const now = clock.nowMs();
    if (now - sinceMs >= SPAN_MS) {
      sinceMs = now;
      opened = 0;
      resets = 0;
    }
    opened++;
    stream.once("close", () => {
      // What ended in order has none; what the other side took back has one.
      if (stream.rstCode !== 0) resets++;
      spend();
    });
    spend();
  });
}

function serversOf(server: Server): Http2Server[] {
  const { http2Servers } = server as unknown as { http2Servers?: unknown };
  const servers = http2Servers instanceof Map ? [...(http2Servers as Map<Http2Server, unknown>).keys()] : [];
  if (servers.length > 0 && servers.every((one) => one.listening)) return servers;
  throw new ControlPlaneError("UNAVAILABLE", "grpc-js: its HTTP/2 servers cannot be found; is it another version?");
}
