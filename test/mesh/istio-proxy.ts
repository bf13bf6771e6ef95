// A sidecar as Istio runs it: the agent, with a certificate of istiod's authority for its service account, and the
// stock Envoy that the agent starts with Istio's own bootstrap. On 127.0.0.1 but for the agent's status port, which
// Istio opens on every address.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePorts } from "../../envoy/ports.ts";
import { Child } from "../../envoy/process.ts";
import { answers } from "./cluster.ts";
import type { Istiod } from "./istiod.ts";
import type { Kubernetes } from "./kubernetes.ts";
import { PATIENCE_MS } from "./patience.ts";
import { program, programFile } from "./programs.ts";

export interface IstioProxyOptions {
  folder: string;
  istiod: Istiod;
  admin: Kubernetes;
  /** Path of the Envoy binary. */
  envoy: string;
  namespace: string;
  /** Name of workload, Pod and service account. */
  name: string;
  /** Last number of its address, 10.1.0.n: on which nothing listens. */
  number: number;
  labels?: Record<string, string>;
  /** `router` is a gateway; `sidecar` unless told. */
  type?: "sidecar" | "router";
  /** host:port of registries that speak plain http. */
  insecureRegistry?: string;
  /** Folder the agent writes its certificates to. */
  outputCertificates?: string;
}

export class IstioProxy {
  private constructor(
    readonly child: Child,
    private readonly adminPort: number,
    private readonly prometheusPort: number,
  ) {}

  /** Resolves when Envoy has its configuration and serves. */
  static async start(options: IstioProxyOptions): Promise<IstioProxy> {
    const { name, namespace, admin, istiod } = options;
    const home = join(options.folder, `${namespace}-${name}`);
    for (const path of ["var/run/secrets/tokens", "etc/istio/proxy"])
      await mkdir(join(home, path), { recursive: true });
    await admin.apply({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace } });
    const token = await admin.tokenOf(namespace, name, "istio-ca");
    await writeFile(join(home, "var/run/secrets/tokens/istio-token"), token, { mode: 0o600 });
    const template = await readFile(programFile("envoy_bootstrap.json"), "utf8");
    const onLoopback = template
      .replaceAll("{{ .wildcard }}", "127.0.0.1")
      .replaceAll("{{ .additional_wildcard }}", "::1");
    await writeFile(join(home, "bootstrap.json"), onLoopback);
    const [adminPort, prometheus, health, status] = (await freePorts(4)) as [number, number, number, number];
    const proxyConfig = {
      ...{ discoveryAddress: `127.0.0.1:${istiod.port}`, configPath: "./etc/istio/proxy", statusPort: status },
      ...{ proxyAdminPort: adminPort, binaryPath: options.envoy, concurrency: 1 },
      proxyBootstrapTemplatePath: join(home, "bootstrap.json"),
      terminationDrainDuration: "1s",
    };
    const child = new Child({
      name: `proxy ${namespace}/${name}`,
      command: program("pilot-agent"),
      args: [
        "proxy",
        options.type ?? "sidecar",
        "--domain",
        `${namespace}.svc.cluster.local`,
        "--proxyLogLevel=warning",
      ],
      cwd: home,
      env: {
        ...{ POD_NAME: `${name}-1`, POD_NAMESPACE: namespace, SERVICE_ACCOUNT: name, TRUST_DOMAIN: "cluster.local" },
        ...{ INSTANCE_IP: `10.1.0.${options.number}`, ISTIO_META_CLUSTER_ID: "Kubernetes" },
        ...{ ISTIO_META_INTERCEPTION_MODE: "NONE", ISTIO_META_WORKLOAD_NAME: name },
        ISTIO_METAJSON_LABELS: JSON.stringify({ app: name, "security.istio.io/tlsMode": "istio", ...options.labels }),
        ...{ ENVOY_PROMETHEUS_PORT: String(prometheus), ENVOY_STATUS_PORT: String(health) },
        ...{ XDS_ROOT_CA: istiod.root, CA_ROOT_CA: istiod.root, ISTIOD_SAN: "istiod.istio-system.svc" },
        PROXY_CONFIG: JSON.stringify(proxyConfig),
        WASM_INSECURE_REGISTRIES: options.insecureRegistry,
        WASM_HTTP_REQUEST_MAX_RETRIES: "2",
        OUTPUT_CERTS: options.outputCertificates,
      },
      logFile: join(options.folder, `${namespace}-${name}.log`),
    });
    await child.until("it is ready", () => answers(`http://127.0.0.1:${health}/healthz/ready`), PATIENCE_MS);
    return new IstioProxy(child, adminPort, prometheus);
  }

  /** Its metrics as Prometheus is told them, by name and labels. */
  async metrics(): Promise<Map<string, number>> {
    const text = await (await fetch(`http://127.0.0.1:${this.prometheusPort}/stats/prometheus`)).text();
    const pairs = text.split("\n").map((line) => /^(\w+(?:\{.*\})?) ([\d.e+-]+)$/.exec(line));
    return new Map(pairs.flatMap((pair) => (pair ? [[pair[1]!, Number(pair[2])] as const] : [])));
  }

  /** A counter or gauge of Envoy by its own name; 0 where there is none. */
  async stat(name: string): Promise<number> {
    const text = await (
      await fetch(`http://127.0.0.1:${this.adminPort}/stats?filter=${encodeURIComponent(`^${name}$`)}`)
    ).text();
    return Number(/: (\d+)$/m.exec(text)?.[1] ?? 0);
  }

  /** Lines of the agent and of Envoy that are objects: the access log. */
  accessLog(): Record<string, unknown>[] {
    const lines = this.child.output().split("\n");
    return lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  async stop(): Promise<void> {
    await this.child.stop(15_000);
  }
}
