// Time and turns of one emulated Envoy: a wall and a monotonic clock that move only when a test says so, timers, and
// one queue of tasks for all threads. A stalled thread keeps its tasks and timers until it goes on. Deterministic:
// first in, first out.

interface Timer {
  thread: number;
  dueNs: bigint;
  periodMs: number;
  run: () => void;
}

const NS_PER_MS = 1_000_000n;
/** A filter that posts without end is found here, not by a timeout. */
const TASKS_MAX = 1_000_000;

export class Loop {
  /** 2026-01-01T00:00:00Z unless told. */
  wallNs: bigint;
  /** Starts away from 0 and from the wall, so that mixing the two shows. */
  monotonicNs = 77_000_000_000n;
  #tasks: { thread: number; run: () => void }[] = [];
  readonly #timers = new Map<object, Timer>();
  readonly #stalled = new Set<number>();
  #ran = 0;

  constructor(startMs = 1_767_225_600_000) {
    this.wallNs = BigInt(startMs) * NS_PER_MS;
  }

  get wallMs(): number {
    return Number(this.wallNs / NS_PER_MS);
  }

  /** As an operator or NTP would: the monotonic clock does not see it. */
  stepWall(ms: number): void {
    this.wallNs += BigInt(ms) * NS_PER_MS;
  }

  post(thread: number, run: () => void): void {
    this.#tasks.push({ thread, run });
  }

  /** One timer an owner; a period of 0 ends it. */
  setTimer(owner: object, thread: number, periodMs: number, run: () => void): void {
    if (periodMs === 0) this.#timers.delete(owner);
    else this.#timers.set(owner, { thread, dueNs: this.monotonicNs + BigInt(periodMs) * NS_PER_MS, periodMs, run });
  }

  stall(thread: number): void {
    this.#stalled.add(thread);
  }

  resume(thread: number): void {
    this.#stalled.delete(thread);
    this.drain();
  }

  /** Runs what is posted, and what that posts, in order; tasks of stalled threads stay. */
  drain(): void {
    for (;;) {
      const at = this.#tasks.findIndex((task) => !this.#stalled.has(task.thread));
      if (at < 0) return;
      const [task] = this.#tasks.splice(at, 1);
      if (++this.#ran > TASKS_MAX) throw new Error(`loop: more than ${TASKS_MAX} tasks`);
      task!.run();
    }
  }

  /**
   * Moves both clocks by `ms`; timers run when due, each followed by what it posted. A late timer runs once, not for
   * each period missed.
   */
  advance(ms: number): void {
    const end = this.monotonicNs + BigInt(Math.round(ms * 1e6));
    this.drain();
    for (let timer = this.#due(end); timer !== undefined; timer = this.#due(end)) {
      this.#moveTo(timer.dueNs);
      timer.dueNs = this.monotonicNs + BigInt(timer.periodMs) * NS_PER_MS;
      timer.run();
      this.drain();
    }
    this.#moveTo(end);
  }

  #due(end: bigint): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers.values()) {
      if (timer.dueNs > end || this.#stalled.has(timer.thread)) continue;
      if (first === undefined || timer.dueNs < first.dueNs) first = timer;
    }
    return first;
  }

  #moveTo(ns: bigint): void {
    if (ns <= this.monotonicNs) return;
    this.wallNs += ns - this.monotonicNs;
    this.monotonicNs = ns;
  }
}
