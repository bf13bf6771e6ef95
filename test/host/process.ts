// What the VMs of one emulated Envoy process have in common, as the border sees it.

import type { Prng } from "../support/prng.ts";
import type { GrpcPeer } from "./grpc.ts";
import type { Loop } from "./loop.ts";
import type { Metrics, SharedData, SharedQueues } from "./shared-state.ts";
import type { Entry, Vm } from "./vm.ts";

export interface LogLine {
  vm: string;
  /** 0 trace to 5 critical. */
  level: number;
  text: string;
}

export interface HostProcess {
  readonly wasm: Uint8Array;
  /** Import modules that a test provides itself, for scripted guests. */
  extra(vm: Vm): Record<string, Record<string, unknown>>;
  readonly loop: Loop;
  readonly data: SharedData;
  readonly queues: SharedQueues;
  readonly metrics: Metrics;
  readonly random: Prng;
  readonly vmId: string;
  /** Whether an argument that Envoy would refuse throws at the test. */
  readonly strict: boolean;
  /** Hostcalls that a capability restriction refuses: they return 10. */
  readonly refused: Set<string>;
  readonly clusters: Map<string, GrpcPeer>;
  readonly logs: LogLine[];
  /**
   * A property of the process by its path joined with dots: value, null for one that is absent, undefined for one
   * nobody knows.
   */
  property(path: string): Uint8Array | null | undefined;
  nextGrpcToken(): number;
  entered(vm: Vm, entry: Entry): void;
  vmFailed(vm: Vm): void;
}
