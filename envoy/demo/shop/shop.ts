// The whole shop: four services, a sidecar before each, and the edge proxy, wired to call one another by mTLS only.
//
//   curl ──▶ edge ──▶ web ──▶ catalog        each arrow: HTTP by mTLS, from sidecar to sidecar
//                      └────▶ cart ──▶ payment   (cart to payment: gRPC)

import { join } from "node:path";
import { type CertificateAuthority, type CertificateFiles, spiffeIdOf } from "../../certificates.ts";
import type { FilterOptions } from "../../filter-config.ts";
import { freePorts } from "../../ports.ts";
import { Sidecar, type SidecarOptions } from "../../sidecar.ts";
import { Random } from "../random.ts";
import { cartService } from "./cart.ts";
import { catalogService } from "./catalog.ts";
import { Faults } from "./faults.ts";
import { PaymentServer } from "./payment.ts";
import { webService } from "./web.ts";

export const NAMESPACE = "shop";
export const WORKLOADS = ["web", "catalog", "cart", "payment"] as const;
/** Those whose requests are scored: gRPC is counted, never held back. */
export const HTTP_WORKLOADS = ["web", "catalog", "cart"] as const;
/** Those of them that are called most. */
export const BUSY_WORKLOADS = ["web", "catalog"] as const;
export const GRPC_WORKLOADS = ["payment"] as const;
export type WorkloadName = (typeof WORKLOADS)[number];

export interface ShopOptions {
  /** For bootstraps, logs and access logs. */
  folder: string;
  binary: string;
  concurrency: number;
  authority: CertificateAuthority;
  seed: number;
  /** The filter of a workload; undefined for proxies without it. */
  filter: ((workload: WorkloadName, identity: CertificateFiles) => FilterOptions) | undefined;
  wasmLogLevel?: string;
}

interface Ports {
  inbound: number;
  outbound: number;
  admin: number;
}

export class Shop {
  /** By proxy name: the four workloads and `edge`. */
  readonly sidecars = new Map<string, Sidecar>();
  readonly identities = new Map<string, CertificateFiles>();
  private readonly ports = new Map<string, Ports>();
  readonly faults: Faults;
  readonly catalog;
  readonly cart;
  readonly web;
  readonly payment;

  private constructor(
    private readonly options: ShopOptions,
    ports: number[],
  ) {
    for (const [i, name] of [...WORKLOADS, "edge"].entries()) {
      const [inbound, outbound, admin] = ports.slice(3 * i, 3 * i + 3) as [number, number, number];
      this.ports.set(name, { inbound, outbound, admin });
    }
    const random = new Random(options.seed);
    this.faults = new Faults(random.fork("faults"));
    this.catalog = catalogService(this.faults);
    this.cart = cartService(random.fork("cart"), this.portsOf("cart").outbound);
    this.web = webService(this.faults, this.portsOf("web").outbound);
    this.payment = new PaymentServer(random.fork("payment"), this.faults);
  }

  /** Resolves when every proxy serves. What was started is stopped again if one does not. */
  static async start(options: ShopOptions): Promise<Shop> {
    const shop = new Shop(options, await freePorts(3 * (WORKLOADS.length + 1)));
    try {
      await shop.startAll();
    } catch (error) {
      await shop.stop();
      throw error;
    }
    return shop;
  }

  portsOf(name: string): Ports {
    const ports = this.ports.get(name);
    if (!ports) throw new Error(`no proxy ${name}`);
    return ports;
  }

  get edgePort(): number {
    return this.portsOf("edge").outbound;
  }

  /** Where callers with a certificate reach a workload. */
  inboundOf(name: WorkloadName): { port: number; spiffeId: string } {
    return { port: this.portsOf(name).inbound, spiffeId: spiffeIdOf(NAMESPACE, name) };
  }

  accessLogOf(name: string): string {
    return join(this.options.folder, `${name}.access.log`);
  }

  /** Proxies first, so that no request meets a service that has gone. */
  async stop(): Promise<void> {
    await Promise.all([...this.sidecars.values()].map((sidecar) => sidecar.stop()));
    this.cart.close();
    this.payment.close();
    await Promise.all([this.web.close(), this.cart.service.close(), this.catalog.close()]);
  }

  private async startAll(): Promise<void> {
    const upstreams: Record<WorkloadName, number> = {
      web: await this.web.listen(),
      catalog: await this.catalog.listen(),
      cart: await this.cart.service.listen(),
      payment: await this.payment.listen(),
    };
    for (const name of [...WORKLOADS, "edge"]) {
      this.identities.set(name, await this.options.authority.issue(name, spiffeIdOf(NAMESPACE, name)));
    }
    const wanted = [...WORKLOADS.map((name) => this.sidecarOptions(name, upstreams[name])), this.edgeOptions()];
    const results = await Promise.allSettled(wanted.map((options) => Sidecar.start(options)));
    for (const result of results) {
      if (result.status === "fulfilled") this.sidecars.set(result.value.options.workload, result.value);
    }
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }

  private sidecarOptions(name: WorkloadName, upstreamPort: number): SidecarOptions {
    const identity = this.identities.get(name)!;
    const { inbound, outbound } = this.portsOf(name);
    return {
      ...this.common(name),
      inbound: { port: inbound, mtls: true, upstream: { host: "127.0.0.1", port: upstreamPort, tls: false } },
      outbound: {
        port: outbound,
        edge: false,
        destinations: WORKLOADS.filter((other) => other !== name).map((other) => this.destination(other, other)),
      },
      ...(this.options.filter ? { filter: this.options.filter(name, identity) } : {}),
    };
  }

  private edgeOptions(): SidecarOptions {
    const outbound = { port: this.edgePort, edge: true, destinations: [this.destination("web", "*")] };
    return { ...this.common("edge"), outbound };
  }

  private common(name: string): SidecarOptions {
    return {
      node: `${name}-0.${NAMESPACE}`,
      namespace: NAMESPACE,
      workload: name,
      adminPort: this.portsOf(name).admin,
      accessLog: this.accessLogOf(name),
      identity: this.identities.get(name)!,
      folder: this.options.folder,
      binary: this.options.binary,
      concurrency: this.options.concurrency,
      ...(this.options.wasmLogLevel ? { wasmLogLevel: this.options.wasmLogLevel } : {}),
    };
  }

  private destination(name: WorkloadName, domain: string) {
    return { name, domain, ...this.inboundOf(name) };
  }
}
