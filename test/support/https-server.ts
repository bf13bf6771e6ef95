// An HTTPS server on 127.0.0.1 that answers as a test says, and keeps what it was asked.

import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { Authority } from "./certificates.ts";

export interface Asked {
  method: string;
  path: string;
  headers: Record<string, unknown>;
  body: string;
}

export interface Answer {
  status?: number;
  headers?: Record<string, string>;
  body: string;
}

/** Undefined: no answer at all. */
export type Answering = (asked: Asked) => Answer | undefined;

export class HttpsServer {
  readonly asked: Asked[] = [];
  /** Signer of its certificate, PEM. */
  readonly ca: string;

  private constructor(
    private readonly server: Server,
    ca: string,
  ) {
    this.ca = ca;
  }

  static async start(answering: Answering): Promise<HttpsServer> {
    const authority = new Authority("web");
    const { certificate, key } = authority.issue([{ type: "ip", value: "127.0.0.1" }]);
    const server = createServer({ cert: certificate, key }, (request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => void chunks.push(chunk));
      request.on("end", () => {
        const { method = "", url: path = "", headers } = request;
        const asked = { method, path, headers, body: Buffer.concat(chunks).toString("utf8") };
        own.asked.push(asked);
        const answer = answering(asked);
        if (answer === undefined) return;
        response.writeHead(answer.status ?? 200, answer.headers).end(answer.body);
      });
    });
    const own = new HttpsServer(server, authority.pem);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return own;
  }

  get url(): string {
    return `https://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }
}
