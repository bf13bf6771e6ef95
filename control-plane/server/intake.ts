// Windows of one sidecar stream on their way to the disk. At most 16 are in processing: beyond, the stream is not read,
// and HTTP/2 flow control holds the sidecar back. A window is acknowledged when ingest says that it is on disk, never
// before; once one could not be stored, no acknowledgement of this stream follows any more.

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { WindowOutcome, WindowReport } from "../domain.ts";
import { type WindowAckSchema, WindowOutcome as WireOutcome } from "../gen/vedette/v1/sidecar_pb.ts";
import type { Metrics } from "../metrics.ts";
import type { Clock } from "../ports/clock.ts";
import type { Ingest } from "../seams.ts";

/** Four windows of each of four VMs: as many as a usual process has in flight. */
export const PROCESSING_MAX = 16;

const OUTCOMES: Readonly<Record<WindowOutcome, WireOutcome>> = {
  merged: WireOutcome.MERGED,
  duplicate: WireOutcome.DUPLICATE,
  expired: WireOutcome.EXPIRED,
  invalid: WireOutcome.INVALID,
};

export type WindowAck = MessageInitShape<typeof WindowAckSchema>;

export interface IntakeLinks {
  clock: Clock;
  ingest: Ingest;
  metrics: Metrics;
  /** Acknowledgements that became due in the same turn. */
  send(acks: WindowAck[]): void;
  /** True when the bound is met, false when there is room again. */
  full(isFull: boolean): void;
  /** A window could not be stored. */
  failed(error: unknown): void;
}

export class Intake {
  private processing = 0;
  private due: WindowAck[] = [];
  private broken = false;
  private waiters: (() => void)[] = [];

  constructor(private readonly links: IntakeLinks) {}

  accept(vmBootId: bigint, report: WindowReport): void {
    const { clock, ingest, metrics } = this.links;
    const startMs = clock.nowMs();
    this.processing++;
    if (this.processing === PROCESSING_MAX) this.links.full(true);
    ingest.accept(report).then(
      (outcome) => {
        metrics.ingestSeconds.observe((clock.nowMs() - startMs) / 1000);
        this.acknowledge(vmBootId, BigInt(report.windowSeq), outcome);
        this.settle();
      },
      (error: unknown) => {
        const first = !this.broken;
        this.broken = true;
        this.settle();
        if (first) this.links.failed(error);
      },
    );
  }

  /** Acknowledges without ingest: a window that cannot be read is not to be sent again. */
  acknowledge(vmBootId: bigint, windowSeq: bigint, outcome: WindowOutcome): void {
    if (this.broken) return;
    this.links.metrics.window(outcome);
    this.due.push({ vmBootId, windowSeq, outcome: OUTCOMES[outcome] });
    if (this.due.length === 1) queueMicrotask(() => this.flush());
  }

  /** Resolves when nothing is in processing and everything due has been sent. */
  async idle(): Promise<void> {
    if (this.processing > 0) await new Promise<void>((resolve) => this.waiters.push(resolve));
    this.flush();
  }

  private settle(): void {
    this.processing--;
    if (this.processing === PROCESSING_MAX - 1) this.links.full(false);
    if (this.processing === 0) for (const resolve of this.waiters.splice(0)) resolve();
  }

  private flush(): void {
    if (this.due.length === 0 || this.broken) return;
    const acks = this.due;
    this.due = [];
    this.links.send(acks);
  }
}
