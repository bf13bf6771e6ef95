// The edge of the control plane: the sidecar listener, the operator listener, and HTTP for metrics, over what stands
// behind the seams. Each gRPC listener has one gate. Starts all or nothing; says aloud which listener asks nobody who
// he is; stops in an order that loses nothing.

import type { Config } from "../config.ts";
import { ControlPlaneError } from "../errors.ts";
import { file_google_rpc_error_details } from "../gen/google/rpc/error_details_pb.ts";
import { Health } from "../gen/grpc/health/v1/health_pb.ts";
import { OperatorService } from "../gen/vedette/v1/operator_pb.ts";
import { SidecarService } from "../gen/vedette/v1/sidecar_pb.ts";
import { errorFields, type Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Ports } from "../ports/ports.ts";
import type { Audit, Bans, Ingest, Refusal, Rules, Snapshots, Workloads } from "../seams.ts";
import type { OnFault } from "./call.ts";
import type { ClientCertificates } from "./certificates.ts";
import { Denials } from "./denials.ts";
import { type GateLinks, gate } from "./gate.ts";
import { HttpListener } from "./http.ts";
import { GrpcListener, type ListenerLimits, type ListenerLinks } from "./listener.ts";
import { Nodes } from "./nodes.ts";
import { operatorHandlers } from "./operator.ts";
import { Operators } from "./operators.ts";
import { addReflection } from "./reflection.ts";
import { addService } from "./service.ts";
import { Sidecars, STANDING_MS, STREAM_AGE_MS, STREAMS_MAX } from "./sidecar.ts";
import { identifySidecar } from "./sidecar-identity.ts";
import { Watches } from "./watches.ts";

export interface Seams {
  ingest: Ingest;
  workloads: Workloads;
  rules: Rules;
  snapshots: Snapshots;
  bans: Bans;
  audit: Audit;
}

/** `host:port` as bound. */
export interface Addresses {
  sidecar: string;
  operator: string;
  http: string;
}

/** A window is at most about 100 KB; the rest is room. */
const SIDECAR_LIMITS = {
  messageBytes: 1 << 20,
  // A process opens one stream; the others are for a takeover and for health.
  concurrentStreams: 4,
  connections: STREAMS_MAX + 1_000,
  opened: 1_000,
  connectionAgeMs: STREAM_AGE_MS,
  // A stream ends by itself within STREAM_AGE_MS and a tenth, so the grace cuts none that keeps to it.
  connectionGraceMs: STREAM_AGE_MS * 1.2,
} satisfies ListenerLimits;
/** The longest request is a rule with every field full: 3 KB. */
const OPERATOR_LIMITS = {
  messageBytes: 65_536,
  concurrentStreams: 100,
  connections: 256,
  opened: 10_000,
  connectionAgeMs: STREAM_AGE_MS,
  connectionGraceMs: 30_000,
} satisfies ListenerLimits;
const MS_PER_SECOND = 1_000;
/** In-flight windows have this long to reach the disk, and calls this long to end. */
const DRAIN_MS = 5_000;
const CALLS_END_MS = 1_000;

export class Edge {
  readonly nodes: Nodes;
  readonly denials: Denials;
  private readonly sidecars: Sidecars;
  private readonly watches: Watches;
  private readonly sidecarListener: GrpcListener;
  private readonly operatorListener: GrpcListener;
  private readonly http: HttpListener;
  private readonly onFault: OnFault;
  private stopSweep: (() => void) | undefined;
  private serving = false;

  /** `diskFailed` is called when a window could not be stored: nothing may be acknowledged any more. */
  constructor(
    private readonly config: Config,
    private readonly ports: Ports,
    private readonly seams: Seams,
    private readonly log: Log,
    private readonly metrics: Metrics,
    diskFailed: (error: unknown) => void,
  ) {
    const { clock, random } = ports;
    const { ingest, workloads, rules, snapshots, bans, audit } = seams;
    this.nodes = new Nodes(clock);
    this.denials = new Denials(metrics);
    this.watches = new Watches(clock, bans);
    this.onFault = (error, method) => {
      metrics.faults.inc();
      log.error("fault", { method, ...errorFields(error.cause ?? error) });
    };
    const shared = { workloads, snapshots, nodes: this.nodes, denials: this.denials, bans, audit, log };
    const { mesh, pulseMs } = config;
    this.sidecars = new Sidecars({ ...shared, clock, random, ingest, metrics, mesh, pulseMs, diskFailed });

    const sidecarLinks = this.linksOf("sidecar", identifySidecar(config), config.sidecar.tls ? "required" : "none");
    this.sidecarListener = new GrpcListener(config.sidecar, SIDECAR_LIMITS, [SidecarService.typeName], sidecarLinks);
    const { server: sidecarServer } = this.sidecarListener;
    addService(sidecarServer, SidecarService, { connect: (call) => this.sidecars.connect(call) }, this.onFault);

    const operators = new Operators(config.operator, ports);
    const operatorLinks = this.linksOf("operator", (shown) => operators.identify(shown), this.operatorCertificates());
    this.operatorListener = new GrpcListener(
      config.operator,
      OPERATOR_LIMITS,
      [OperatorService.typeName],
      operatorLinks,
    );
    const { server } = this.operatorListener;
    addService(server, OperatorService, operatorHandlers({ ...shared, rules, watches: this.watches }), this.onFault);
    addReflection(server, [OperatorService, Health], [file_google_rpc_error_details]);

    this.http = new HttpListener(metrics, () => this.serving);
    this.addGauges();
  }

