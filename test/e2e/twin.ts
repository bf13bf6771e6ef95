// One Envoy with two listeners that differ in nothing but the filter, before one service: what a request is answered
// with the filter can be held against what it is answered without. Lets through more headers than Envoy does by
// default, and speaks HTTP/1.1 to the service whatever the client speaks.

import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { findEnvoy } from "../../envoy/binary.ts";
import { bootstrap } from "../../envoy/bootstrap.ts";
import { address, type Json } from "../../envoy/cluster.ts";
import { freePorts } from "../../envoy/ports.ts";
import { Child } from "../../envoy/process.ts";
import { eventually, type Lab, MESH, NAMESPACE } from "./lab.ts";

const WASM = resolve(import.meta.dirname, "..", "..", "filter", "build", "vedette.wasm");
export const HEADERS_COUNT_MAX = 600;
/** Between the last answer of a connection and its end: a second by default. */
const DELAYED_CLOSE = "0.05s";
const HTTP1 = { explicit_http_config: { http_protocol_options: {} } };
const PROTOCOL_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
/** Differ from request to request. */
const VOLATILE = new Set(["x-request-id"]);

/** Answers 200 with a digest of what it was sent: method, target, headers in order, body. Counts. */
export class Echo {
  received = 0;
  private readonly server: Server;

  constructor() {
    const options = { maxHeaderSize: 1 << 20, insecureHTTPParser: true, keepAliveTimeout: 4_000_000 };
    this.server = createServer(options, (request, response) => {
      this.received++;
      void digest(request).then((text) => response.end(text));
    });
    this.server.maxHeadersCount = 0;
  }

  async listen(): Promise<number> {
    await new Promise<void>((done) => this.server.listen(0, "127.0.0.1", done));
    return (this.server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }
}

async function digest(request: IncomingMessage): Promise<string> {
  const hash = createHash("sha256").update(`${request.method} ${request.url}\n`, "latin1");
  const { rawHeaders } = request;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    if (!VOLATILE.has(name)) hash.update(`${name}: ${rawHeaders[i + 1]}\n`, "latin1");
  }
  for await (const part of request) hash.update(part as Buffer);
  return `${hash.digest("hex")}\n`;
}

export class Twin {
  readonly options = { concurrency: 1 };

  private constructor(
    readonly echo: Echo,
    readonly child: Child,
    /** Ports of the listeners. */
    readonly filtered: number,
    readonly plain: number,
    readonly adminPort: number,
  ) {}

  /** Workload `web` of the lab, which must talk in plaintext; stopped with the lab. */
  static async start(lab: Lab, binary?: string): Promise<Twin> {
    const echo = new Echo();
    const upstream = await echo.listen();
    lab.onClose("echo", () => echo.stop());
    const [filtered, plain, adminPort] = (await freePorts(3)) as [number, number, number];
    const config = bootstrap({
      ...{ node: `web-0.${NAMESPACE}`, namespace: NAMESPACE, workload: "web", adminPort },
      accessLog: join(lab.folder, "twin.access.log"),
      inbound: { port: filtered, mtls: false, upstream: { host: "127.0.0.1", port: upstream, tls: false } },
      filter: {
        wasm: WASM,
        configuration: { mesh: MESH, authority: "vedette" },
        controlPlane: { host: "127.0.0.1", port: lab.planePort },
      },
    });
    double(config, plain);
    const file = join(lab.folder, "twin.json");
    await writeFile(file, JSON.stringify(config));
    const child = new Child({
      name: "Envoy twin",
      command: binary ?? (await findEnvoy()),
      args: [
        "-c",
        file,
        "--concurrency",
        "1",
        "--disable-hot-restart",
        "--file-flush-interval-msec",
        "200",
        "--log-level",
        "warning",
      ],
      logFile: join(lab.folder, "twin.log"),
    });
    lab.onClose("twin", () => child.stop());
    const twin = new Twin(echo, child, filtered, plain, adminPort);
    await eventually("the twin is ready", () => {
      if (!child.running) throw new Error(`the twin ended: ${child.lastLines()}`);
      return twin.admin("ready").then(
        (text) => text.startsWith("LIVE"),
        () => false,
      );
    });
    return twin;
  }

  async admin(page: string): Promise<string> {
    return await (await fetch(`http://127.0.0.1:${this.adminPort}/${page}`)).text();
  }

  /** Counters and gauges by name. */
  async stats(filter: string): Promise<Map<string, number>> {
    const text = await this.admin(`stats?filter=${encodeURIComponent(filter)}`);
    const pairs = text.split("\n").map((line) => /^(.*): (\d+)$/.exec(line));
    return new Map(pairs.flatMap((pair) => (pair ? [[pair[1]!, Number(pair[2])] as const] : [])));
  }
}

interface Manager extends Json {
  http_filters: { name: string }[];
}

/** Adds the second listener. */
function double(config: Json, port: number): void {
  const { listeners, clusters } = config.static_resources as { listeners: Json[]; clusters: Json[] };
  const manager = managerOf(listeners[0]!);
  manager.common_http_protocol_options = { max_headers_count: HEADERS_COUNT_MAX };
  manager.delayed_close_timeout = DELAYED_CLOSE;
  const [workload] = clusters as { typed_extension_protocol_options: Record<string, Json> }[];
  const { "@type": type } = workload!.typed_extension_protocol_options[PROTOCOL_OPTIONS]!;
  workload!.typed_extension_protocol_options[PROTOCOL_OPTIONS] = { "@type": type, ...HTTP1 };
  const second = structuredClone(listeners[0]!);
  Object.assign(second, { name: "plain", address: address("127.0.0.1", port) });
  const without = managerOf(second);
  without.stat_prefix = "plain";
  without.http_filters = without.http_filters.filter(({ name }) => name !== "vedette");
  listeners.push(second);
}

function managerOf(listener: Json): Manager {
  const [chain] = listener.filter_chains as { filters: { typed_config: Manager }[] }[];
  return chain!.filters[0]!.typed_config;
}
