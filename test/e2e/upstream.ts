// The workload behind a sidecar under test, as honest as can be: HTTP/1.1, HTTP/2 and gRPC on one port, every request
// counted by the status that it was answered with. What it counts is the truth that all other counts are held against.

import { createServer as createHttp1, type Server as Http1 } from "node:http";
import { createServer as createHttp2, type Http2Server } from "node:http2";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

const PREFACE = Buffer.from("PRI * HTTP/2");

export class Upstream {
  /** Requests by status answered. */
  readonly answered = new Map<number, number>();
  port = 0;
  private readonly http1: Http1;
  private readonly http2: Http2Server;
  private readonly listener: Server;
  private readonly sockets = new Set<Socket>();

  private constructor() {
    this.http1 = createHttp1((request, response) => {
      const status = this.count(request.url ?? "/");
      request.resume();
      response.writeHead(status).end(request.method === "HEAD" ? "" : "done\n");
    });
    // Longer than any test: no request meets a closing connection.
    this.http1.keepAliveTimeout = 4_000_000;
    this.http2 = createHttp2().on("stream", (stream, headers) => {
      const status = this.count(headers[":path"] ?? "/");
      stream.resume();
      if (headers["content-type"]?.startsWith("application/grpc")) {
        stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
        stream.end();
      } else {
        stream.respond({ ":status": status });
        stream.end("done\n");
      }
    });
    this.listener = createServer((socket) => this.accept(socket));
  }

  static async start(): Promise<Upstream> {
    const upstream = new Upstream();
    await new Promise<void>((resolve, reject) => {
      upstream.listener.once("error", reject);
      upstream.listener.listen(0, "127.0.0.1", resolve);
    });
    upstream.port = (upstream.listener.address() as AddressInfo).port;
    return upstream;
  }

  /** Requests received. */
  get received(): number {
    return [...this.answered.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Requests answered with 1xx to 5xx, as the filter counts them. */
  get classes(): number[] {
    const classes = [0, 0, 0, 0, 0];
    for (const [status, count] of this.answered) classes[Math.floor(status / 100) - 1]! += count;
    return classes;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.listener.close(resolve));
  }

  /** `/status/503/...` is answered 503, everything else 200. */
  private count(url: string): number {
    const status = Number(/^\/status\/([2-5]\d\d)\b/.exec(url)?.[1] ?? 200);
    this.answered.set(status, (this.answered.get(status) ?? 0) + 1);
    return status;
  }

  /** The first bytes of a connection tell which protocol it speaks. */
  private accept(socket: Socket): void {
    this.sockets.add(socket);
    socket.once("close", () => this.sockets.delete(socket));
    socket.on("error", () => undefined);
    socket.once("data", (first: Buffer) => {
      socket.pause();
      socket.unshift(first);
      if (first.subarray(0, PREFACE.length).equals(PREFACE.subarray(0, first.length))) {
        this.http2.emit("connection", socket); // reads what was put back by itself
      } else {
        this.http1.emit("connection", socket);
        socket.resume();
      }
    });
  }
}