  /** UNAVAILABLE where an address cannot be bound. Whatever had been bound is let go then. */
  async start(): Promise<Addresses> {
    const { config, ports } = this;
    try {
      const http = await this.http.listen(config.http);
      const operator = await this.operatorListener.listen();
      const sidecar = await this.sidecarListener.listen();
      this.announce("sidecar", config.sidecar.identity, sidecar);
      this.announce("operator", config.operator.identity, operator);
      this.stopSweep = ports.clock.every(STANDING_MS, () => this.watches.sweep());
      this.serving = true;
      return { sidecar, operator, http };
    } catch (error) {
      await this.stop();
      throw ControlPlaneError.from(error);
    }
  }

  /**
   * Ends streams with status 0 when what they brought is on disk, then calls, then listeners. Bounded by 7 s of the
   * clock.
   */
  async stop(): Promise<void> {
    const { clock } = this.ports;
    this.serving = false;
    this.sidecarListener.setServing(false);
    this.operatorListener.setServing(false);
    this.denials.stop();
    this.stopSweep?.();
    const waiting = new AbortController();
    const late = clock.sleep(DRAIN_MS, waiting.signal).catch(() => undefined);
    await Promise.race([this.sidecars.stop(), late]);
    waiting.abort();
    await Promise.all([
      this.sidecarListener.stop(CALLS_END_MS),
      this.operatorListener.stop(CALLS_END_MS),
      this.http.stop(),
    ]);
  }

  /** Live sidecar streams. */
  get streams(): number {
    return this.sidecars.streams;
  }

  private linksOf(
    listener: Refusal["listener"],
    identify: GateLinks["identify"],
    clientCertificates: ClientCertificates,
  ): ListenerLinks {
    const { log, metrics, onFault } = this;
    const { clock, files } = this.ports;
    const { bans, audit } = this.seams;
    return {
      name: listener,
      clock,
      files,
      log,
      clientCertificates,
      gate: gate({ listener, clock, bans, audit, log, identify, onFault }),
      flooded: (peer) => {
        metrics.floods.inc({ listener });
        log.warn("connection closed for opening or resetting too many calls", { listener, peer });
      },
      handshakeFailed: (peer, reason) => {
        const refusal = { listener, identity: "", method: "handshake", resource: "", code: "UNAUTHENTICATED" };
        if (!audit.refuse({ ...refusal, detail: `${reason}; from ${peer}` })) return;
        log.warn("handshake refused", { listener, peer, error: reason });
      },
    };
  }

  /** With another way to be known, who shows no certificate gets through the handshake. */
  private operatorCertificates(): ClientCertificates {
    const { tls, oidc, kubernetes } = this.config.operator;
    if (tls?.clientCa === undefined) return "none";
    return oidc === undefined && kubernetes === undefined ? "required" : "optional";
  }

  private addGauges(): void {
    const { metrics } = this;
    metrics.gauge("streams", "Live sidecar streams.", () => this.streams);
    metrics.gauge("nodes", "Nodes that are known.", () => this.nodes.list().length);
    metrics.gauge("watchers", "Operators that watch denials.", () => this.denials.watching);
    const seconds = (ms: number | undefined) => (ms === undefined ? undefined : ms / MS_PER_SECOND);
    metrics.gauges("certificate_expiry_seconds", "End of the certificate in use, in Unix time.", "listener", () => ({
      sidecar: seconds(this.sidecarListener.certificateExpiresAtMs),
      operator: seconds(this.operatorListener.certificateExpiresAtMs),
    }));
  }

  private announce(listener: string, identity: string, address: string): void {
    if (identity !== "none") this.log.info("listening", { listener, address, detail: `identity: ${identity}` });
    else this.log.warn("listening WITHOUT IDENTITY: whoever reaches this address is served", { listener, address });
  }
}
