// What the demo tells, as data: the objects of `--json`, one a line, named by their field `event`. The terminal says
// the same in words.

import type { Trial } from "./attacks.ts";

export interface ProxyAddress {
  name: string;
  pid: number;
  /** URL of the listener before the workload; absent at the edge. */
  inbound?: string;
  /** URL of the listener its own workload calls others through. */
  outbound?: string;
  /** URL of the plaintext listener that is open to clients; only at the edge, and with --upstream. */
  open?: string;
  /** URL of Envoy's admin interface. */
  admin: string;
  /** PEM files: to call others' inbound listeners as this workload. */
  client?: { certificate: string; key: string; authority: string; spiffeId: string };
}

export type DemoEvent =
  | {
      event: "started";
      controlPlane: { pid: number; operator: string; sidecar: string; metrics: string };
      proxies: ProxyAddress[];
      /** Where bootstraps, logs and certificates lie. */
      folder: string;
      thresholds: Record<string, number>;
    }
  | {
      event: "learning";
      workload: string;
      confidence: string;
      detail: string;
      mode: string;
      seen: number;
      learnt: number;
      scored: number;
      callers: number;
      nodes: number;
    }
  | {
      event: "model";
      workload: string;
      confidence: string;
      digest: string;
      epoch: number;
      version: number;
      alertThreshold: number;
      denyThreshold: number;
    }
  | {
      event: "protecting";
      /** Since the start of the demo. */
      afterMs: number;
      workloads: string[];
      try: Trial[];
      /** Those that did not behave as expected when they were tried: not in `try`. */
      notYet: { title: string; url: string; expected: number; got: number }[];
      proxies: ProxyAddress[];
      /** Admin port by proxy. */
      admin: Record<string, number>;
      operator: string;
      metrics: string;
      /** Path by proxy. */
      accessLogs: Record<string, string>;
    }
  | {
      event: "listening";
      url: string;
      workload: string;
      proxies: ProxyAddress[];
      admin: Record<string, number>;
      operator: string;
      metrics: string;
      accessLogs: Record<string, string>;
      /** Shell commands that change the mode. */
      setMode: Record<string, string>;
    }
  | {
      event: "denied";
      time: string;
      workload: string;
      verdict: string;
      caller: string;
      route: string;
      reason: string;
      requestId: string;
      node: string;
    }
  | { event: "note"; message: string }
  | { event: "failed"; message: string }
  | { event: "stopped" };

export interface Reporter {
  tell(event: DemoEvent): void;
}

/** One JSON object a line. */
export class JsonReporter implements Reporter {
  constructor(private readonly write: (text: string) => void) {}

  tell(event: DemoEvent): void {
    this.write(`${JSON.stringify(event)}\n`);
  }
}
