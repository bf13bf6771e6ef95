// nginx as a proxy before the same upstream, without and with libmodsecurity and the OWASP rules, from Debian's
// packages. Rules and settings are the packages' own, but that rules deny, nothing is written about it, and answers are
// left alone: all of that makes it cheaper, or comparable.

import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isFree } from "../../envoy/ports.ts";
import { Child, waitFor } from "../../envoy/process.ts";
import { childrenOf } from "./scheduler.ts";

export const NGINX = "/usr/sbin/nginx";
const MODULE = "/usr/lib/nginx/modules/ngx_http_modsecurity_module.so";
const ENGINE = "/etc/nginx/modsecurity.conf";
const SETUP = "/etc/modsecurity/crs/crs-setup.conf";
const RULES = "/usr/share/modsecurity-crs/rules";
const PACKAGES = "nginx-light libnginx-mod-http-modsecurity modsecurity-crs";

/** Undefined where it can run, else what is missing and how to get it. */
export function nginxLacks(): string | undefined {
  const missing = [NGINX, MODULE, ENGINE, SETUP, RULES].filter((path) => !existsSync(path));
  return missing.length === 0 ? undefined : `no ${missing.join(", ")}: apt-get install ${PACKAGES}`;
}

export interface NginxOptions {
  name: string;
  folder: string;
  port: number;
  upstreamPort: number;
  /** Rules on. */
  rules: boolean;
}

export class Nginx {
  private asked = 0;

  private constructor(
    readonly child: Child,
    readonly port: number,
    /** The process that serves. */
    readonly workerPid: number,
  ) {}

  static async start(options: NginxOptions): Promise<Nginx> {
    const home = join(options.folder, options.name);
    await mkdir(home, { recursive: true });
    const [config, rules] = [join(home, "nginx.conf"), join(home, "rules.conf")];
    await writeFile(rules, RULES_CONFIG);
    await writeFile(config, nginxConfig(options, home, rules));
    const child = new Child({
      ...{ name: options.name, command: NGINX, args: ["-p", home, "-e", join(home, "error.log"), "-c", config] },
      logFile: join(options.folder, `${options.name}.log`),
    });
    await child.until("it serves", async () => !(await isFree(options.port)));
    const worker = await waitFor(`${options.name}: its worker`, () => childrenOf(child.pid)[0]);
    return new Nginx(child, options.port, worker!);
  }

  /** Requests answered, as it counts them itself, but for those of this function. */
  async requests(): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${this.port}/nginx-status`)).text();
    const [, requests] = /^ \d+ \d+ (\d+) $/m.exec(text) ?? [];
    if (requests === undefined) throw new Error(`${this.child.name}: its status says ${JSON.stringify(text)}`);
    return Number(requests) - ++this.asked;
  }

  async stop(): Promise<void> {
    await this.child.stop();
  }
}

const RULES_CONFIG = `include ${ENGINE}
SecRuleEngine On
SecAuditEngine Off
SecStatusEngine Off
SecResponseBodyAccess Off
include ${SETUP}
include ${RULES}/*.conf
`;

function nginxConfig({ port, upstreamPort, rules }: NginxOptions, home: string, rulesFile: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => {
    return `${name}_temp_path ${join(home, name)};`;
  });
  return `daemon off;
worker_processes 1;
pid ${join(home, "nginx.pid")};
error_log ${join(home, "error.log")} crit;
${rules ? `load_module ${MODULE};` : ""}
events { worker_connections 1024; }
http {
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  ${temporary.join("\n  ")}
  upstream service { server 127.0.0.1:${upstreamPort}; keepalive 64; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port};
    ${rules ? `modsecurity on; modsecurity_rules_file ${rulesFile};` : ""}
    location / {
      proxy_pass http://service;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
    }
    location = /nginx-status { ${rules ? "modsecurity off;" : ""} stub_status; }
  }
}
`;
}
