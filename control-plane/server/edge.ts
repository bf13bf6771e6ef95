// The edge of the control plane: the sidecar listener, the operator listener, and HTTP for metrics, over what stands
// behind the seams. Starts all or nothing; says aloud which listener asks nobody who he is; stops in an order that
// loses nothing.

import type { Config, Listener } from "../config.ts";
import { ControlPlaneError } from "../errors.ts";
import { file_google_rpc_error_details } from "../gen/google/rpc/error_details_pb.ts";
import { Health } from "../gen/grpc/health/v1/health_pb.ts";
import { OperatorService } from "../gen/vedette/v1/operator_pb.ts";
import { SidecarService } from "../gen/vedette/v1/sidecar_pb.ts";
import { errorFields, type Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Ports } from "../ports/ports.ts";
import type { Ingest, Rules, Snapshots, Workloads } from "../seams.ts";
import type { OnFault } from "./call.ts";
import { Denials } from "./denials.ts";
import { HttpListener } from "./http.ts";
import { LOCAL, operatorOf, peerOf } from "./identity.ts";
import { GrpcListener } from "./listener.ts";
import { Nodes } from "./nodes.ts";
import { operatorHandlers } from "./operator.ts";
import { addReflection } from "./reflection.ts";
import { addService } from "./service.ts";
import { Sidecars, STREAM_AGE_MS } from "./sidecar.ts";

export interface Seams {
  ingest: Ingest;
  workloads: Workloads;
  rules: Rules;
  snapshots: Snapshots;
}

/** `host:port` as bound. */
export interface Addresses {
  sidecar: string;
  operator: string;
  http: string;
}

/** A process opens one stream; the others are for a takeover and for health. */
const SIDECAR_CALLS_MAX = 4;
const OPERATOR_CALLS_MAX = 100;
const AGE_SPREAD = 0.1;
/** In-flight windows have this long to reach the disk, and calls this long to end. */
const DRAIN_MS = 5_000;
const CALLS_END_MS = 1_000;

export class Edge {
  readonly nodes: Nodes;
  readonly denials: Denials;
  private readonly sidecars: Sidecars;
  private readonly sidecarListener: GrpcListener;
  private readonly operatorListener: GrpcListener;
  private readonly http: HttpListener;
  private serving = false;

  /** `diskFailed` is called when a window could not be stored: nothing may be acknowledged any more. */
  constructor(
    private readonly config: Config,
    private readonly ports: Ports,
    seams: Seams,
    private readonly log: Log,
    metrics: Metrics,
    diskFailed: (error: unknown) => void,
  ) {
    const { clock, random } = ports;
    const { ingest, workloads, rules, snapshots } = seams;
    this.nodes = new Nodes(clock);
    this.denials = new Denials(metrics);
    const shared = { workloads, snapshots, nodes: this.nodes, denials: this.denials, log };
    const { mesh, pulseMs } = config;
    const identify = this.identify();
    this.sidecars = new Sidecars({ ...shared, clock, random, ingest, metrics, mesh, pulseMs, diskFailed, identify });
    const onFault: OnFault = (error, method) => {
      metrics.faults.inc();
      log.error("fault", { method, ...errorFields(error.cause ?? error) });
    };

    const ageMs = STREAM_AGE_MS * (1 - AGE_SPREAD + 2 * AGE_SPREAD * random.unit());
    // A stream ends by itself within STREAM_AGE_MS and a tenth, so the grace cuts none that keeps to it.
    const aging = { connectionAgeMs: ageMs, connectionGraceMs: STREAM_AGE_MS * (1 + 2 * AGE_SPREAD) };
    const sidecarLimits = { concurrentStreams: SIDECAR_CALLS_MAX, ...aging };
    this.sidecarListener = new GrpcListener(config.sidecar, sidecarLimits, [SidecarService.typeName]);
    addService(
      this.sidecarListener.server,
      SidecarService,
      { connect: (call) => this.sidecars.connect(call) },
      onFault,
    );

    const operatorLimits = { concurrentStreams: OPERATOR_CALLS_MAX };
    this.operatorListener = new GrpcListener(config.operator, operatorLimits, [OperatorService.typeName]);
    const handlers = operatorHandlers({ ...shared, rules, identify: (caller) => operatorOf(caller.certificate) });
    addService(this.operatorListener.server, OperatorService, handlers, onFault);
    addReflection(this.operatorListener.server, [OperatorService, Health], [file_google_rpc_error_details]);

    this.http = new HttpListener(metrics, () => this.serving);
    metrics.gauge("streams", "Live sidecar streams.", () => this.streams);
    metrics.gauge("nodes", "Nodes that are known.", () => this.nodes.list().length);
    metrics.gauge("watchers", "Operators that watch denials.", () => this.denials.watching);
  }

  /** UNAVAILABLE where an address cannot be bound. Whatever had been bound is let go then. */
  async start(): Promise<Addresses> {
    const { config, ports } = this;
    try {
      const http = await this.http.listen(config.http);
      const operator = await this.operatorListener.listen(ports.files);
      const sidecar = await this.sidecarListener.listen(ports.files);
      this.announce("sidecar", config.sidecar, sidecar);
      this.announce("operator", config.operator, operator);
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
    const waiting = new AbortController();
    const late = clock.sleep(DRAIN_MS, waiting.signal).catch(() => undefined);
    await Promise.race([this.sidecars.stop(), late]);
    waiting.abort();
    await Promise.all([
      this.sidecarListener.stop(clock, CALLS_END_MS),
      this.operatorListener.stop(clock, CALLS_END_MS),
      this.http.stop(),
    ]);
  }

  /** Live sidecar streams. */
  get streams(): number {
    return this.sidecars.streams;
  }

  private identify(): ConstructorParameters<typeof Sidecars>[0]["identify"] {
    const { sidecar, trustDomain, bindings } = this.config;
    if (sidecar.tls === undefined) return () => LOCAL;
    return (caller) => peerOf(caller.certificate, trustDomain, bindings);
  }

  private announce(listener: string, { tls }: Listener, address: string): void {
    if (tls?.clientCa !== undefined) this.log.info("listening, with client certificates", { listener, address });
    else this.log.warn("listening WITHOUT IDENTITY: whoever reaches this address is served", { listener, address });
  }
}
