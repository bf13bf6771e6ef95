// An emulated Envoy 1.40 with one proxy-wasm filter: a main thread and workers with a VM each, a canary for every new
// configuration, shared state, gRPC streams, and requests. Nothing moves but by the test: time, turns, chance and
// network are its own.

import { Prng } from "../support/prng.ts";
import { type Exchange, integer, latin1 } from "./exchange.ts";
import type { GrpcPeer } from "./grpc.ts";
import { textProperty } from "./hostcalls.ts";
import { Loop } from "./loop.ts";
import type { HostProcess, LogLine } from "./process.ts";
import { type RequestSpec, requestHeaders, requestProperties } from "./request.ts";
import { startRoot } from "./root.ts";
import { Metrics, SharedData, SharedQueues } from "./shared-state.ts";
import { type Entry, HostViolation, type RootContext, type StreamContext, Vm } from "./vm.ts";

export interface SidecarOptions {
  wasm: Uint8Array;
  /** Workers beside the main thread; 2 unless told. */
  workers?: number;
  vmId?: string;
  seed?: number;
  /** Envoy node id, and its metadata. */
  node?: string;
  metadata?: Record<string, string>;
  /** Endpoints by cluster name. */
  clusters?: Record<string, GrpcPeer>;
  strict?: boolean;
  /** Imports of a scripted guest. */
  extra?: (vm: Vm) => Record<string, Record<string, unknown>>;
  loop?: Loop;
}

const MAIN = 0;
const VIA_UPSTREAM = latin1("via_upstream");

/** A request that the workload has, and the VM that began it: a reload does not change that. */
interface OpenStream {
  vm: Vm;
  stream: StreamContext;
}

export class Sidecar implements HostProcess {
  readonly wasm: Uint8Array;
  readonly extra: (vm: Vm) => Record<string, Record<string, unknown>>;
  readonly loop: Loop;
  readonly data = new SharedData();
  readonly queues = new SharedQueues();
  readonly metrics = new Metrics();
  readonly random: Prng;
  readonly vmId: string;
  readonly strict: boolean;
  readonly refused = new Set<string>();
  readonly clusters: Map<string, GrpcPeer>;
  readonly logs: LogLine[] = [];
  /** VMs that trapped, with the callback and the message. */
  readonly failures: string[] = [];
  /** Guest entries since the start, by callback. */
  readonly entries = new Map<string, number>();
  /** Hostcalls since the start. */
  hostcalls = 0;
  /** VMs made since the start, canaries included. */
  vmsMade = 0;
  readonly #node: string;
  readonly #metadata: Record<string, string>;
  readonly #workers: number;
  #vms: Vm[] = [];
  #roots = new Map<Vm, RootContext>();
  #configuration: string | undefined;
  #nextToken = 1;
  #nextWorker = 0;
  #observed: Entry[] | undefined;

  constructor(options: SidecarOptions) {
    this.wasm = options.wasm;
    this.extra = options.extra ?? (() => ({}));
    this.loop = options.loop ?? new Loop();
    this.random = new Prng(options.seed ?? 1);
    this.vmId = options.vmId ?? "";
    this.strict = options.strict ?? true;
    this.clusters = new Map(Object.entries(options.clusters ?? {}));
    this.#workers = options.workers ?? 2;
    this.#node = options.node ?? "quotes-1";
    this.#metadata = options.metadata ?? { NAMESPACE: "shop", WORKLOAD_NAME: "quotes" };
  }

  /** Main thread first, then the workers. */
  get vms(): readonly Vm[] {
    return this.#vms;
  }

  worker(index: number): Vm {
    const vm = this.#vms[1 + index];
    if (vm === undefined) throw new Error(`worker ${index} of ${this.#workers}`);
    return vm;
  }

  /** Streams the host still keeps for a VM's root context, closed ones that the filter forgot included. */
  streamsKept(vm: Vm): number {
    return this.#roots.get(vm)?.streams.size ?? 0;
  }

