// One VM: a wasm instance, its contexts, and the border between guest and host. Counts what crosses: guest entries,
// hostcalls, bytes. A trap marks the whole VM failed, as in Envoy; what a strict host forbids is thrown at the test.

import { ALLOWED_IN_INITIALIZE, ALLOWED_IN_MALLOC, HOSTCALLS, linkErrors, Status, WASI } from "./abi.ts";
import type { Exchange } from "./exchange.ts";
import type { GrpcStreams } from "./grpc.ts";
import { environment } from "./hostcalls.ts";
import type { HostProcess } from "./process.ts";
import { readTypes } from "./wasm-types.ts";
import { type WasmInstance, type WasmModule, wasm } from "./webassembly.ts";

/** A hostcall with an argument, or at a time, that is never right. */
export class HostViolation extends Error {}

/** Leaves a hostcall with a failing status; a strict host throws instead. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** One call of the host into the guest, and what the guest asked for during it. */
export interface Entry {
  name: string;
  hostcalls: string[];
  /** Calls of the guest's malloc by the host. */
  mallocs: number;
  /** Bytes that the host copied into the guest. */
  bytes: number;
}

export interface RootContext {
  readonly id: number;
  readonly config: Uint8Array;
  readonly streams: GrpcStreams;
  /** Exchanges that still live on it; it ends after the last. */
  open: number;
  ending: boolean;
  ended: boolean;
}

export interface StreamContext {
  readonly id: number;
  readonly root: RootContext;
  readonly exchange: Exchange;
}

type Callback = (...args: number[]) => number | undefined;
type Hostcall = (...args: never[]) => number;

const modules = new WeakMap<Uint8Array, WasmModule>();

function compile(bytes: Uint8Array, extra: string[]): WasmModule {
  let module = modules.get(bytes);
  if (module === undefined) {
    const errors = linkErrors(readTypes(bytes), extra);
    if (errors.length > 0) throw new HostViolation(`Failed to load Wasm module: ${errors.join("; ")}`);
    module = new wasm.Module(bytes);
    modules.set(bytes, module);
  }
  return module;
}

function notEmulated(name: string): Hostcall {
  return () => {
    throw new HostViolation(`${name}: links in Envoy, is not emulated here`);
  };
}

function isTrap(error: unknown): error is Error {
  return error instanceof wasm.RuntimeError || (error instanceof RangeError && /call stack/.test(error.message));
}

export class Vm {
  readonly process: HostProcess;
  readonly name: string;
  readonly thread: number;
  /** Why it is failed. */
  failed: string | undefined;
  readonly roots = new Map<number, RootContext>();
  readonly contexts = new Map<number, StreamContext>();
  /** The context on whose behalf hostcalls are made. */
  current: { root: RootContext; stream: StreamContext | undefined } | undefined;
  /** Message of the gRPC callback that runs. */
  grpcMessage: Uint8Array | undefined;
  readonly #instance: WasmInstance;
  readonly #memory: { readonly buffer: ArrayBuffer };
  /** Over the memory as it is; a memory that grows gets another buffer and leaves this one empty. */
  #view: Buffer = Buffer.alloc(0);
  readonly #stack: Entry[] = [];
  #allowed: Set<string> | undefined;
  #nextContextId = 1;

