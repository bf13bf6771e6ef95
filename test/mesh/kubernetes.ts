// A small client of Kubernetes' API: server-side apply, read, delete, tokens of service accounts, and questions about
// rights. Kinds are looked up by discovery, so that any object of any manifest can be applied.

import { readFile } from "node:fs/promises";
import { Agent, request } from "node:https";
import { eventually } from "./patience.ts";

export interface Access {
  /** On 127.0.0.1. */
  port: number;
  /** Name in the server's certificate. */
  servername: string;
  /** Path of the authority's certificate. */
  authority: string;
  /** Bearer token. */
  token: string;
}

export interface Metadata {
  name: string;
  namespace?: string;
  labels?: Record<string, string>;
  [field: string]: unknown;
}

/** Any object of Kubernetes. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: Metadata;
  [field: string]: unknown;
}

interface Answer {
  status: number;
  body: unknown;
}

/** An answer other than 2xx. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

const FIELD_MANAGER = "vedette-test";

export class Kubernetes {
  private readonly resources = new Map<string, Promise<{ name: string; kind: string; namespaced: boolean }[]>>();

  private constructor(
    private readonly access: Access,
    private readonly agent: Agent,
  ) {}

  static async open(access: Access): Promise<Kubernetes> {
    const ca = await readFile(access.authority);
    return new Kubernetes(access, new Agent({ ca, servername: access.servername, keepAlive: true, maxSockets: 8 }));
  }

  close(): void {
    this.agent.destroy();
  }

  /** The same server as somebody else. */
  as(token: string): Kubernetes {
    return new Kubernetes({ ...this.access, token }, this.agent);
  }

  async ready(): Promise<boolean> {
    return await this.send("GET", "/readyz").then(
      ({ status }) => status === 200,
      () => false,
    );
  }

  /**
   * Server-side apply; resolves with what the server made of it. `dryRun`: checked whole, admission included, and not
   * kept. Rejects with ApiError.
   */
  async apply(manifest: Manifest, dryRun = false): Promise<Manifest> {
    const query = `fieldManager=${FIELD_MANAGER}&force=true&fieldValidation=Strict${dryRun ? "&dryRun=All" : ""}`;
    const path = `${await this.pathOf(manifest)}?${query}`;
    return (await this.call("PATCH", path, manifest, "application/apply-patch+yaml")) as Manifest;
  }

  async delete(manifest: Manifest): Promise<void> {
    await this.call("DELETE", await this.pathOf(manifest));
  }

  /** Undefined where there is none. */
  async get(apiVersion: string, kind: string, name: string, namespace?: string): Promise<Manifest | undefined> {
    const metadata = { name, ...(namespace === undefined ? {} : { namespace }) };
    const path = await this.pathOf({ apiVersion, kind, metadata });
    return await (this.call("GET", path) as Promise<Manifest>).catch((error: unknown) => {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    });
  }

  /** Applies custom resource definitions and waits until each is served. */
  async define(definitions: readonly Manifest[]): Promise<void> {
    for (const definition of definitions) await this.apply(definition);
    for (const { apiVersion, kind, metadata } of definitions) {
      await eventually(`${metadata.name} is served`, async () => {
        const found = await this.get(apiVersion, kind, metadata.name);
        // Null until the server has looked at it.
        const status = (found?.status ?? {}) as { conditions?: { type: string; status: string }[] | null };
        return (status.conditions ?? []).some((each) => each.type === "Established" && each.status === "True");
      });
    }
    this.resources.clear();
  }

  /** A token of a service account, which must exist. */
  async tokenOf(namespace: string, account: string, audience: string): Promise<string> {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`;
    const spec = { audiences: [audience], expirationSeconds: 3600 };
    const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec };
    const { status } = (await this.call("POST", path, body)) as { status: { token: string } };
    return status.token;
  }

  /** Whether whoever asks may do it (SelfSubjectAccessReview). */
  async may(verb: string, group: string, resource: string, namespace = ""): Promise<boolean> {
    const spec = { resourceAttributes: { verb, group, resource, namespace } };
    const body = { apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectAccessReview", spec };
    const path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    return ((await this.call("POST", path, body)) as { status: { allowed: boolean } }).status.allowed;
  }

  private async pathOf({ apiVersion, kind, metadata }: Manifest): Promise<string> {
    const root = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const known = this.resources.get(root) ?? this.discover(root);
    this.resources.set(root, known);
    const resource = (await known).find((each) => each.kind === kind && !each.name.includes("/"));
    if (!resource) throw new Error(`${apiVersion} ${kind}: no such kind`);
    const namespace = resource.namespaced ? `/namespaces/${metadata.namespace ?? "default"}` : "";
    return `${root}${namespace}/${resource.name}/${metadata.name}`;
  }

  private async discover(root: string) {
    const { resources } = (await this.call("GET", root)) as {
      resources: { name: string; kind: string; namespaced: boolean }[];
    };
    return resources;
  }

  private async call(method: string, path: string, body?: unknown, type = "application/json"): Promise<unknown> {
    const answer = await this.send(method, path, body, type);
    if (answer.status >= 200 && answer.status < 300) return answer.body;
    const { message } = answer.body as { message?: string };
    throw new ApiError(answer.status, `${method} ${path.split("?")[0]}: ${answer.status} ${message ?? ""}`);
  }

  private send(method: string, path: string, body?: unknown, type = "application/json"): Promise<Answer> {
    const { port, token, servername } = this.access;
    return new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}`, "content-type": type, accept: "application/json" };
      const options = {
        host: "127.0.0.1",
        port,
        servername,
        method,
        path,
        headers,
        agent: this.agent,
        timeout: 30_000,
      };
      const outgoing = request(options, (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.on("error", reject);
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body: parsed(Buffer.concat(parts)) }));
      });
      outgoing.on("timeout", () => outgoing.destroy(new Error(`${method} ${path}: no answer`)));
      outgoing.on("error", reject);
      outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}

/** Health pages are plain text. */
function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return { message: bytes.toString().slice(0, 200) };
  }
}
