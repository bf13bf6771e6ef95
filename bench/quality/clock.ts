// The control plane's clock, moved by the bench. Beside time that passes there is time that is skipped: a step changes
// what the clock says and no timer notices, as when a host wakes up the next day.

import type { Clock } from "../../control-plane/ports/clock.ts";
import { ManualClock } from "../../test/support/clock.ts";

export class BenchClock implements Clock {
  readonly #clock = new ManualClock();
  #skippedMs = 0;

  nowMs(): number {
    return this.#clock.nowMs() + this.#skippedMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#clock.sleep(ms, signal);
  }

  every(ms: number, run: () => void): () => void {
    return this.#clock.every(ms, run);
  }

  /** Lets time pass and runs what comes due. */
  advance(ms: number): void {
    this.#clock.advance(ms);
  }

  /** Skips time. */
  step(ms: number): void {
    this.#skippedMs += ms;
  }
}
