// What the process tells of itself for the metrics; tests pass fixed numbers.

import { monitorEventLoopDelay } from "node:perf_hooks";

export interface Runtime {
  /** How late timers were since the last call: 99th percentile and maximum, in seconds. */
  eventLoopDelay(): { p99: number; max: number };
  /** Resident and heap memory, in bytes. */
  memory(): { resident: number; heap: number };
  /** User and system time of the process, in seconds. */
  cpuSeconds(): number;
}

const RESOLUTION_MS = 20;
const NS_PER_SECOND = 1e9;

export class SystemRuntime implements Runtime {
  private readonly delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  constructor() {
    this.delay.enable();
  }

  eventLoopDelay(): { p99: number; max: number } {
    const told = { p99: this.delay.percentile(99) / NS_PER_SECOND, max: this.delay.max / NS_PER_SECOND };
    this.delay.reset();
    return told;
  }

  memory(): { resident: number; heap: number } {
    const usage = process.memoryUsage();
    return { resident: usage.rss, heap: usage.heapUsed };
  }

  cpuSeconds(): number {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  }
}
