// A gRPC listener: its gate, limits, keepalive, certificates, health, and a bounded graceful stop. Nothing is ever
// compressed towards a peer.

import { type ChannelOptions, Server, ServerCredentials, type ServerInterceptor } from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import type { Listener } from "../config.ts";
import { formatAddress } from "../config-keys.ts";
import { ControlPlaneError } from "../errors.ts";
import { errorFields, type Log } from "../log.ts";
import type { Clock } from "../ports/clock.ts";
import type { Files } from "../ports/files.ts";
import { type ClientCertificates, FileCredentials } from "./certificates.ts";
import { type ConnectionEvents, type ConnectionLimits, watchConnections } from "./connections.ts";

/** MB that one HTTP/2 session may hold. */
const SESSION_MEMORY_MB = 16;
const KEEPALIVE_TIME_MS = 60_000;
const KEEPALIVE_TIMEOUT_MS = 20_000;
/** A connection without a call. */
const IDLE_MS = 300_000;
/** Files are looked at this often. */
const RELOAD_MS = 1_000;

export interface ListenerLimits extends ConnectionLimits {
  /** Of a message from a peer, also inflated. */
  messageBytes: number;
  /** Calls at once on one connection. */
  concurrentStreams: number;
  /** After this, give or take a tenth, a connection takes no new calls. */
  connectionAgeMs: number;
  /** Then those that are left have this long. */
  connectionGraceMs: number;
}

export interface ListenerLinks extends Pick<ConnectionEvents, "flooded" | "handshakeFailed"> {
  name: "sidecar" | "operator";
  clock: Clock;
  files: Files;
  log: Log;
  gate: ServerInterceptor;
  clientCertificates: ClientCertificates;
}

export class GrpcListener {
  readonly server: Server;
  private readonly health: HealthImplementation;
  private port: number;
  private certificates: FileCredentials | undefined;
  private stopReload: (() => void) | undefined;

  /** `services` are the full names whose health is told, beside that of the whole. */
  constructor(
    private readonly listener: Listener,
    private readonly limits: ListenerLimits,
    private readonly services: readonly string[],
    private readonly links: ListenerLinks,
  ) {
    this.server = new Server({ ...options(limits), interceptors: [links.gate] });
    this.port = listener.address.port;
    this.health = new HealthImplementation();
    this.health.addToServer(this.server);
    this.setServing(true);
  }

  /** Resolves to the address bound. UNAVAILABLE where it cannot be; what keeps certificates from being used. */
  async listen(): Promise<string> {
    const { host } = this.listener.address;
    const asked = formatAddress(this.listener.address);
    const credentials = this.credentials();
    this.port = await new Promise<number>((resolve, reject) => {
      this.server.bindAsync(asked, credentials, (cause, port) => {
        if (cause === null) resolve(port);
        else reject(new ControlPlaneError("UNAVAILABLE", `cannot listen on ${asked}: ${cause.message}`, { cause }));
      });
    });
    watchConnections(this.server, this.limits, this.links);
    if (this.certificates !== undefined) this.stopReload = this.links.clock.every(RELOAD_MS, () => this.reload());
    return formatAddress({ host, port: this.port });
  }

  setServing(serving: boolean): void {
    for (const name of ["", ...this.services]) this.health.setStatus(name, serving ? "SERVING" : "NOT_SERVING");
  }

  /** When the certificate in use expires, in Unix milliseconds; undefined without TLS. */
  get certificateExpiresAtMs(): number | undefined {
    return this.certificates?.expiresAtMs;
  }

  /** Lets calls end for at most `graceMs`, then closes what is left. */
  async stop(graceMs: number): Promise<void> {
    this.stopReload?.();
    const waiting = new AbortController();
    const quiet = new Promise<void>((resolve) => this.server.tryShutdown(() => resolve()));
    const late = this.links.clock.sleep(graceMs, waiting.signal).catch(() => undefined);
    await Promise.race([quiet, late]);
    waiting.abort();
    this.server.forceShutdown();
  }

  private credentials(): ServerCredentials {
    const { tls } = this.listener;
    if (tls === undefined) return ServerCredentials.createInsecure();
    this.certificates = new FileCredentials(tls, this.links.files, this.links.clientCertificates);
    return this.certificates;
  }

  private reload(): void {
    const { log, name } = this.links;
    try {
      if (this.certificates?.reload()) log.info("certificates renewed", { listener: name });
    } catch (error) {
      log.error("certificates refused, the last good ones stay", {
        listener: name,
        ...errorFields(error),
        stack: undefined,
      });
    }
  }
}

// Channelz stays on, as by default, though nobody can read it: grpc-js 1.14.7 knows the sessions that `forceShutdown`
// has to destroy only through it.
function options(limits: ListenerLimits): ChannelOptions {
  return {
    "grpc.max_receive_message_length": limits.messageBytes,
    "grpc.max_concurrent_streams": limits.concurrentStreams,
    "grpc-node.max_session_memory": SESSION_MEMORY_MB,
    "grpc.keepalive_time_ms": KEEPALIVE_TIME_MS,
    "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT_MS,
    "grpc.max_connection_idle_ms": IDLE_MS,
    "grpc.max_connection_age_ms": Math.round(limits.connectionAgeMs),
    "grpc.max_connection_age_grace_ms": Math.round(limits.connectionGraceMs),
  };
}