  constructor(process: HostProcess, name: string, thread: number) {
    this.process = process;
    this.name = name;
    this.thread = thread;
    const extra = process.extra(this);
    const module = compile(process.wasm, Object.keys(extra));
    const { env, wasi } = environment(this);
    this.#instance = new wasm.Instance(module, {
      ...extra,
      env: this.#bound(HOSTCALLS, env),
      wasi_snapshot_preview1: this.#bound(WASI, wasi),
    });
    this.#memory = this.#instance.exports.memory as { buffer: ArrayBuffer };
    this.#allowed = ALLOWED_IN_INITIALIZE;
    this.enter("_initialize");
    this.#allowed = undefined;
  }

  get memory(): Buffer {
    if (this.#view.length === 0) this.#view = Buffer.from(this.#memory.buffer);
    return this.#view;
  }

  get pages(): number {
    return this.memory.length / 65536;
  }

  exported(name: string): unknown {
    return this.#instance.exports[name];
  }

  has(callback: string): boolean {
    return typeof this.#instance.exports[callback] === "function";
  }

  nextContextId(): number {
    return this.#nextContextId++;
  }

  /** Calls the guest; undefined where it does not export the callback, where the VM is failed or fails now. */
  enter(name: string, ...args: number[]): number | undefined {
    const callback = this.#instance.exports[name] as Callback | undefined;
    if (callback === undefined || this.failed !== undefined) return undefined;
    const entry: Entry = { name, hostcalls: [], mallocs: 0, bytes: 0 };
    this.#stack.push(entry);
    try {
      return callback(...args) ?? 0;
    } catch (error) {
      if (!isTrap(error)) throw error;
      this.failed = `${name}: ${error.message}`;
      this.process.vmFailed(this);
      return undefined;
    } finally {
      this.#stack.pop();
      this.process.entered(this, entry);
    }
  }

  /** Calls the guest on behalf of a context. */
  enterOn(root: RootContext, stream: StreamContext | undefined, name: string, ...args: number[]): number | undefined {
    const before = this.current;
    this.current = { root, stream };
    try {
      return this.enter(name, stream?.id ?? root.id, ...args);
    } finally {
      this.current = before;
    }
  }

  #bound(table: Record<string, string>, calls: Record<string, Hostcall>): Record<string, unknown> {
    const bound: Record<string, unknown> = {};
    for (const name of Object.keys(table)) {
      const call = calls[name] ?? notEmulated(name);
      bound[name] = (...args: never[]) => this.#hostcall(name, call, args);
    }
    return bound;
  }

  #hostcall(name: string, call: Hostcall, args: never[]): number {
    if (this.#allowed !== undefined && !this.#allowed.has(name)) {
      throw new HostViolation(`${name}: restricted during ${this.#stack.at(-1)?.name}`);
    }
    this.#stack.at(-1)?.hostcalls.push(name);
    if (this.process.refused.has(name)) return Status.InternalFailure;
    try {
      return call(...args);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (this.process.strict) throw new HostViolation(`${name}: ${error.message}`);
      return error.status;
    }
  }

  /** The bytes in a copy of their own. */
  bytes(at: number, size: number): Uint8Array {
    return new Uint8Array(this.#readable(at, size).subarray(at >>> 0, (at >>> 0) + (size >>> 0)));
  }

  /** The bytes as latin1. */
  text(at: number, size: number): string {
    return this.#readable(at, size).toString("latin1", at >>> 0, (at >>> 0) + (size >>> 0));
  }

  #readable(at: number, size: number): Buffer {
    const { memory } = this;
    if ((at >>> 0) + (size >>> 0) <= memory.length) return memory;
    const what = `${at >>> 0} + ${size >>> 0} lies outside ${memory.length} bytes of memory`;
    throw new Refused(Status.InvalidMemoryAccess, what);
  }

  #writable(at: number, size: number): Buffer {
    const { memory } = this;
    if ((at >>> 0) + size <= memory.length) return memory;
    throw new Refused(Status.InvalidMemoryAccess, `write of ${size} at ${at >>> 0} lies outside the memory`);
  }

  write(at: number, bytes: Uint8Array): void {
    this.#writable(at, bytes.length).set(bytes, at >>> 0);
  }

  write32(at: number, value: number): void {
    this.#writable(at, 4).writeInt32LE(value | 0, at >>> 0);
  }

  write64(at: number, value: bigint): void {
    this.#writable(at, 8).writeBigUInt64LE(value, at >>> 0);
  }

  #malloc(size: number): number {
    const before = this.#allowed;
    this.#allowed = ALLOWED_IN_MALLOC;
    try {
      const { malloc = this.#instance.exports.proxy_on_memory_allocate } = this.#instance.exports;
      return (malloc as (size: number) => number)(size) >>> 0;
    } finally {
      this.#allowed = before;
    }
  }

  /** Copies bytes into memory that the guest's malloc gives; during that call nearly every hostcall is forbidden. */
  give(bytes: Uint8Array, pointerAt: number, sizeAt: number): number {
    let pointer = 0;
    if (bytes.length > 0) {
      pointer = this.#malloc(bytes.length);
      const entry = this.#stack.at(-1);
      if (entry !== undefined) {
        entry.mallocs++;
        entry.bytes += bytes.length;
      }
      if (pointer === 0) return Status.InvalidMemoryAccess;
      this.write(pointer, bytes);
    }
    this.write32(pointerAt, pointer);
    this.write32(sizeAt, bytes.length);
    return Status.Ok;
  }
}
