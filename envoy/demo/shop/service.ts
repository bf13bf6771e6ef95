// A small HTTP/1.1 service on a free port of 127.0.0.1: routes, JSON in and out, and calls to other services that go
// through the workload's own sidecar and carry on what a mesh asks its workloads to carry (request id and trace
// context). Counts every request it was sent, which is what the proxies' own counts are compared with.

import { Agent, createServer, type IncomingHttpHeaders, type IncomingMessage, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface Request {
  /** Values of the route's `:name` segments, decoded. */
  parameters: Record<string, string>;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  /** Undefined where there is none, or it is not JSON. */
  body: unknown;
}

export interface Answer {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
}

export type Handler = (request: Request) => Answer | Promise<Answer>;

/** Carried from the request that is served to those it causes, as Istio asks of every workload. */
const CARRIED = ["x-request-id", "traceparent", "tracestate", "b3", "user-agent"];
const BODY_BYTES_MAX = 65_536;
const CALL_TIMEOUT_MS = 15_000;

export class HttpService {
  /** Requests received, by status answered. */
  readonly answered = new Map<number, number>();
  private readonly routes: { method: string; segments: string[]; handler: Handler }[] = [];
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 32 });
  private readonly server: Server;

  constructor(readonly name: string) {
    this.server = createServer((incoming, outgoing) => {
      void this.answer(incoming).then(({ status, body, headers }) => {
        this.answered.set(status, (this.answered.get(status) ?? 0) + 1);
        const text = body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body);
        outgoing.writeHead(status, {
          "content-type": typeof body === "string" ? "text/html" : "application/json",
          ...headers,
        });
        outgoing.end(incoming.method === "HEAD" ? "" : text);
      });
    });
    // Longer than the sidecar keeps its connections: no request meets a closing one.
    this.server.keepAliveTimeout = 4_000_000;
  }

  /** `pattern`: segments, of which `:name` matches any one and a last `*` any rest. The first that matches answers. */
  route(method: string, pattern: string, handler: Handler): void {
    this.routes.push({ method, segments: pattern.split("/"), handler });
  }

  /** Resolves with the port. */
  async listen(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen(0, "127.0.0.1", resolve);
    });
    return (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.agent.destroy();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** Calls `host` through the outbound listener of the sidecar at `port`, on behalf of `cause`. */
  call(port: number, host: string, cause: Request, method: string, path: string, body?: unknown): Promise<Answer> {
    const headers: Record<string, string> = { host, accept: "application/json" };
    for (const name of CARRIED) {
      const value = cause.headers[name];
      if (typeof value === "string") headers[name] = value;
    }
    const text = body === undefined ? undefined : JSON.stringify(body);
    if (text !== undefined)
      Object.assign(headers, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
    return new Promise((resolve) => {
      const failed = (error: Error) => resolve({ status: 502, body: { error: error.message } });
      const options = { host: "127.0.0.1", port, method, path, headers, agent: this.agent, timeout: CALL_TIMEOUT_MS };
      const outgoing = request(options, (response) => {
        readBody(response).then((content) => resolve({ status: response.statusCode ?? 502, body: content }), failed);
      });
      outgoing.on("timeout", () => outgoing.destroy(new Error("timeout")));
      outgoing.on("error", failed);
      outgoing.end(text);
    });
  }

  private async answer(incoming: IncomingMessage): Promise<Answer> {
    try {
      const [path = "/", search = ""] = (incoming.url ?? "/").split(/\?(.*)/s);
      const body = await readBody(incoming);
      const found = this.match(incoming.method === "HEAD" ? "GET" : (incoming.method ?? "GET"), path.split("/"));
      if (!found) return { status: 404, body: { error: "not found" } };
      const { handler, parameters } = found;
      return await handler({ parameters, query: new URLSearchParams(search), headers: incoming.headers, body });
    } catch (error) {
      return { status: 400, body: { error: (error as Error).message } };
    }
  }

  private match(method: string, path: string[]): { handler: Handler; parameters: Record<string, string> } | undefined {
    for (const route of this.routes) {
      if (route.method !== method) continue;
      const open = route.segments.at(-1) === "*";
      if (open ? path.length < route.segments.length : path.length !== route.segments.length) continue;
      const parameters: Record<string, string> = {};
      const matches = route.segments.every((segment, i) => {
        if (segment === "*") return true;
        if (segment.startsWith(":")) parameters[segment.slice(1)] = decodeURIComponent(path[i]!);
        return segment.startsWith(":") || segment === path[i];
      });
      if (matches) return { handler: route.handler, parameters };
    }
    return undefined;
  }
}

/** The body as JSON, or undefined. Throws above the limit. */
async function readBody(message: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of message) {
    size += (part as Buffer).length;
    if (size > BODY_BYTES_MAX) throw new Error(`body above ${BODY_BYTES_MAX} bytes`);
    parts.push(part as Buffer);
  }
  const text = Buffer.concat(parts).toString();
  try {
    return text === "" ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
