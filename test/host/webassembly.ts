// The part of JavaScript's WebAssembly that the host uses, typed: the project compiles without browser types, which
// declare it.

export interface WasmModule {
  readonly brand: "module";
}

export interface WasmInstance {
  readonly exports: Record<string, unknown>;
}

interface Api {
  Module: new (bytes: Uint8Array) => WasmModule;
  Instance: new (module: WasmModule, imports: Record<string, Record<string, unknown>>) => WasmInstance;
  RuntimeError: new (message?: string) => Error;
}

export const wasm = (globalThis as unknown as { WebAssembly: Api }).WebAssembly;
