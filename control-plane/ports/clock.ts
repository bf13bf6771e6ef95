// Time and timers, injected. `nowMs` is Unix time that never steps: the wall clock is read once at start and carried on
// by the monotonic clock, so that an expiry does not move when somebody sets the clock.

export interface Clock {
  /** Unix milliseconds; never goes back. */
  nowMs(): number;
  /** Resolves after that many milliseconds, or when the signal aborts (then it rejects). */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Runs `run` every `ms` milliseconds until the returned function is called. */
  every(ms: number, run: () => void): () => void;
}
