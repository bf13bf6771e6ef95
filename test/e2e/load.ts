// Clients of a sidecar under test: plaintext, or by mTLS as some workload. Every request is accounted for by its
// status; one without an answer is status 0.

import { readFileSync } from "node:fs";
import { Agent as Http1Agent, request as http1Request, type RequestOptions } from "node:http";
import { connect } from "node:http2";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import type { CertificateFiles } from "../../envoy/certificates.ts";

export interface Request {
  /** Path and query as on the wire. */
  path: string;
  method?: string;
  headers?: Record<string, string>;
}

export interface Answer {
  /** 0: none came. */
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/** How often each status was answered. */
export type Tally = Map<number, number>;

const TIMEOUT_MS = 30_000;
/** So many that the kernel gives some of them to each of Envoy's workers. */
const CONNECTIONS = 16;

/** One client with connections that stay open. */
export class Caller {
  closed = false;
  private readonly agent: Http1Agent;

  /** By mTLS with the identity given, else plaintext. */
  constructor(
    readonly port: number,
    private readonly identity?: CertificateFiles,
    private readonly connections = CONNECTIONS,
  ) {
    const options = { keepAlive: true, maxSockets: connections };
    this.agent = identity ? new HttpsAgent({ ...options, ...pemOf(identity) }) : new Http1Agent(options);
  }

  close(): void {
    this.closed = true;
    this.agent.destroy();
  }

  /** Status of the answer. */
  async status(request: Request | string): Promise<number> {
    return (await this.send(request)).status;
  }

  send(request: Request | string): Promise<Answer> {
    const { path, method = "GET", headers = {} } = typeof request === "string" ? { path: request } : request;
    const options: RequestOptions = {
      ...{ host: "127.0.0.1", port: this.port, method, path, agent: this.agent, timeout: TIMEOUT_MS },
      headers: { host: "shop.example", "user-agent": "lab/1", accept: "*/*", ...headers },
    };
    return new Promise((resolve) => {
      const failed = () => resolve({ status: 0, headers: {}, body: "" });
      const outgoing = (this.identity ? httpsRequest : http1Request)(options, (response) => {
        let body = "";
        response.setEncoding("utf8").on("data", (part) => {
          body += part;
        });
        response.on("error", failed);
        response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
      });
      outgoing.on("timeout", () => outgoing.destroy());
      outgoing.on("error", failed);
      outgoing.end();
    });
  }

  /** Sends `count` requests, as many at a time as there are connections. */
  async load(count: number, request: (index: number) => Request | string): Promise<Tally> {
    const tally: Tally = new Map();
    let next = 0;
    const lane = async () => {
      while (next < count) add(tally, await this.status(request(next++)));
    };
    await Promise.all(Array.from({ length: Math.min(this.connections, count) }, lane));
    return tally;
  }
}

/** Requests without an end, until it is stopped, or its caller closed. */
export class Traffic {
  readonly tally: Tally = new Map();
  private stopped = false;
  private readonly lanes: Promise<void>[];

  /** Each of the caller's connections sends one request, waits `pauseMs`, and sends the next. */
  constructor(caller: Caller, request: (index: number) => Request | string, pauseMs = 20, lanes = CONNECTIONS) {
    let next = 0;
    const lane = async () => {
      while (!this.stopped && !caller.closed) {
        add(this.tally, await caller.status(request(next++)));
        await sleep(pauseMs);
      }
    };
    this.lanes = Array.from({ length: lanes }, lane);
  }

  get answered(): number {
    return total(this.tally);
  }

  /** Resolves when everything on its way was answered. */
  async stop(): Promise<Tally> {
    this.stopped = true;
    await Promise.all(this.lanes);
    return this.tally;
  }
}

/** One gRPC call without a message: HTTP status, and the gRPC status from trailers or headers (-1: none). */
export function grpcCall(
  port: number,
  path: string,
  identity?: CertificateFiles,
): Promise<{ status: number; grpcStatus: number }> {
  return new Promise((resolve, reject) => {
    const session = identity
      ? connect(`https://127.0.0.1:${port}`, { ...pemOf(identity) })
      : connect(`http://127.0.0.1:${port}`);
    session.on("error", reject);
    const headers = { "content-type": "application/grpc", te: "trailers", ":path": path, ":method": "POST" };
    const stream = session.request(headers, { endStream: true });
    stream.setTimeout(TIMEOUT_MS, () => stream.close());
    let status = 0;
    let grpcStatus = -1;
    stream.on("response", (answer) => {
      status = Number(answer[":status"]);
      if (answer["grpc-status"] !== undefined) grpcStatus = Number(answer["grpc-status"]);
    });
    stream.on("trailers", (trailers) => {
      grpcStatus = Number(trailers["grpc-status"] ?? grpcStatus);
    });
    stream.on("error", reject);
    stream.on("close", () => {
      session.close();
      resolve({ status, grpcStatus });
    });
    stream.resume();
  });
}

export function total(tally: Tally): number {
  return [...tally.values()].reduce((sum, count) => sum + count, 0);
}

function add(tally: Tally, status: number): void {
  tally.set(status, (tally.get(status) ?? 0) + 1);
}

/** The names in the sidecars' certificates are SPIFFE ids: no host name to compare with. */
function pemOf({ certificate, key, authority }: CertificateFiles) {
  return {
    cert: readFileSync(certificate),
    key: readFileSync(key),
    ca: readFileSync(authority),
    checkServerIdentity: () => undefined,
  };
}