  /**
   * Gives the filter a configuration, as text or as an object. The first makes the VMs; another is a config-only
   * update: canary, a new
   * root context in every VM, the old one ends. An equal one changes nothing. Returns false if the filter refused it.
   */
  configure(configuration: string | object): boolean {
    const text = typeof configuration === "string" ? configuration : JSON.stringify(configuration);
    if (text === this.#configuration) return true;
    if (!this.#canary(text)) return false;
    this.#configuration = text;
    for (let thread = MAIN; thread <= this.#workers; thread++) {
      const vm = this.#vms[thread] ?? this.#makeVm(thread === MAIN ? "main" : `worker-${thread - 1}`, thread);
      this.#vms[thread] = vm;
      const before = this.#roots.get(vm);
      if (vm.failed === undefined) this.#roots.set(vm, startRoot(vm, text).root);
      if (before !== undefined) this.#end(vm, before);
    }
    this.loop.drain();
    return true;
  }

  /** New code or environment: every VM is made anew, globals are lost, shared data stays. */
  reload(configuration: string | object): boolean {
    const old = this.#vms.map((vm) => [vm, this.#roots.get(vm)] as const);
    this.#vms = [];
    this.#configuration = undefined;
    if (!this.configure(configuration)) return false;
    for (const [vm, root] of old) if (root !== undefined) this.#end(vm, root);
    this.loop.drain();
    return true;
  }

  #makeVm(name: string, thread: number): Vm {
    this.vmsMade++;
    return new Vm(this, name, thread);
  }

  /** Starts and configures a VM on the main thread and throws it away, without a further callback. */
  #canary(text: string): boolean {
    const vm = this.#makeVm("canary", MAIN);
    const { root, accepted } = startRoot(vm, text);
    root.ended = true;
    this.loop.setTimer(root, MAIN, 0, () => {});
    root.streams.end();
    return accepted;
  }

