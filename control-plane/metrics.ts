// Prometheus metrics of the control plane. Labels have a fixed, small set of values: no node, no workload, no caller is
// one.

import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { WindowOutcome } from "./domain.ts";
import type { Runtime } from "./ports/runtime.ts";

/** Seconds; the write of a window waits for the disk. */
const INGEST_BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];

export type UpdateEvent = "sent" | "acked" | "nacked" | "stale" | "unanswered";
/** Why a stream of a sidecar ended. */
export type StreamEnd = "closed" | "refused" | "taken_over" | "silent" | "expired" | "banned" | "drained" | "failed";

export class Metrics {
  readonly registry = new Registry();

  readonly windows: Counter<"outcome"> = this.counter("windows", "Windows by what became of them.", ["outcome"]);
  readonly updates: Counter<"event"> = this.counter("updates", "Snapshots sent to sidecars, and answers.", ["event"]);
  readonly streamEnds: Counter<"reason"> = this.counter("stream_ends", "Ends of sidecar streams.", ["reason"]);
  readonly denials: Counter<"reason"> = this.counter("denials", "Denials told by sidecars.", ["reason"]);
  readonly publications: Counter<"outcome"> = this.counter("publications", "Snapshots, published or refused.", [
    "outcome",
  ]);
  readonly models: Counter<"event"> = this.counter("models", "Models, trained or promoted to judge.", ["event"]);
  readonly tasksFailed: Counter<string> = this.counter("tasks_failed", "Background tasks that failed.", []);
  readonly refusals: Counter<"listener" | "entered"> = this.counter("refusals", "Callers that were refused.", [
    "listener",
    "entered",
  ]);
  readonly floods: Counter<"listener"> = this.counter(
    "floods",
    "Connections closed for opening or resetting too much.",
    ["listener"],
  );
  readonly faults: Counter<string> = this.counter("faults", "Errors that are faults of the control plane.", []);
  readonly ingestSeconds = new Histogram({
    name: "vedette_control_plane_ingest_seconds",
    help: "Time from a window's arrival to its acknowledgement.",
    buckets: INGEST_BUCKETS,
    registers: [this.registry],
  });

  constructor(runtime: Runtime) {
    this.runtimeGauges(runtime);
  }

  window(outcome: WindowOutcome): void {
    this.windows.inc({ outcome });
  }

  update(event: UpdateEvent): void {
    this.updates.inc({ event });
  }

  streamEnd(reason: StreamEnd): void {
    this.streamEnds.inc({ reason });
  }

  /** A gauge that is read when it is scraped. */
  gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name: `vedette_control_plane_${name}`,
      help,
      registers: [this.registry],
      collect() {
        this.set(read());
      },
    });
  }

  /** The same with one label; what is undefined is not shown. */
  gauges(name: string, help: string, label: string, read: () => Record<string, number | undefined>): void {
    new Gauge({
      name: `vedette_control_plane_${name}`,
      help,
      labelNames: [label],
      registers: [this.registry],
      collect() {
        this.reset();
        for (const [value, told] of Object.entries(read())) if (told !== undefined) this.set({ [label]: value }, told);
      },
    });
  }

  private counter<L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> {
    const full = `vedette_control_plane_${name}_total`;
    return new Counter({ name: full, help, labelNames: [...labelNames], registers: [this.registry] });
  }

  private runtimeGauges(runtime: Runtime): void {
    const delay = new Gauge({
      name: "vedette_control_plane_event_loop_delay_seconds",
      help: "How late timers were since the last scrape.",
      labelNames: ["quantile"],
      registers: [this.registry],
      collect() {
        const { p99, max } = runtime.eventLoopDelay();
        delay.set({ quantile: "0.99" }, p99);
        delay.set({ quantile: "1" }, max);
      },
    });
    this.gauge("resident_memory_bytes", "Resident memory of the process.", () => runtime.memory().resident);
    this.gauge("heap_bytes", "JavaScript heap in use.", () => runtime.memory().heap);
    this.gauge("cpu_seconds", "User and system time of the process.", () => runtime.cpuSeconds());
  }
}
