// Hands denials from the sidecar streams to the watchers. Each watcher has a bounded queue: where it reads too slowly,
// the oldest denials are lost, counted, and the count rides in the next message. Nobody watching costs nothing.

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Target } from "../domain.ts";
import { ControlPlaneError } from "../errors.ts";
import { type Denial, ReasonKind } from "../gen/vedette/v1/decision_pb.ts";
import type { WatchDenialsResponseSchema } from "../gen/vedette/v1/operator_pb.ts";
import type { Metrics } from "../metrics.ts";
import type { Outgoing } from "./call.ts";
import { describe } from "./reason.ts";

export const WATCHERS_MAX = 100;
export const QUEUE_MAX = 256;

const REASONS: Readonly<Partial<Record<ReasonKind, string>>> = {
  [ReasonKind.RULE]: "rule",
  [ReasonKind.MODEL]: "model",
  [ReasonKind.OVERSIZE]: "oversize",
};

type Response = MessageInitShape<typeof WatchDenialsResponseSchema>;

export class Denials {
  private readonly watchers = new Set<Watcher>();

  constructor(private readonly metrics: Metrics) {}

  /** Sends what is told from now on, of one target or of all, until the stream is over. */
  watch(stream: Outgoing<typeof WatchDenialsResponseSchema>, target: Target | undefined): void {
    if (this.watchers.size >= WATCHERS_MAX) {
      throw new ControlPlaneError("RESOURCE_EXHAUSTED", `watchers: ${this.watchers.size}, at most ${WATCHERS_MAX}`);
    }
    const watcher = new Watcher(stream, target);
    this.watchers.add(watcher);
    stream.onDrain(() => watcher.drain());
    stream.onClose(() => this.watchers.delete(watcher));
  }

  publish(node: string, denial: Denial): void {
    this.metrics.denials.inc({ reason: REASONS[denial.reason?.kind ?? ReasonKind.UNSPECIFIED] ?? "unknown" });
    let response: Response | undefined;
    for (const watcher of this.watchers) {
      if (watcher.target !== undefined && watcher.target !== denial.target) continue;
      response ??= { denial, node, text: describe(denial) };
      watcher.offer(response);
    }
  }

  /** Ends every watch with status 0. */
  stop(): void {
    for (const watcher of [...this.watchers]) watcher.stream.end();
  }

  get watching(): number {
    return this.watchers.size;
  }
}

class Watcher {
  private readonly queue: Response[] = [];
  private dropped = 0;
  private blocked = false;

  constructor(
    readonly stream: Outgoing<typeof WatchDenialsResponseSchema>,
    readonly target: Target | undefined,
  ) {}

  offer(response: Response): void {
    if (this.queue.length >= QUEUE_MAX) {
      this.queue.shift();
      this.dropped++;
    }
    this.queue.push(response);
    this.send();
  }

  drain(): void {
    this.blocked = false;
    this.send();
  }

  private send(): void {
    while (!this.blocked) {
      const next = this.queue.shift();
      if (next === undefined) return;
      this.blocked = !this.stream.write({ ...next, dropped: BigInt(this.dropped) });
    }
  }
}
