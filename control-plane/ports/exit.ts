// The end of the process, injected: tests record it.

export interface Exit {
  /** Ends the process at once. Nothing after it runs in the real one. */
  exit(code: number): void;
  /** Calls `run` for each request to stop (SIGTERM, SIGINT); returns the way to stop listening. */
  onStopRequest(run: (signal: string) => void): () => void;
}

const SIGNALS = ["SIGTERM", "SIGINT"] as const;

export class SystemExit implements Exit {
  exit(code: number): void {
    process.exit(code);
  }

  onStopRequest(run: (signal: string) => void): () => void {
    for (const signal of SIGNALS) process.on(signal, run);
    return () => {
      for (const signal of SIGNALS) process.off(signal, run);
    };
  }
}
