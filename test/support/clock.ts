// A clock that moves only when a test says so. Timers that come due run in the order of their times, ties in the order
// of their making.

import type { Clock } from "../../control-plane/ports/clock.ts";

interface Timer {
  atMs: number;
  periodMs: number;
  run: () => void;
}

export class ManualClock implements Clock {
  private ms: number;
  private timers: Timer[] = [];

  /** 2026-01-01T00:00:00Z unless told. */
  constructor(startMs = 1_767_225_600_000) {
    this.ms = startMs;
  }

  nowMs(): number {
    return this.ms;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const timer = { atMs: this.ms + ms, periodMs: 0, run: resolve };
      this.timers.push(timer);
      signal?.addEventListener("abort", () => {
        this.remove(timer);
        reject(signal.reason);
      });
    });
  }

  every(ms: number, run: () => void): () => void {
    if (!(ms > 0)) throw new RangeError(`every: period ${ms} ms, must be above 0`);
    const timer = { atMs: this.ms + ms, periodMs: ms, run };
    this.timers.push(timer);
    return () => this.remove(timer);
  }

  /** Moves time on by `ms` and runs what comes due on the way. */
  advance(ms: number): void {
    const endMs = this.ms + ms;
    for (let next = this.due(endMs); next !== undefined; next = this.due(endMs)) {
      this.ms = next.atMs;
      if (next.periodMs > 0) next.atMs += next.periodMs;
      else this.remove(next);
      next.run();
    }
    this.ms = endMs;
  }

  /** Timers that wait. */
  get pending(): number {
    return this.timers.length;
  }

  private due(endMs: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.timers) {
      if (timer.atMs <= endMs && (first === undefined || timer.atMs < first.atMs)) first = timer;
    }
    return first;
  }

  private remove(timer: Timer): void {
    this.timers = this.timers.filter((other) => other !== timer);
  }
}
