// What is told of denied requests, in the three places where it stands: the answer, the denial stream, the access log.

import { readFileSync } from "node:fs";
import type { WatchDenialsResponse } from "../../control-plane/gen/vedette/v1/operator_pb.ts";
import type { Operator } from "../../envoy/demo/operator.ts";
import type { Answer } from "./load.ts";

/** The request id that a denial tells its caller; undefined where the answer is no denial of the filter's. */
export function deniedAs({ status, body }: Answer): string | undefined {
  return status === 403 ? /^denied, request id ([A-Za-z0-9-]+)\n$/.exec(body)?.[1] : undefined;
}

/** Follows the denial stream of one workload, or of all. */
export class DenialWatch {
  /** In the order in which they were told. */
  readonly all: WatchDenialsResponse[] = [];
  /** Set where the stream ended by itself. */
  ended: Error | undefined;
  private readonly cancel: () => void;
  private closed = false;

  private constructor(operator: Operator, target?: string) {
    this.cancel = operator.watchDenials(
      (response) => this.all.push(response),
      (error) => {
        if (!this.closed) this.ended = error ?? new Error("the denial stream ended");
      },
      target,
    );
  }

  /** Resolves when everything that is denied from now on will be told. */
  static async open(operator: Operator, target?: string): Promise<DenialWatch> {
    const watch = new DenialWatch(operator, target);
    // On the same connection: answered after the stream before it was taken.
    await operator.nodes();
    return watch;
  }

  /** The denial with this request id, if it was told. */
  of(requestId: string): WatchDenialsResponse | undefined {
    return this.all.find(({ denial }) => denial?.requestId === requestId);
  }

  close(): void {
    this.closed = true;
    this.cancel();
  }
}

/** A line of the access log, as envoy/bootstrap.ts formats it. */
export interface LogLine {
  direction: "inbound" | "outbound";
  method: string;
  path: string | null;
  status: number;
  details: string | null;
  vedette: string | null;
  request_id: string | null;
  caller: string | null;
}

/** The whole lines so far. Envoy writes them every ten seconds. */
export function readAccessLog(file: string): LogLine[] {
  const whole = readFileSync(file, "utf8").split("\n").slice(0, -1);
  return whole.map((line) => JSON.parse(line) as LogLine);
}
