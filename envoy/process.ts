// Child processes that never outlive us. Each runs in a process group of its own, so that Ctrl-C in a terminal reaches
// this process alone and the order of stopping stays ours, and writes its output to a file, whole. What is left at exit
// is killed; and should this process itself be killed, the reaper, a small shell that reads from a pipe of ours, does
// it.

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const POLL_MS = 25;
/** How much of a child's output an error message quotes. */
const QUOTED_LINES = 12;

/**
 * Reads `keep PID`, `forget PID` and `remove FOLDER` lines; when its input ends, kills the groups of those kept and
 * removes the folders.
 */
const REAPER = `
while read -r verb what; do
  case $verb in
    keep) pids="$pids $what" ;;
    forget) left=; for p in $pids; do [ "$p" = "$what" ] || left="$left $p"; done; pids=$left ;;
    remove) set -- "$@" "$what" ;;
  esac
done
for p in $pids; do kill -s KILL -- "-$p"; done 2>/dev/null
[ $# -eq 0 ] || rm -rf -- "$@"
`;

const living = new Set<Child>();
let reaper: ChildProcess | undefined;

export interface ChildOptions {
  /** For messages: `envoy web`. */
  name: string;
  command: string;
  args: string[];
  /** Where stdout and stderr go. */
  logFile: string;
  /** Added to this process's environment; undefined removes. */
  env?: NodeJS.ProcessEnv;
  cwd?: string;
}

/** A running or ended child process. */
export class Child {
  readonly name: string;
  readonly logFile: string;
  /** Resolves when it has ended, with the exit code or the signal's name. Never rejects. */
  readonly ended: Promise<number | string>;
  private outcome: number | string | undefined;
  private readonly child: ChildProcess;

  constructor(options: ChildOptions) {
    this.name = options.name;
    this.logFile = options.logFile;
    const log = openSync(options.logFile, "a");
    this.child = spawn(options.command, options.args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ["ignore", log, log],
      detached: true,
    });
    living.add(this);
    if (this.child.pid) tellReaper(`keep ${this.child.pid}`);
    this.ended = new Promise((resolve) => {
      const end = (outcome: number | string) => {
        this.outcome ??= outcome;
        living.delete(this);
        if (this.child.pid) tellReaper(`forget ${this.child.pid}`);
        resolve(this.outcome);
      };
      this.child.once("error", (error) => {
        writeSync(log, `${error.message}\n`);
        end(error.message);
      });
      this.child.once("exit", (code, signal) => end(code ?? signal ?? "unknown"));
    });
    void this.ended.then(() => closeSync(log));
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get running(): boolean {
    return this.outcome === undefined;
  }

  /** Everything it has written so far. */
  output(): string {
    return readFileSync(this.logFile, "utf8");
  }

  /** False if it has ended already. */
  signal(signal: NodeJS.Signals): boolean {
    return this.running && this.child.kill(signal);
  }

  /** SIGKILL to it and to what it has started itself. */
  killGroup(): void {
    try {
      if (this.running && this.pid !== 0) process.kill(-this.pid, "SIGKILL");
    } catch {
      // Already gone.
    }
  }

  /** SIGTERM, and after `graceMs` SIGKILL. Resolves when it has ended. */
  async stop(graceMs = 5_000): Promise<void> {
    this.signal("SIGTERM");
    await Promise.race([this.ended, sleep(graceMs, undefined, { ref: false })]);
    this.killGroup();
    await this.ended;
  }

  /**
   * Resolves once `condition` does so with something truthy. Throws if the child ends before that, or after
   * `timeoutMs`.
   */
  async until<T>(what: string, condition: () => T | Promise<T>, timeoutMs = 30_000): Promise<T> {
    return await waitFor(
      `${this.name}: ${what}`,
      () => {
        if (!this.running) throw new Error(`${this.name} ended (${this.outcome}) before ${what}:\n${this.lastLines()}`);
        return condition();
      },
      timeoutMs,
    );
  }

  /** For messages. */
  lastLines(): string {
    return this.output().trimEnd().split("\n").slice(-QUOTED_LINES).join("\n");
  }
}

/** Polls until `condition` gives something truthy, and resolves with that; rejects naming `what` after `timeoutMs`. */
export async function waitFor<T>(what: string, condition: () => T | Promise<T>, timeoutMs = 30_000): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await sleep(POLL_MS);
  }
}

/** Has a folder removed, with all in it, should this process be killed. An ordinary end has to remove it itself. */
export function removeIfKilled(folder: string): void {
  if (/[\n\\]/.test(folder))
    throw new Error(`folder ${JSON.stringify(folder)}: no line break or backslash can be passed on`);
  tellReaper(`remove ${folder}`);
}

function tellReaper(line: string): void {
  if (!reaper) {
    reaper = spawn("/bin/sh", ["-c", REAPER, "reaper"], {
      stdio: ["pipe", "ignore", "ignore"],
      detached: true,
      cwd: "/",
    });
    reaper.stdin?.on("error", () => undefined); // it is gone: then the exit handler is all there is
    reaper.on("error", () => undefined);
    reaper.unref();
    (reaper.stdin as unknown as { unref(): void }).unref();
    process.once("exit", () => {
      for (const child of living) child.killGroup();
    });
  }
  reaper.stdin?.write(`${line}\n`);
}
