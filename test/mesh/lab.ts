// A mesh that enforces mTLS: API server, istiod with its authority, the sidecars of two workloads (web calls app) and
// of the control plane, all as Istio runs them, and our control plane behind certificates that Istio's agent writes.
// The filter is delivered from a registry of ours by the manifests of `npm run pack:oci`. One lab a test file.

import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Node, Workload } from "../../control-plane/gen/vedette/v1/operator_pb.ts";
import { findEnvoy } from "../../envoy/binary.ts";
import { spiffeIdOf } from "../../envoy/certificates.ts";
import { ControlPlane } from "../../envoy/control-plane.ts";
import { deliver, moduleOf, type Source, withModule } from "../../envoy/delivery.ts";
import { Operator } from "../../envoy/demo/operator.ts";
import { Lifetime } from "../../envoy/lifetime.ts";
import { freePorts } from "../../envoy/ports.ts";
import { removeIfKilled } from "../../envoy/process.ts";
import { Caller } from "../e2e/load.ts";
import { LEARNING } from "../e2e/protect.ts";
import { Upstream } from "../e2e/upstream.ts";
import { objectsOf, render } from "./chart.ts";
import { Cluster } from "./cluster.ts";
import { IstioProxy, type IstioProxyOptions } from "./istio-proxy.ts";
import { ISTIO_NAMESPACE, Istiod } from "./istiod.ts";
import { Kubernetes, type Manifest } from "./kubernetes.ts";
import { meshObjects } from "./mesh-objects.ts";
import { eventually } from "./patience.ts";
import { obstacle, programFile } from "./programs.ts";
import { Registry } from "./registry.ts";

const ROOT = resolve(import.meta.dirname, "..", "..");
export const VERSION = "0.1.0";
export const TARGET = "shop/app";

export class MeshLab {
  private readonly lifetime = new Lifetime((line) => console.error(line));
  readonly wasm: Buffer;
  admin!: Kubernetes;
  istiod!: Istiod;
  registry!: Registry;
  operator!: Operator;
  upstream!: Upstream;
  app!: IstioProxy;
  /** Calls app through web's sidecar. */
  caller!: Caller;
  /** Authority of app, as web's sidecar knows it. */
  host = "";
  /** Where the ingress gateway listens, once it is started. */
  edgePort = 0;
  private cluster!: Cluster;
  private envoy = "";
  private children: { logFile: string; lastLines(): string; name: string }[] = [];

  private constructor(
    readonly folder: string,
    wasm: Buffer,
  ) {
    this.wasm = wasm;
  }

  static async open(): Promise<MeshLab> {
    const folder = await mkdtemp(join(tmpdir(), "vedette-mesh-"));
    removeIfKilled(folder);
    const lab = new MeshLab(folder, await readFile(join(ROOT, "filter", "build", "vedette.wasm")));
    lab.onClose("folder", () => rm(folder, { recursive: true, force: true }));
    try {
      await lab.start();
    } catch (error) {
      console.error(lab.lastWords());
      await lab.close();
      throw error;
    }
    return lab;
  }

  onClose(name: string, stop: () => unknown): void {
    this.lifetime.onStop(name, stop);
  }

  async close(): Promise<void> {
    await this.lifetime.stop();
  }

  /** What every program wrote last. */
  lastWords(): string {
    return this.children.map((child) => `--- ${child.name}\n${child.lastLines()}`).join("\n");
  }

  /** One of the manifests of envoy/istio/, with the module from our registry. */
  async manifest(name: string, source: "image" | "artifact" | "http" = "image"): Promise<Manifest> {
    const text = await readFile(join(ROOT, "envoy", "istio", name), "utf8");
    const { module } = moduleOf(this.wasm, VERSION, this.source(source));
    return objectsOf(withModule(text, module))[0]!;
  }

  /** Path of the module on this machine. */
  get moduleFile(): string {
    return join(ROOT, "filter", "build", "vedette.wasm");
  }

  private source(by: "image" | "artifact" | "http"): Source {
    if (by === "http") return { by, url: `http://${this.registry.host}/http` };
    return { by, repository: `${this.registry.host}/vedette/filter` };
  }

  /** The node of app's sidecar, as the control plane knows it. */
  async node(): Promise<Node | undefined> {
    const nodes = await this.operator.nodes();
    return nodes.find(({ identity }) => identity === spiffeIdOf("shop", "app"));
  }

  async workload(): Promise<Workload | undefined> {
    return await this.operator.workload(TARGET).catch(() => undefined);
  }

