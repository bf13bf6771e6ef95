// The sidecar processes that have said hello: what each VM holds, how it answered the last update, what it has counted.
// In memory only: a sidecar tells everything again when it comes back. Bounded: 10,000 nodes (the one gone longest
// makes room), 64 VMs each.

import type { Identity, Mode, Target } from "../domain.ts";
import { ControlPlaneError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";

export const NODES_MAX = 10_000;
/** As many as a process can register (SLOTS_MAX of filter/core/limits.ts). */
export const VMS_MAX = 64;
/** A node id that is gone this long may come back under another identity: a pod was made again. */
export const BINDING_KEPT_MS = 600_000;

/** Totals since the VM's boot. */
export interface VmTotals {
  seen: number;
  scored: number;
  skipped: number;
  denied: number;
  shadowDenied: number;
  windowsDropped: number;
  denialsDropped: number;
  streamsOpened: number;
}

export interface Vm {
  bootId: string;
  processId: string;
  /** What it holds; 0 before it told. */
  epoch: number;
  version: number;
  state: "unspecified" | "pending" | "acked" | "nacked";
  /** Field, value and bound of a refusal. */
  nackReason: string;
  lastSeenMs: number;
  mode: Mode | undefined;
  configError: string;
  totals: VmTotals;
}

export interface Node {
  name: string;
  identity: Identity;
  targets: readonly Target[];
  filterVersion: string;
  lastSeenMs: number;
  /** Processes with a live stream: from process id to that stream. */
  processes: Map<string, object>;
  configError: string;
  /** By boot id. */
  vms: Map<string, Vm>;
}

export interface Greeting {
  identity: Identity;
  node: string;
  processId: string;
  targets: readonly Target[];
  filterVersion: string;
  configError: string;
}

export class Nodes {
  /** In order of the last hello or goodbye: the first without a stream is the one gone longest. */
  private readonly byName = new Map<string, Node>();

  constructor(
    private readonly clock: Clock,
    private readonly nodesMax = NODES_MAX,
  ) {}

  /**
   * A process said hello on `stream`, which stands in for an older stream of the same process. PERMISSION_DENIED where
   * the node id belongs to another identity; RESOURCE_EXHAUSTED where the table is full of connected nodes.
   */
  connect(greeting: Greeting, stream: object): Node {
    const known = this.byName.get(greeting.node);
    const stale = known !== undefined && known.identity !== greeting.identity && this.gone(known);
    if (known !== undefined && known.identity !== greeting.identity && !stale) {
      const text = `hello.node: ${greeting.node} is bound to another identity`;
      throw new ControlPlaneError("PERMISSION_DENIED", text, { field: "hello.node" });
    }
    const node = known === undefined || stale ? this.add(greeting) : known;
    node.targets = greeting.targets;
    node.filterVersion = greeting.filterVersion;
    node.configError = greeting.configError;
    node.processes.set(greeting.processId, stream);
    this.forgetOldProcesses(node);
    this.touch(node);
    return node;
  }

  /** The stream is over; without effect where a newer one of the process has taken over. */
  disconnect(node: Node, processId: string, stream: object): void {
    if (node.processes.get(processId) !== stream) return;
    node.processes.delete(processId);
    this.touch(node);
  }

  /** The VM, made known if it was not. The quietest goes where the node has its 64. */
  vm(node: Node, bootId: string, processId: string): Vm {
    const now = this.clock.nowMs();
    node.lastSeenMs = now;
    let vm = node.vms.get(bootId);
    if (vm === undefined) {
      vm = newVm(bootId, processId);
      if (node.vms.size >= VMS_MAX) dropQuietest(node);
      node.vms.set(bootId, vm);
    }
    vm.processId = processId;
    vm.lastSeenMs = now;
    return vm;
  }

  /** Forgets VMs that have been quiet for `quietMs` while their process had a live stream: they were torn down. */
  sweep(quietMs: number): void {
    const before = this.clock.nowMs() - quietMs;
    for (const node of this.byName.values()) {
      for (const vm of node.vms.values()) {
        if (vm.lastSeenMs < before && node.processes.has(vm.processId)) node.vms.delete(vm.bootId);
      }
    }
  }

  get(name: string): Node | undefined {
    return this.byName.get(name);
  }

  /** Ascending by name. */
  list(): Node[] {
    return [...this.byName.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  }

  /** Names of the nodes with a live stream that serve the target, ascending. */
  connectedTo(target: Target): string[] {
    const nodes = [...this.byName.values()].filter((node) => node.processes.size > 0 && node.targets.includes(target));
    return nodes.map((node) => node.name).sort();
  }

  private add(greeting: Greeting): Node {
    this.byName.delete(greeting.node);
    if (this.byName.size >= this.nodesMax) this.makeRoom();
    const node: Node = {
      name: greeting.node,
      identity: greeting.identity,
      targets: [],
      filterVersion: "",
      lastSeenMs: 0,
      processes: new Map(),
      configError: "",
      vms: new Map(),
    };
    this.byName.set(node.name, node);
    return node;
  }

  private makeRoom(): void {
    for (const node of this.byName.values()) {
      if (node.processes.size > 0) continue;
      this.byName.delete(node.name);
      return;
    }
    throw new ControlPlaneError(
      "RESOURCE_EXHAUSTED",
      `nodes: ${this.nodesMax} are connected, at most ${this.nodesMax}`,
    );
  }

  private touch(node: Node): void {
    node.lastSeenMs = this.clock.nowMs();
    if (this.byName.get(node.name) !== node) return;
    this.byName.delete(node.name);
    this.byName.set(node.name, node);
  }

  private gone(node: Node): boolean {
    return node.processes.size === 0 && this.clock.nowMs() - node.lastSeenMs >= BINDING_KEPT_MS;
  }

  private forgetOldProcesses(node: Node): void {
    for (const vm of node.vms.values()) {
      if (!node.processes.has(vm.processId)) node.vms.delete(vm.bootId);
    }
  }
}

function newVm(bootId: string, processId: string): Vm {
  return {
    bootId,
    processId,
    epoch: 0,
    version: 0,
    state: "unspecified",
    nackReason: "",
    lastSeenMs: 0,
    mode: undefined,
    configError: "",
    totals: {
      seen: 0,
      scored: 0,
      skipped: 0,
      denied: 0,
      shadowDenied: 0,
      windowsDropped: 0,
      denialsDropped: 0,
      streamsOpened: 0,
    },
  };
}

function dropQuietest(node: Node): void {
  let quietest: Vm | undefined;
  for (const vm of node.vms.values()) {
    if (quietest === undefined || vm.lastSeenMs < quietest.lastSeenMs) quietest = vm;
  }
  if (quietest !== undefined) node.vms.delete(quietest.bootId);
}
