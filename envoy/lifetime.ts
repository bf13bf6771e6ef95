// The order of stopping. Whoever starts something says how it is stopped; at the end all is stopped in reverse order,
// whether the end is an ordinary one, Ctrl-C, SIGTERM, a closed terminal or an error nobody caught. A second signal
// does not wait; one Ctrl-C can arrive several times (from the terminal, from npm), so it counts only after a moment.

const SIGNALS: NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];
const SAME_SIGNAL_MS = 1_000;

export class Lifetime {
  private readonly stops: { name: string; stop: () => unknown }[] = [];
  private stopping: Promise<void> | undefined;
  /** Aborted when the end begins. */
  private readonly controller = new AbortController();

  constructor(private readonly complain: (line: string) => void) {}

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** `stop` is called once, after those of everything added later have resolved. */
  onStop(name: string, stop: () => unknown): void {
    this.stops.push({ name, stop });
  }

  /** Stops everything. One that fails is complained about and does not keep the others from being stopped. */
  stop(): Promise<void> {
    this.stopping ??= this.stopAll();
    return this.stopping;
  }

  /**
   * Ends the process by way of `stop` at a signal or the end of our starter (exit code 0), or an uncaught error (1).
   */
  endWithProcess(): void {
    let first: number | undefined;
    for (const signal of SIGNALS) {
      process.on(signal, () => {
        const now = performance.now();
        if (first !== undefined && now - first > SAME_SIGNAL_MS) process.exit(130);
        first ??= now;
        if (!this.stopping) this.exit(0);
      });
    }
    // Whoever started us over a channel and is gone without a word (SIGKILL) means the same as a signal.
    process.once("disconnect", () => this.stopping ?? this.exit(0));
    process.channel?.unref();
    process.on("uncaughtException", (error) => this.fail(error));
    process.on("unhandledRejection", (error) => this.fail(error));
  }

  /** Says what went wrong, stops everything and ends the process with exit code 1. */
  fail(error: unknown): void {
    this.complain(error instanceof Error ? (error.stack ?? error.message) : String(error));
    this.exit(1);
  }

  private exit(code: number): void {
    void this.stop().finally(() => process.exit(code));
  }

  private async stopAll(): Promise<void> {
    this.controller.abort();
    for (let next = this.stops.pop(); next; next = this.stops.pop()) {
      try {
        await next.stop();
      } catch (error) {
        this.complain(`stopping ${next.name}: ${error instanceof Error ? error.message : error}`);
      }
    }
  }
}
