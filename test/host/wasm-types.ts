// Reads what JavaScript hides: the exact types of a wasm module's imports and exports. A JavaScript host takes any
// arity, Envoy refuses the module. A signature is written `parameters>results`, i = i32, I = i64, f = f32, F = f64, v
// = v128.

export interface WasmImport {
  module: string;
  name: string;
  kind: "func" | "table" | "memory" | "global";
  signature: string;
}

export interface WasmExport {
  name: string;
  kind: "func" | "table" | "memory" | "global";
  signature: string;
}

export interface WasmTypes {
  imports: WasmImport[];
  exports: WasmExport[];
  /** In 64 KiB pages; maximum is undefined where none is declared. */
  memory: { minimum: number; maximum: number | undefined } | undefined;
  /** Whether the module has a start section, which would run without a context. */
  start: boolean;
}

const VALUE_TYPES: Record<number, string> = { 127: "i", 126: "I", 125: "f", 124: "F", 123: "v" };
const KINDS = ["func", "table", "memory", "global"] as const;

class Reader {
  constructor(
    readonly bytes: Uint8Array,
    public at = 0,
  ) {}

  byte(): number {
    const value = this.bytes[this.at++];
    if (value === undefined) throw new Error(`wasm: read beyond the end at ${this.at - 1}`);
    return value;
  }

  u32(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
    throw new Error(`wasm: a number of more than 5 bytes at ${this.at}`);
  }

  name(): string {
    const size = this.u32();
    const text = new TextDecoder().decode(this.bytes.subarray(this.at, this.at + size));
    this.at += size;
    return text;
  }

  list<T>(read: () => T): T[] {
    return Array.from({ length: this.u32() }, read);
  }

  limits(): { minimum: number; maximum: number | undefined } {
    const flags = this.byte();
    const minimum = this.u32();
    return { minimum, maximum: flags & 1 ? this.u32() : undefined };
  }
}

function signature(reader: Reader): string {
  if (reader.byte() !== 0x60) throw new Error("wasm: only function types are known");
  const types = () =>
    reader
      .list(() => reader.byte())
      .map((type) => VALUE_TYPES[type] ?? "?")
      .join("");
  return `${types()}>${types()}`;
}

function readImport(reader: Reader, signatures: string[]): WasmImport {
  const module = reader.name();
  const name = reader.name();
  const kind = KINDS[reader.byte()] ?? "func";
  let type = "";
  if (kind === "func") type = signatures[reader.u32()] ?? "?";
  else if (kind === "global") reader.at += 2;
  else {
    if (kind === "table") reader.byte();
    reader.limits();
  }
  return { module, name, kind, signature: type };
}

/** Throws on bytes that are no wasm module. */
export function readTypes(bytes: Uint8Array): WasmTypes {
  const reader = new Reader(bytes, 8);
  if (bytes.length < 8 || bytes[0] !== 0 || bytes[1] !== 0x61) throw new Error("wasm: not a module");
  const types: WasmTypes = { imports: [], exports: [], memory: undefined, start: false };
  let signatures: string[] = [];
  let functions: string[] = [];
  while (reader.at < bytes.length) {
    const id = reader.byte();
    const size = reader.u32();
    const end = reader.at + size;
    if (id === 1) signatures = reader.list(() => signature(reader));
    if (id === 2) {
      types.imports = reader.list(() => readImport(reader, signatures));
      functions = types.imports.filter((entry) => entry.kind === "func").map((entry) => entry.signature);
    }
    if (id === 3) functions.push(...reader.list(() => signatures[reader.u32()] ?? "?"));
    if (id === 5) types.memory = reader.list(() => reader.limits())[0];
    if (id === 7) {
      types.exports = reader.list(() => {
        const name = reader.name();
        const kind = KINDS[reader.byte()] ?? "func";
        const index = reader.u32();
        return { name, kind, signature: kind === "func" ? (functions[index] ?? "?") : "" };
      });
    }
    if (id === 8) types.start = true;
    reader.at = end;
  }
  return types;
}
