// Istiod on a cluster of ours: its discovery server and its certificate authority, with the two switches that keep
// filters of Istio's own Envoy build out of what a stock Envoy is sent.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePorts } from "../../envoy/ports.ts";
import { Child } from "../../envoy/process.ts";
import { answers, type Cluster } from "./cluster.ts";
import type { Kubernetes } from "./kubernetes.ts";
import { eventually, PATIENCE_MS } from "./patience.ts";
import { program } from "./programs.ts";

export const ISTIO_NAMESPACE = "istio-system";

export class Istiod {
  private constructor(
    readonly child: Child,
    /** Of xDS and the authority, by TLS. */
    readonly port: number,
    /** Path of the authority's certificate. */
    readonly root: string,
    private readonly adminPort: number,
  ) {}

  /** `meshConfig`: fields of MeshConfig beyond those a stock Envoy needs. */
  static async start(folder: string, cluster: Cluster, admin: Kubernetes, meshConfig: object): Promise<Istiod> {
    const [plain, secure, http, monitoring, introspection] = await freePorts(5);
    const mesh = join(folder, "mesh-config.yaml");
    const defaultConfig = { discoveryAddress: `127.0.0.1:${secure}` };
    // Without default providers there is no istio.stats filter.
    await writeFile(
      mesh,
      JSON.stringify({ ...meshConfig, enableAutoMtls: false, defaultProviders: {}, defaultConfig }),
    );
    const child = new Child({
      name: "istiod",
      command: program("pilot-discovery"),
      args: [
        ...["discovery", "--kubeconfig", cluster.kubeconfig, "--meshConfig", mesh, "--httpsAddr", ""],
        ...["--grpcAddr", `127.0.0.1:${plain}`, "--secureGRPCAddr", `127.0.0.1:${secure}`],
        ...["--httpAddr", `127.0.0.1:${http}`, "--monitoringAddr", `127.0.0.1:${monitoring}`],
        ...["--ctrlz_port", String(introspection)],
      ],
      env: {
        INJECT_ENABLED: "false",
        PILOT_ENABLE_METADATA_EXCHANGE: "false",
        PILOT_ENABLE_ALPN_FILTER: "false",
        POD_NAMESPACE: ISTIO_NAMESPACE,
        POD_NAME: "istiod-0",
      },
      logFile: join(folder, "istiod.log"),
    });
    await child.until("it is ready", () => answers(`http://127.0.0.1:${http}/ready`), PATIENCE_MS);
    const root = join(folder, "istio-root.pem");
    await writeFile(root, await rootCertificate(admin));
    return new Istiod(child, secure!, root, http!);
  }

  /** What proxies answered to what they were sent: the text of each refusal. */
  async refusals(): Promise<string[]> {
    const text = await (await fetch(`http://127.0.0.1:${this.adminPort}/debug/syncz`)).text();
    return [...text.matchAll(/"last_?error": "([^"]+)"/gi)].map((match) => match[1]!);
  }

  async stop(): Promise<void> {
    await this.child.stop();
  }
}

async function rootCertificate(admin: Kubernetes): Promise<Buffer> {
  const secret = await eventually("istiod's authority", () =>
    admin.get("v1", "Secret", "istio-ca-secret", ISTIO_NAMESPACE),
  );
  return Buffer.from((secret!.data as Record<string, string>)["ca-cert.pem"]!, "base64");
}
