// A wasm module that does what TypeScript says: its callbacks are imports, its hostcalls are exported again. With it
// the host itself is tested, call by call, without a compiler.

import { CALLBACKS, HOSTCALLS, WASI } from "./abi.ts";
import type { Vm } from "./vm.ts";

/** The guest as its script sees it. */
export class Guest {
  readonly vm: Vm;
  #next = 4096;

  constructor(vm: Vm) {
    this.vm = vm;
  }

  malloc(size: number): number {
    const at = this.#next;
    this.#next += (size + 7) & ~7;
    return at;
  }

  /** Makes a hostcall; texts and bytes become pointer and size. */
  call(name: string, ...args: (number | bigint | string | Uint8Array)[]): number {
    const flat = args.flatMap((arg) => (typeof arg === "number" || typeof arg === "bigint" ? [arg] : this.put(arg)));
    return (this.vm.exported(`call:${name}`) as (...flat: (number | bigint)[]) => number)(...flat);
  }

  put(content: string | Uint8Array): [number, number] {
    const bytes = typeof content === "string" ? Buffer.from(content, "latin1") : content;
    const at = this.malloc(bytes.length);
    this.vm.memory.set(bytes, at);
    return [at, bytes.length];
  }

  u32(at: number): number {
    return Buffer.from(this.vm.memory).readUInt32LE(at);
  }

  /** The text whose pointer and size a hostcall left at `at`. */
  given(at: number): string {
    return this.vm.text(this.u32(at), this.u32(at + 4));
  }
}

/** Callbacks by ABI name; what is absent is not exported. */
export type Script = Record<string, (guest: Guest, ...args: number[]) => unknown>;

const TYPES: Record<string, number> = { i: 0x7f, I: 0x7e };

function leb(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...leb(value >>> 7)];
}

function named(text: string): number[] {
  return [...leb(text.length), ...Buffer.from(text)];
}

function section(id: number, items: number[][]): number[] {
  const body = [...leb(items.length), ...items.flat()];
  return [id, ...leb(body.length), ...body];
}

function functionType(signature: string): number[] {
  const [parameters, results] = signature.split(">").map((part) => [...part].map((type) => TYPES[type]!));
  return [0x60, ...leb(parameters!.length), ...parameters!, ...leb(results!.length), ...results!];
}

/** A module whose imports are `imports` in this order, each exported again under `as`. */
export function assemble(imports: { module: string; name: string; as: string; signature: string }[]): Uint8Array {
  const types = imports.map((entry) => functionType(entry.signature));
  const imported = imports.map((entry, index) => [...named(entry.module), ...named(entry.name), 0, ...leb(index)]);
  const exported = imports.map((entry, index) => [...named(entry.as), 0, ...leb(index)]);
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, types),
    ...section(2, imported),
    ...section(5, [[0, 16]]),
    ...section(7, [[...named("memory"), 2, 0], ...exported]),
  ]);
}

/** Options of a Sidecar whose every VM runs this script. */
export function scripted(script: Script): {
  wasm: Uint8Array;
  extra: (vm: Vm) => Record<string, Record<string, unknown>>;
} {
  const callbacks: Script = {
    proxy_abi_version_0_2_1: () => {},
    malloc: (guest, size) => guest.malloc(size!),
    ...script,
  };
  const own = Object.keys(callbacks).map((name) => ({
    module: "script",
    name,
    as: name,
    signature: CALLBACKS[name]!,
  }));
  const offered = (module: string, table: Record<string, string>) =>
    Object.entries(table).map(([name, signature]) => ({ module, name, as: `call:${name}`, signature }));
  const wasm = assemble([...own, ...offered("env", HOSTCALLS), ...offered("wasi_snapshot_preview1", WASI)]);
  const extra = (vm: Vm) => {
    const guest = new Guest(vm);
    const bound = Object.entries(callbacks).map(([name, run]) => [
      name,
      (...args: number[]) => Number(run(guest, ...args) ?? 0),
    ]);
    return { script: Object.fromEntries(bound) };
  };
  return { wasm, extra };
}
