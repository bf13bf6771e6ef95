// Sends the callers' sessions at a rate, by the doors they would take: people over the edge proxy in plaintext,
// everybody else by mTLS with a certificate of their own straight to a workload's sidecar. Which request is sent next
// follows from the seed; when, from the rate. Never more than IN_FLIGHT_MAX at a time: what would be more is left out
// and counted.

import { readFileSync } from "node:fs";
import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { PeerCertificate } from "node:tls";
import type { CertificateFiles } from "../../certificates.ts";
import { Random } from "../random.ts";
import { CALLERS, type Caller, type ShopRequest } from "./callers.ts";

const IN_FLIGHT_MAX = 64;
const TURN_MS = 20;
const TIMEOUT_MS = 20_000;
/** Sessions that one caller has open at a time. */
const SESSIONS = 12;

export interface TrafficOptions {
  /** Port of the edge proxy's plaintext listener. */
  edgePort: number;
  /**
   * Where callers with a certificate reach each workload: its sidecar's inbound port and the SPIFFE id it must show.
   */
  inbound: Record<string, { port: number; spiffeId: string }>;
  /** By caller. */
  certificates: Record<string, CertificateFiles>;
  seed: number;
  /** Requests a second; may be changed while it runs. */
  rate: number;
}

export class Traffic {
  rate: number;
  sent = 0;
  /** Not sent because too many were in flight. */
  leftOut = 0;
  /** Ended without an answer. */
  failed = 0;
  /** By status. */
  readonly answers = new Map<number, number>();
  private inFlight = 0;
  private timer: NodeJS.Timeout | undefined;
  private readonly random: Random;
  private readonly sessions = new Map<Caller, ShopRequest[][]>();
  private readonly plain = new HttpAgent({ keepAlive: true, maxSockets: IN_FLIGHT_MAX });
  private readonly agents = new Map<string, HttpsAgent>();

  constructor(private readonly options: TrafficOptions) {
    this.rate = options.rate;
    this.random = new Random(options.seed).fork("traffic");
    for (const [name, files] of Object.entries(options.certificates)) this.agents.set(name, mutualTls(files));
  }

  start(): void {
    let owed = 0;
    let last = performance.now();
    this.timer ??= setInterval(() => {
      const now = performance.now();
      owed = Math.min(owed + ((now - last) / 1000) * this.rate, IN_FLIGHT_MAX);
      last = now;
      for (; owed >= 1; owed--) {
        if (this.inFlight < IN_FLIGHT_MAX) void this.sendNext();
        else this.leftOut++;
      }
    }, TURN_MS);
  }

  /** Sends nothing more, and resolves when what was sent is answered. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    this.timer = undefined;
    while (this.inFlight > 0) await new Promise((resolve) => setTimeout(resolve, TURN_MS));
    this.plain.destroy();
    for (const agent of this.agents.values()) agent.destroy();
  }

  /** The next request by the seed, sent; resolves with its status, 0 where no answer came. */
  async sendNext(): Promise<number> {
    const { caller, request } = this.next();
    this.inFlight++;
    this.sent++;
    const status = await this.send(caller, request);
    this.inFlight--;
    if (status === 0) this.failed++;
    else this.answers.set(status, (this.answers.get(status) ?? 0) + 1);
    return status;
  }

  private next(): { caller: Caller; request: ShopRequest } {
    const caller = this.random.weighted(CALLERS.map((each) => [each, each.weight] as const));
    const open = this.sessions.get(caller) ?? [];
    this.sessions.set(caller, open);
    if (open.length < SESSIONS) open.push(caller.session(this.random));
    const index = this.random.integer(0, open.length - 1);
    const request = open[index]!.shift()!;
    if (open[index]!.length === 0) open.splice(index, 1);
    return { caller, request };
  }

  private send(caller: Caller, { to, method, path, headers, body }: ShopRequest): Promise<number> {
    const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const common = { host: "127.0.0.1", method, path, headers: { ...headers, ...length }, timeout: TIMEOUT_MS };
    return new Promise((resolve) => {
      let outgoing: ClientRequest;
      const answered = (response: IncomingMessage) => {
        response.resume().on("end", () => resolve(response.statusCode ?? 0));
        response.on("error", () => resolve(0));
      };
      if (to === "edge") {
        outgoing = httpRequest({ ...common, port: this.options.edgePort, agent: this.plain }, answered);
      } else {
        const { port, spiffeId } = this.options.inbound[to]!;
        const agent = this.agents.get(caller.name);
        if (!agent) throw new Error(`caller ${caller.name}: no certificate`);
        const checkServerIdentity = (_host: string, peer: PeerCertificate) => checkSpiffeId(peer, spiffeId);
        outgoing = httpsRequest({ ...common, port, agent, servername: "", checkServerIdentity }, answered);
      }
      outgoing.on("timeout", () => outgoing.destroy(new Error("timeout")));
      outgoing.on("error", () => resolve(0));
      outgoing.end(body);
    });
  }
}

function mutualTls(files: CertificateFiles): HttpsAgent {
  return new HttpsAgent({
    keepAlive: true,
    maxSockets: 16,
    cert: readFileSync(files.certificate),
    key: readFileSync(files.key),
    ca: readFileSync(files.authority),
  });
}

/** In a mesh a name proves nothing: the SPIFFE id in the certificate does. */
function checkSpiffeId(peer: PeerCertificate, expected: string): Error | undefined {
  const names = (peer.subjectaltname ?? "").split(", ");
  return names.includes(`URI:${expected}`) ? undefined : new Error(`peer is ${peer.subjectaltname}, not ${expected}`);
}
