// A registry and a web server in one, that serve what `npm run pack:oci` makes, straight out of its folder: the reading
// half of the OCI distribution API under any repository name, and files under /http/.

import { readFile } from "node:fs/promises";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, join } from "node:path";
import type { Descriptor } from "../../envoy/oci.ts";

export class Registry {
  /** Paths of blobs and files that were fetched. */
  readonly fetched: string[] = [];

  private constructor(
    private readonly server: Server,
    private readonly folder: string,
  ) {}

  /** `folder`: of a delivery. */
  static async start(folder: string): Promise<Registry> {
    const server = createServer();
    const registry = new Registry(server, folder);
    server.on("request", ({ url = "" }, response) => {
      registry.answer(decodeURIComponent(url), response).catch(() => response.writeHead(404).end("{}"));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return registry;
  }

  get host(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async answer(url: string, response: ServerResponse): Promise<void> {
    const [, reference] = /^\/v2\/.+\/manifests\/([\w.:-]+)$/.exec(url) ?? [];
    const [, digest] = /^\/v2\/.+\/blobs\/([\w:]+)$/.exec(url) ?? [];
    if (url === "/v2/") response.writeHead(200).end("{}");
    else if (reference) await this.manifest(reference, response);
    else if (digest) await this.send(join("oci", "blobs", ...digest.split(":")), "application/octet-stream", response);
    else if (url.startsWith("/http/")) await this.send(join("http", basename(url)), "application/wasm", response);
    else response.writeHead(404).end("{}");
  }

  private async manifest(reference: string, response: ServerResponse): Promise<void> {
    const index = JSON.parse(await readFile(join(this.folder, "oci", "index.json"), "utf8")) as {
      manifests: Descriptor[];
    };
    const found = index.manifests.find(
      ({ digest, annotations }) =>
        digest === reference || annotations?.["org.opencontainers.image.ref.name"] === reference,
    );
    if (!found) throw new Error(`${reference}: not in the layout`);
    response.setHeader("docker-content-digest", found.digest);
    await this.send(join("oci", "blobs", ...found.digest.split(":")), found.mediaType, response);
  }

  private async send(path: string, type: string, response: ServerResponse): Promise<void> {
    const bytes = await readFile(join(this.folder, path));
    this.fetched.push(path);
    response.writeHead(200, { "content-type": type, "content-length": bytes.length }).end(bytes);
  }
}
