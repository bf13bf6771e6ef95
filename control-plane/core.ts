// The law in Node: loads core.wasm, the same code that runs in the filter, and gives it a few typed entries. One
// instance, one thread: every call leaves its result in the wasm's own buffers, so nothing here may be called from
// inside another call.

import { readFileSync } from "node:fs";

export type SectionKind = "settings" | "model" | "rules";

/** What the filter would say of a section: field, value and bound of filter/core/README.md section 8. */
export interface Refusal {
  field: string;
  value: bigint;
  bound: string;
}

/** Constants of filter/core/limits.ts that the control plane shares. */
const LIMITS = [
  "FEATURES",
  "PRODUCTS",
  "BIN_MAX",
  "SCORE_BUCKETS",
  "SCORE_MAX",
  "CALLER_GROUPS",
  "CELL_MIN",
  "CALLER_MAX",
  "METHOD_MAX",
  "ROUTE_MAX",
  "RULES_MAX",
  "RULES_MAX_BYTES",
  "MODEL_MAX",
  "WINDOW_REQUESTS_MAX",
  "PARAMETERS_MAX",
  "CLASSES",
  "LENGTHS",
  "LEVELS",
] as const;

export type Limits = Readonly<Record<(typeof LIMITS)[number], number>>;

/** The last bucket is open above; its end goes on as the others do: 8 << 15. */
const LAST_BUCKET_END = 2 ** 18;

const DIGEST_BYTES = 32;

const KINDS: Readonly<Record<SectionKind, number>> = { settings: 1, model: 2, rules: 3 };

/** What is used of WebAssembly, which the library types of Node leave out. */
interface WebAssemblyApi {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { exports: Record<string, unknown> };
  Global: new () => { value: unknown };
}

const { WebAssembly } = globalThis as unknown as { WebAssembly: WebAssemblyApi };

interface Exports {
  memory: { buffer: ArrayBuffer };
  _initialize(): void;
  checkSection(kind: number, size: number): number;
  putRefusalField(out: number): number;
  putRefusalBound(out: number): number;
  refusalValue(): bigint;
  modelPresent(body: number): number;
  score(body: number, bins: number): number;
  extract(target: number, size: number): number;
  bucketOf(score: number): number;
  bucketLow(bucket: number): number;
  log2(k: number): number;
  keyOf(text: number, size: number, k0: bigint, k1: bigint): bigint;
  featureHash(): bigint;
  sha256(content: number, size: number, out: number): void;
}

export class Core {
  readonly limits: Limits;
  /** Hash of the feature list, as the filter has it. */
  readonly featureHash: bigint;
  readonly #wasm: Exports;
  readonly #address: (name: string) => number;

  /** Throws where the bytes are no core of this version: a missing export is named. */
  constructor(bytes: Uint8Array) {
    const exports = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
    if (!("_initialize" in exports)) throw new Error("core.wasm: no export _initialize; build it again");
    this.#wasm = exports as unknown as Exports;
    this.#wasm._initialize();
    this.#address = (name) => globalOf(exports, name);
    this.limits = Object.fromEntries(LIMITS.map((name) => [name, globalOf(exports, name)])) as Limits;
    this.featureHash = BigInt.asUintN(64, this.#wasm.featureHash());
  }

  /**
   * Decodes the section as the filter does; undefined if the filter would take it. A model is then there to be scored.
   */
  refusalOf(kind: SectionKind, content: Uint8Array): Refusal | undefined {
    const room = this.#address("INPUT_BYTES");
    if (content.length > room) return { field: "section.size", value: BigInt(content.length), bound: `${room} bytes` };
    this.#put(this.#address("INPUT"), content);
    if (this.#wasm.checkSection(KINDS[kind], content.length)) return undefined;
    const out = this.#address("OUTPUT");
    return {
      field: this.#text(out, this.#wasm.putRefusalField(out)),
      value: BigInt.asUintN(64, this.#wasm.refusalValue()),
      bound: this.#text(out, this.#wasm.putRefusalBound(out)),
    };
  }

  /**
   * Distance of 32 bins, in 1/256, under a body of the model section that `refusalOf` took last; undefined if it has no
   * such body.
   */
  scoreOf(body: "current" | "candidate", bins: Uint8Array): number | undefined {
    const address = this.#address(body === "current" ? "CURRENT" : "CANDIDATE");
    if (!this.#wasm.modelPresent(address)) return undefined;
    const input = this.#address("INPUT");
    this.#put(input, bins);
    return this.#wasm.score(address, input) >>> 0;
  }

  /** The 32 bins of a request target, first measurement. */
  binsOf(target: Uint8Array): Uint8Array {
    const input = this.#address("INPUT");
    this.#put(input, target);
    this.#wasm.extract(input, target.length);
    const bins = this.#address("BINS");
    return new Uint8Array(this.#wasm.memory.buffer.slice(bins, bins + this.limits.FEATURES));
  }

  /** Bucket of a score in 1/256; 0 to 127. */
  bucketOf(score: number): number {
    return this.#wasm.bucketOf(score);
  }

  /** Least score, in 1/256, that is above every score of the bucket. */
  bucketEnd(bucket: number): number {
    return (bucket < this.limits.SCORE_BUCKETS - 1 ? this.#wasm.bucketLow(bucket + 1) : LAST_BUCKET_END) * 256;
  }

  /** In 1/65536; 1 <= k < 2^32. */
  log2(k: number): number {
    return this.#wasm.log2(k);
  }

  /** SHA-256, 32 bytes. */
  sha256(content: Uint8Array): Uint8Array {
    const input = this.#address("INPUT");
    this.#put(input, content);
    const out = this.#address("OUTPUT");
    this.#wasm.sha256(input, content.length, out);
    return new Uint8Array(this.#wasm.memory.buffer.slice(out, out + DIGEST_BYTES));
  }

  /** Key of a string under a mesh key of 16 bytes: 16 hex digits. */
  keyOf(text: string, key: Uint8Array): string {
    const view = new DataView(key.buffer, key.byteOffset, 16);
    const bytes = new TextEncoder().encode(text);
    const input = this.#address("INPUT");
    this.#put(input, bytes);
    const hash = this.#wasm.keyOf(input, bytes.length, view.getBigUint64(0, true), view.getBigUint64(8, true));
    return BigInt.asUintN(64, hash).toString(16).padStart(16, "0");
  }

  #put(address: number, bytes: Uint8Array): void {
    new Uint8Array(this.#wasm.memory.buffer, address, bytes.length).set(bytes);
  }

  #text(address: number, size: number): string {
    return new TextDecoder("latin1").decode(new Uint8Array(this.#wasm.memory.buffer, address, size));
  }
}

/** The core that `npm run build` left. Throws the error of the system if it is not there. */
export function loadCore(): Core {
  return new Core(readFileSync(new URL("../filter/build/core.wasm", import.meta.url)));
}

function globalOf(exports: Record<string, unknown>, name: string): number {
  const found = exports[name];
  if (!(found instanceof WebAssembly.Global)) throw new Error(`core.wasm: no global ${name}; build it again`);
  return Number(found.value) >>> 0;
}
