// The real clock. The wall clock is read once; from then on time is that reading plus the monotonic clock, so it never
// steps and never goes back. Timers do not keep the process alive by themselves: listeners do.

import { setTimeout as sleepMs } from "node:timers/promises";
import type { Clock } from "./clock.ts";

export class SystemClock implements Clock {
  private readonly originMs = Date.now() - performance.now();

  nowMs(): number {
    return Math.floor(this.originMs + performance.now());
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    await sleepMs(ms, undefined, signal === undefined ? { ref: false } : { signal, ref: false });
  }

  every(ms: number, run: () => void): () => void {
    const timer = setInterval(run, ms);
    timer.unref();
    return () => clearInterval(timer);
  }
}