  /** Status of a request from web to app. */
  async status(path: string): Promise<number> {
    return await this.caller.status({ path, headers: { host: this.host } });
  }

  private async start(): Promise<void> {
    const missing = await obstacle();
    if (missing !== undefined) throw new Error(missing);
    this.envoy = await findEnvoy();
    this.cluster = await Cluster.start(this.folder);
    this.onClose("cluster", () => this.cluster.stop());
    this.children.push(...this.cluster.children);
    this.admin = await Kubernetes.open(this.cluster.access);
    this.onClose("client of the API server", () => this.admin.close());
    await this.admin.define(objectsOf(await readFile(programFile("istio-crds.yaml"), "utf8")));
    for (const name of [ISTIO_NAMESPACE, "vedette", "shop", "edge"]) {
      await this.admin.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
    }
    this.istiod = await this.startIstiod();
    await this.startRegistry();
    this.upstream = await Upstream.start();
    this.onClose("upstream", () => this.upstream.stop());
    const [planePort, operatorPort, httpPort, inbound, service, edge] = (await freePorts(6)) as number[];
    const objects = meshObjects({
      plane: planePort!,
      upstream: this.upstream.port,
      inbound: inbound!,
      service: service!,
      edge: edge!,
    });
    for (const object of objects) await this.admin.apply(object);
    const [rule] = objectsOf(await render()).filter(({ kind }) => kind === "DestinationRule");
    await this.admin.apply(rule!);
    await this.admin.apply(objectsOf(await readFile(join(ROOT, "envoy", "istio", "telemetry.yaml"), "utf8"))[0]!);
    await this.startPlane(planePort!, operatorPort!, httpPort!);
    this.app = await this.startProxy({
      namespace: "shop",
      name: "app",
      number: 1,
      labels: { "vedette-filter": "server" },
    });
    await this.startProxy({ namespace: "shop", name: "web", number: 2, labels: { "vedette-filter": "client" } });
    this.edgePort = edge!;
    this.host = `app.mesh.internal:${service}`;
    this.caller = new Caller(service!);
    this.onClose("caller", () => this.caller.close());
    await eventually("web reaches app by mTLS", async () => (await this.status("/")) === 200);
  }

  private async startIstiod(): Promise<Istiod> {
    const [values] = objectsOf(await readFile(join(ROOT, "envoy", "istio", "mesh-config.yaml"), "utf8"));
    const istiod = await Istiod.start(this.folder, this.cluster, this.admin, values!.meshConfig as object);
    this.onClose("istiod", () => istiod.stop());
    this.children.push(istiod.child);
    return istiod;
  }

  private async startRegistry(): Promise<void> {
    const delivery = join(this.folder, "delivery");
    await deliver(this.wasm, moduleOf(this.wasm, VERSION, { by: "image", repository: "any/any" }), delivery);
    this.registry = await Registry.start(delivery);
    this.onClose("registry", () => this.registry.stop());
  }

  /** As the chart runs it: its certificate is what the agent beside it writes. */
  private async startPlane(sidecarPort: number, operatorPort: number, httpPort: number): Promise<void> {
    const certificates = join(this.folder, "certificates");
    await mkdir(certificates);
    await this.startProxy({ namespace: "vedette", name: "control-plane", number: 3, outputCertificates: certificates });
    const identity = {
      spiffeId: spiffeIdOf("vedette", "control-plane"),
      certificate: join(certificates, "cert-chain.pem"),
      key: join(certificates, "key.pem"),
      authority: join(certificates, "root-cert.pem"),
    };
    const options = { folder: this.folder, mesh: "default", settings: LEARNING, identity };
    const plane = await ControlPlane.start({ ...options, sidecarPort, operatorPort, httpPort });
    this.onClose("control plane", () => plane.stop());
    this.children.push(plane.child);
    this.operator = new Operator(plane.operatorAddress);
    this.onClose("operator", () => this.operator.close());
  }

  async startProxy(
    options: Pick<IstioProxyOptions, "namespace" | "name" | "number" | "labels" | "type" | "outputCertificates">,
  ) {
    const { folder, istiod, admin, envoy } = this;
    const proxy = await IstioProxy.start({
      folder,
      istiod,
      admin,
      envoy,
      insecureRegistry: this.registry.host,
      ...options,
    });
    this.onClose(`proxy ${options.name}`, () => proxy.stop());
    this.children.push(proxy.child);
    return proxy;
  }
}