  /** A root ends after its last stream: done, delete; its timer, streams and queue registrations go silently. */
  #end(vm: Vm, root: RootContext): void {
    root.ending = true;
    if (root.open > 0) return;
    if (vm.enterOn(root, undefined, "proxy_on_done") === 0)
      throw new HostViolation("proxy_on_done: a root asks to be kept");
    vm.enterOn(root, undefined, "proxy_on_delete");
    root.ended = true;
    this.loop.setTimer(root, vm.thread, 0, () => {});
    root.streams.end();
    vm.roots.delete(root.id);
  }

  /** Moves time and runs what comes due: ticks, deliveries, wake-ups. */
  tick(ms: number): void {
    this.loop.advance(ms);
  }

  /** The VM's thread runs nothing until it is resumed; the others go on. */
  stall(vm: Vm): void {
    this.loop.stall(vm.thread);
  }

  resume(vm: Vm): void {
    this.loop.resume(vm.thread);
  }

  /** One request from headers to log. Workers take turns unless one is named. */
  request(spec: RequestSpec = {}): Exchange {
    const { exchange, open } = this.#begin(spec);
    if (open !== undefined) this.#finish(open, spec);
    return exchange;
  }

  /** A request up to where the workload has it; `finish` lets the workload answer. */
  open(spec: RequestSpec = {}): { exchange: Exchange; finish: () => void } {
    const { exchange, open } = this.#begin(spec);
    return { exchange, finish: () => open && this.#finish(open, spec) };
  }

  /** `open` is undefined where there was no VM to take the request. */
  #begin(spec: RequestSpec): { exchange: Exchange; open: OpenStream | undefined } {
    const worker = spec.worker ?? this.#nextWorker++ % this.#workers;
    const vm = this.worker(worker);
    const exchange: Exchange = {
      phase: "between",
      requestHeaders: requestHeaders(spec),
      responseHeaders: [[":status", String(spec.code ?? 200)]],
      properties: requestProperties(spec),
      filterState: new Map(),
      localReply: undefined,
      status: 0,
      passed: false,
      worker,
      entries: [],
    };
    const root = this.#roots.get(vm);
    if (root === undefined || vm.failed !== undefined) {
      exchange.status = 503;
      return { exchange, open: undefined };
    }
    const stream: StreamContext = { id: vm.nextContextId(), root, exchange };
    vm.contexts.set(stream.id, stream);
    root.open++;
    if (!spec.answeredBefore) this.#observe(exchange, "request", () => this.#ask(vm, stream));
    else exchange.status = spec.code ?? 403;
    return { exchange, open: { vm, stream } };
  }

  #finish({ vm, stream }: OpenStream, spec: RequestSpec): void {
    const { exchange } = stream;
    this.#observe(exchange, "response", () => this.#answer(vm, stream, spec));
    this.#observe(exchange, "log", () => this.#log(vm, stream, spec));
    this.#observe(exchange, "between", () => this.#forget(vm, stream));
    this.loop.drain();
  }

  #observe(exchange: Exchange, phase: Exchange["phase"], run: () => void): void {
    exchange.phase = phase;
    this.#observed = exchange.entries;
    try {
      run();
    } finally {
      this.#observed = undefined;
      exchange.phase = "between";
    }
  }

  #ask(vm: Vm, stream: StreamContext): void {
    const { exchange, root } = stream;
    vm.enterOn(root, stream, "proxy_on_context_create", root.id);
    const action = vm.enterOn(root, stream, "proxy_on_request_headers", exchange.requestHeaders.length, 1);
    if (vm.failed !== undefined) exchange.status = 503;
    else if (exchange.localReply !== undefined) exchange.status = exchange.localReply.code;
    else if (action === 0) exchange.passed = true;
    else
      throw new HostViolation(`proxy_on_request_headers: returned ${action} without a local reply: the request hangs`);
  }

  #answer(vm: Vm, stream: StreamContext, spec: RequestSpec): void {
    const { exchange, root } = stream;
    if (exchange.passed) exchange.status = spec.code ?? 200;
    exchange.responseHeaders = [[":status", String(exchange.status)], ...(exchange.localReply?.headers ?? [])];
    // A local reply passes the filter's own response callbacks; one of an earlier filter does not.
    if (!spec.answeredBefore) {
      vm.enterOn(root, stream, "proxy_on_response_headers", exchange.responseHeaders.length, 1);
    }
  }

  #log(vm: Vm, stream: StreamContext, spec: RequestSpec): void {
    const { exchange, root } = stream;
    if (spec.answeredBefore) vm.enterOn(root, stream, "proxy_on_context_create", root.id);
    exchange.properties.set("response.code", integer(exchange.status));
    const { localReply } = exchange;
    exchange.properties.set("response.grpc_status", integer(localReply ? 7 : (spec.grpcStatus ?? 2)));
    exchange.properties.set("response.code_details", localReply ? latin1(localReply.details) : VIA_UPSTREAM);
    if (!spec.withoutLog) vm.enterOn(root, stream, "proxy_on_log");
  }

  #forget(vm: Vm, stream: StreamContext): void {
    const { root } = stream;
    if (vm.enterOn(root, stream, "proxy_on_done") === 0)
      throw new HostViolation("proxy_on_done: a stream asks to be kept");
    vm.enterOn(root, stream, "proxy_on_delete");
    vm.contexts.delete(stream.id);
    root.open--;
    if (root.ending && root.open === 0) this.#end(vm, root);
  }

  property(path: string): Uint8Array | null | undefined {
    if (path === "xds.node.id") return textProperty(this.#node);
    if (path === "plugin_vm_id") return textProperty(this.vmId);
    if (path === "plugin_name" || path === "plugin_root_id") return textProperty("vedette");
    const metadata = /^xds\.node\.metadata\.(NAMESPACE|WORKLOAD_NAME)$/.exec(path);
    return metadata === null ? undefined : textProperty(this.#metadata[metadata[1]!]);
  }

  nextGrpcToken(): number {
    this.#nextToken += 2;
    return this.#nextToken - 2;
  }

  entered(_vm: Vm, entry: Entry): void {
    this.entries.set(entry.name, (this.entries.get(entry.name) ?? 0) + 1);
    this.hostcalls += entry.hostcalls.length;
    this.#observed?.push(entry);
  }

  vmFailed(vm: Vm): void {
    this.failures.push(`${vm.name}: ${vm.failed}`);
  }
}
