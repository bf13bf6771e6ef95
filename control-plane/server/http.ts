// Metrics and health over HTTP/1.1: GET /metrics, /healthz (the process runs), /readyz (it serves). Nothing else, no
// identity.

import { createServer, type Server, type ServerResponse } from "node:http";
import { type Address, formatAddress } from "../config-keys.ts";
import { ControlPlaneError } from "../errors.ts";
import type { Metrics } from "../metrics.ts";

const CONNECTIONS_MAX = 64;
const REQUEST_TIMEOUT_MS = 10_000;
const HEADER_BYTES_MAX = 8192;

export class HttpListener {
  private readonly server: Server;

  constructor(
    private readonly metrics: Metrics,
    private readonly ready: () => boolean,
  ) {
    const limits = { requestTimeout: REQUEST_TIMEOUT_MS, maxHeaderSize: HEADER_BYTES_MAX };
    this.server = createServer(limits, (request, response) => {
      request.resume();
      void this.answer(request.method ?? "", request.url ?? "", response);
    });
    this.server.maxConnections = CONNECTIONS_MAX;
  }

  /** Resolves to the address bound. UNAVAILABLE where it cannot be. */
  async listen(address: Address): Promise<string> {
    const asked = formatAddress(address);
    await new Promise<void>((resolve, reject) => {
      this.server.once("error", (cause) => {
        reject(new ControlPlaneError("UNAVAILABLE", `cannot listen on ${asked}: ${cause.message}`, { cause }));
      });
      this.server.listen(address.port, address.host, resolve);
    });
    const bound = this.server.address();
    const port = bound !== null && typeof bound === "object" ? bound.port : address.port;
    return formatAddress({ host: address.host, port });
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  private async answer(method: string, url: string, response: ServerResponse): Promise<void> {
    const { registry } = this.metrics;
    if (method !== "GET" && method !== "HEAD") return send(response, 405, "only GET\n", "text/plain");
    switch (url.split("?", 1)[0]) {
      case "/metrics":
        return send(response, 200, await registry.metrics(), registry.contentType);
      case "/healthz":
        return send(response, 200, "ok\n", "text/plain");
      case "/readyz":
        return this.ready()
          ? send(response, 200, "ready\n", "text/plain")
          : send(response, 503, "not ready\n", "text/plain");
      default:
        return send(response, 404, "there are /metrics, /healthz, /readyz\n", "text/plain");
    }
  }
}

function send(response: ServerResponse, status: number, body: string, type: string): void {
  response.writeHead(status, { "content-type": type, "cache-control": "no-store" });
  response.end(body);
}
