// A build of the law for measuring: its exports as they are, and inputs that stay where they were put. One instance
// holds one model and one set of rules.

import { readFileSync } from "node:fs";
import { wasm } from "../../test/host/webassembly.ts";

export const BUILDS = ["core", "core-scalar"] as const;
export type Build = (typeof BUILDS)[number];
export type Numeric = number | bigint;
export type Call = (...args: Numeric[]) => Numeric;

/** Bytes in the memory of one instance. */
export interface Span {
  at: number;
  length: number;
}

/** What a target measures as: flags, bins of both measurements, the score the filter would take. */
export interface Outcome {
  flags: number;
  bins: Uint8Array;
  second: Uint8Array;
  score: number;
}

const KIND_MODEL = 2;

export class Law {
  readonly build: Build;
  readonly #exports: Record<string, unknown>;
  #free: number;

  constructor(build: Build, model: Uint8Array) {
    this.build = build;
    const bytes = readFileSync(new URL(`../../filter/build/${build}.wasm`, import.meta.url));
    this.#exports = new wasm.Instance(new wasm.Module(bytes), {}).exports;
    this.#free = this.constant("INPUT");
    this.call("_initialize")();
    this.at(this.#free, model);
    if (!this.call("checkSection")(KIND_MODEL, model.length)) throw new Error(`${build}: refused the bench's model`);
  }

  /** An export. Throws where there is none of this name. */
  call(name: string): Call {
    const found = this.#exports[name];
    if (typeof found !== "function") throw new Error(`${this.build}: no export ${name}; npm run build`);
    return found as Call;
  }

  constant(name: string): number {
    const found = this.#exports[name] as { value: Numeric } | undefined;
    if (found === undefined) throw new Error(`${this.build}: no constant ${name}; npm run build`);
    return Number(found.value) >>> 0;
  }

  /** Loads rules with a key of zeros at time 0; before anything is put. */
  loadRules(section: Uint8Array): void {
    this.at(this.constant("INPUT"), section);
    if (!this.call("loadRules")(section.length, 0, 0, 0n, 0n, 0n, 0n)) throw new Error("rules: refused");
  }

  /** Puts bytes where they stay. Throws where the input buffer is full. */
  put(bytes: Uint8Array): Span {
    const at = (this.#free + 15) & ~15;
    const end = this.constant("INPUT") + this.constant("INPUT_BYTES");
    if (at + bytes.length > end) throw new Error(`inputs: ${bytes.length} bytes more, ${end - at} are left`);
    this.#free = at + bytes.length;
    return this.at(at, bytes);
  }

  /** Writes bytes over what is there. */
  at(address: number, bytes: Uint8Array): Span {
    this.#memory().set(bytes, address);
    return { at: address, length: bytes.length };
  }

  /** A copy of memory. */
  bytes(at: number, length: number): Uint8Array {
    return this.#memory().slice(at, at + length);
  }

  /** keyOf a text under the key of zeros. */
  keyOf(text: string): bigint {
    const bytes = Buffer.from(text, "latin1");
    const { at, length } = this.at(this.constant("OUTPUT"), bytes);
    return this.call("keyOf")(at, length, 0n, 0n) as bigint;
  }

  /** Extracts and scores as the filter does: the higher score of both measurements. */
  outcome({ at, length }: Span): Outcome {
    const flags = Number(this.call("extract")(at, length));
    const [bins, second] = [this.constant("BINS"), this.constant("SECOND_BINS")];
    const [features, model, hasSecond] = ["FEATURES", "CURRENT", "HAS_SECOND"].map((name) => this.constant(name));
    const scoreOf = (bins: number) => Number(this.call("score")(model!, bins)) >>> 0;
    const twice = (flags & hasSecond!) !== 0;
    const score = Math.max(scoreOf(bins), twice ? scoreOf(second) : 0);
    return { flags, bins: this.bytes(bins, features!), second: this.bytes(second, twice ? features! : 0), score };
  }

  #memory(): Uint8Array {
    return new Uint8Array((this.#exports.memory as { buffer: ArrayBuffer }).buffer);
  }
}
