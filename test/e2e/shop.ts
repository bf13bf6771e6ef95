// The demonstration, started as people start it: a process of its own, known only by the lines it prints and by what
// answers on the addresses it names.

import { type ChildProcess, spawn } from "node:child_process";
import { connect } from "node:net";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { DemoEvent } from "../../envoy/demo/events.ts";
import { waitFor } from "../../envoy/process.ts";

const ROOT = resolve(import.meta.dirname, "..", "..");
const QUOTED = 2_000;
const STOP_WITHIN_MS = 30_000;

export type EventOf<Name extends DemoEvent["event"]> = Extract<DemoEvent, { event: Name }>;

export interface Run {
  code: number | null;
  stdout: string;
  stderr: string;
}

export class Demo {
  /** What came on stdout so far, line by line, and what of it is an event. */
  readonly lines: string[] = [];
  readonly events: DemoEvent[] = [];
  /** When each event came, in ms of the monotonic clock. */
  readonly times: number[] = [];
  /** Resolves with the exit code, null after a signal, once its output is whole. */
  readonly ended: Promise<number | null>;
  stderr = "";
  private readonly child: ChildProcess;
  private running = true;

  /** `npm start -- --json ...args` without npm, which adds nothing to it. */
  constructor(...args: string[]) {
    const child = spawn(process.execPath, ["envoy/setup.mjs", "start", "--json", ...args], {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.child = child;
    let rest = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.take(line);
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    this.ended = new Promise((end) => {
      child.once("close", (code) => {
        if (rest !== "") this.take(rest);
        this.running = false;
        end(code);
      });
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** The first event of that name. Throws with its last words if the demo ends before it. */
  async until<Name extends DemoEvent["event"]>(name: Name, timeoutMs = 240_000): Promise<EventOf<Name>> {
    const event = await waitFor(
      `the demo's event ${name}`,
      () => {
        const found = this.events.find((event): event is EventOf<Name> => event.event === name);
        if (!found && !this.running) throw new Error(`the demo ended before ${name}: ${this.lastWords()}`);
        return found;
      },
      timeoutMs,
    );
    return event!;
  }

  /** Between two events, in ms; the first of each name. */
  timeBetween(from: DemoEvent["event"], to: DemoEvent["event"]): number {
    const at = (name: string) => this.times[this.events.findIndex(({ event }) => event === name)]!;
    return at(to) - at(from);
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Ctrl-C, and resolves when it has ended; what does not listen is cut off from its output, which ends it too. */
  async stop(): Promise<void> {
    if (this.running) this.signal("SIGINT");
    await Promise.race([this.ended, sleep(STOP_WITHIN_MS, undefined, { ref: false })]);
    this.child.stdout?.destroy();
    this.child.stderr?.destroy();
  }

  private take(line: string): void {
    this.lines.push(line);
    this.times.push(performance.now());
    this.events.push(parse(line));
  }

  private lastWords(): string {
    return `${this.stderr.slice(-QUOTED)}\n${this.lines.slice(-3).join("\n").slice(-QUOTED)}`;
  }
}

/** A line that is no event stays one: a note that says so. */
function parse(line: string): DemoEvent {
  try {
    return JSON.parse(line) as DemoEvent;
  } catch {
    return { event: "note", message: `not JSON: ${line}` };
  }
}

/** Runs `npm start` with these arguments to its end. */
export function runStart(...args: string[]): Promise<Run> {
  const child = spawn(process.execPath, ["envoy/setup.mjs", "start", ...args], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const run: Run = { code: null, stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].setEncoding("utf8").on("data", (text: string) => {
      run[stream] += text;
    });
  }
  return new Promise((end) => child.once("close", (code) => end({ ...run, code })));
}

/** Every process that the demo names. */
export function pidsOf({ controlPlane, proxies }: EventOf<"started">): number[] {
  return [controlPlane.pid, ...proxies.map(({ pid }) => pid)];
}

/** Every port of 127.0.0.1 that the demo names. */
export function portsOf({ controlPlane, proxies }: EventOf<"started">): number[] {
  const named = [
    ...[controlPlane.operator, controlPlane.sidecar, controlPlane.metrics],
    ...proxies.flatMap(({ inbound, outbound, open, admin }) => [inbound, outbound, open, admin]),
  ];
  return named.filter((text) => text !== undefined).map(portIn);
}

/** The port in an address or URL. */
export function portIn(address: string): number {
  const port = /:(\d+)(?:\/.*)?$/.exec(address)?.[1];
  if (port === undefined) throw new Error(`${JSON.stringify(address)} names no port`);
  return Number(port);
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** True if somebody accepts connections on 127.0.0.1:`port`. */
export function listens(port: number): Promise<boolean> {
  return new Promise((answer) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      answer(true);
    });
    socket.once("error", () => answer(false));
  });
}
