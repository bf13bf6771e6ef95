// A Kubernetes API server over etcd, on 127.0.0.1 alone and without nodes: objects are checked and kept, and nothing
// runs. Its certificate is of an authority of its own, its only user at first is `admin`.

import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CertificateAuthority } from "../../envoy/certificates.ts";
import { freePorts } from "../../envoy/ports.ts";
import { Child } from "../../envoy/process.ts";
import { type Access, Kubernetes } from "./kubernetes.ts";
import { PATIENCE_MS } from "./patience.ts";
import { program } from "./programs.ts";

/** Issuer, and audience of tokens, of the API server. */
export const AUDIENCE = "https://kubernetes.default.svc";
const NAME = "localhost";

export class Cluster {
  private constructor(
    readonly children: Child[],
    readonly access: Access,
    /** For programs that take a KUBECONFIG; as `admin`. */
    readonly kubeconfig: string,
  ) {}

  /** Resolves when it is ready; `folder` is where its data, keys and logs go. */
  static async start(folder: string): Promise<Cluster> {
    const home = join(folder, "cluster");
    await mkdir(home, { recursive: true });
    const [client, peer, port] = (await freePorts(3)) as [number, number, number];
    const authority = await CertificateAuthority.create(home, undefined, "kubernetes-ca");
    const identity = await authority.issue("api-server", "spiffe://kubernetes/api-server", [NAME]);
    const token = randomBytes(24).toString("hex");
    const etcd = startEtcd(home, client, peer);
    await etcd.until("it is healthy", () => answers(`http://127.0.0.1:${client}/health`), PATIENCE_MS);
    const server = await startServer(home, client, port, token, identity);
    const access: Access = { port, servername: NAME, authority: authority.file, token };
    const kubernetes = await Kubernetes.open(access);
    await server.until("it is ready", () => kubernetes.ready(), PATIENCE_MS);
    const kubeconfig = join(home, "kubeconfig");
    await writeFile(kubeconfig, kubeconfigOf(access), { mode: 0o600 });
    return new Cluster([etcd, server], access, kubeconfig);
  }

  async stop(): Promise<void> {
    for (const child of [...this.children].reverse()) await child.stop();
  }
}

function startEtcd(home: string, client: number, peer: number): Child {
  const [clients, peers] = [`http://127.0.0.1:${client}`, `http://127.0.0.1:${peer}`];
  return new Child({
    name: "etcd",
    command: program("etcd"),
    args: [
      ...["--data-dir", join(home, "etcd"), "--unsafe-no-fsync"],
      ...["--listen-client-urls", clients, "--advertise-client-urls", clients],
      ...["--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", `default=${peers}`],
    ],
    logFile: join(home, "etcd.log"),
  });
}

/** As envtest starts it: no admission of service accounts, since no controller makes them. */
async function startServer(
  home: string,
  etcd: number,
  port: number,
  token: string,
  identity: { certificate: string; key: string },
): Promise<Child> {
  const [tokens, accountKey] = [join(home, "tokens.csv"), join(home, "service-account.pem")];
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  await writeFile(accountKey, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
  await writeFile(tokens, `${token},admin,1,"system:masters"\n`, { mode: 0o600 });
  return new Child({
    name: "kube-apiserver",
    command: program("kube-apiserver"),
    args: [
      `--etcd-servers=http://127.0.0.1:${etcd}`,
      ...[`--secure-port=${port}`, "--bind-address=127.0.0.1", `--cert-dir=${join(home, "certificates")}`],
      ...[`--tls-cert-file=${identity.certificate}`, `--tls-private-key-file=${identity.key}`],
      ...[`--token-auth-file=${tokens}`, "--authorization-mode=RBAC", "--anonymous-auth=true"],
      ...[`--service-account-issuer=${AUDIENCE}`, `--service-account-key-file=${accountKey}`],
      ...[`--service-account-signing-key-file=${accountKey}`, "--disable-admission-plugins=ServiceAccount"],
      ...["--service-cluster-ip-range=10.0.0.0/24", "--endpoint-reconciler-type=none"],
    ],
    logFile: join(home, "kube-apiserver.log"),
  });
}

function kubeconfigOf({ port, servername, authority, token }: Access): string {
  const cluster = {
    server: `https://127.0.0.1:${port}`,
    "certificate-authority": authority,
    "tls-server-name": servername,
  };
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "mesh", cluster }],
    users: [{ name: "admin", user: { token } }],
    contexts: [{ name: "mesh", context: { cluster: "mesh", user: "admin" } }],
    "current-context": "mesh",
  });
}

export async function answers(url: string): Promise<boolean> {
  return await fetch(url).then(
    (response) => response.ok,
    () => false,
  );
}
