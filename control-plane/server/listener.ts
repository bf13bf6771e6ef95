// A gRPC listener: limits, keepalive, credentials, health, and a bounded graceful stop. Nothing is ever compressed
// towards a peer.

import { type ChannelOptions, Server, ServerCredentials } from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import { formatAddress, type Listener } from "../config.ts";
import { ControlPlaneError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Files } from "../ports/files.ts";

/** A window is at most about 100 KB; the rest is room. Checked while inflating. */
const RECEIVE_BYTES_MAX = 1 << 20;
/** MB that one HTTP/2 session may hold. */
const SESSION_MEMORY_MB = 16;
const KEEPALIVE_TIME_MS = 60_000;
const KEEPALIVE_TIMEOUT_MS = 20_000;

export interface ListenerLimits {
  /** Calls at once on one connection. */
  concurrentStreams: number;
  /** After this a connection takes no new calls; undefined: never. */
  connectionAgeMs?: number;
  /** Then those that are left have this long. */
  connectionGraceMs?: number;
}

export class GrpcListener {
  readonly server: Server;
  private readonly health: HealthImplementation;
  private port: number;

  /** `services` are the full names whose health is told, beside that of the whole. */
  constructor(
    private readonly listener: Listener,
    limits: ListenerLimits,
    private readonly services: readonly string[],
  ) {
    this.server = new Server(options(limits));
    this.port = listener.address.port;
    this.health = new HealthImplementation();
    this.health.addToServer(this.server);
    this.setServing(true);
  }

  /** Resolves to the address bound. UNAVAILABLE where it cannot be; the errors of `files` for certificates. */
  async listen(files: Files): Promise<string> {
    const { host } = this.listener.address;
    const asked = formatAddress(this.listener.address);
    this.port = await new Promise<number>((resolve, reject) => {
      this.server.bindAsync(asked, credentials(this.listener, files), (cause, port) => {
        if (cause === null) resolve(port);
        else reject(new ControlPlaneError("UNAVAILABLE", `cannot listen on ${asked}: ${cause.message}`, { cause }));
      });
    });
    return formatAddress({ host, port: this.port });
  }

  setServing(serving: boolean): void {
    for (const name of ["", ...this.services]) this.health.setStatus(name, serving ? "SERVING" : "NOT_SERVING");
  }

  /** Lets calls end for at most `graceMs`, then closes what is left. */
  async stop(clock: Clock, graceMs: number): Promise<void> {
    const waiting = new AbortController();
    const quiet = new Promise<void>((resolve) => this.server.tryShutdown(() => resolve()));
    const late = clock.sleep(graceMs, waiting.signal).catch(() => undefined);
    await Promise.race([quiet, late]);
    waiting.abort();
    this.server.forceShutdown();
  }
}

// Channelz stays on, as by default, though nobody can read it: grpc-js 1.14.7 knows the sessions that `forceShutdown`
// has to destroy only through it.
function options(limits: ListenerLimits): ChannelOptions {
  const { concurrentStreams, connectionAgeMs, connectionGraceMs } = limits;
  return {
    "grpc.max_receive_message_length": RECEIVE_BYTES_MAX,
    "grpc.max_concurrent_streams": concurrentStreams,
    "grpc-node.max_session_memory": SESSION_MEMORY_MB,
    "grpc.keepalive_time_ms": KEEPALIVE_TIME_MS,
    "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT_MS,
    ...(connectionAgeMs === undefined ? {} : { "grpc.max_connection_age_ms": Math.round(connectionAgeMs) }),
    ...(connectionGraceMs === undefined ? {} : { "grpc.max_connection_age_grace_ms": connectionGraceMs }),
  };
}

function credentials({ tls }: Listener, files: Files): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  const pair = { cert_chain: files.read(tls.cert), private_key: files.read(tls.key) };
  const signers = tls.clientCa === undefined ? null : files.read(tls.clientCa);
  return ServerCredentials.createSsl(signers, [pair], signers !== null);
}
