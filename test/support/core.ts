// core.wasm for tests: loads a build of the law and speaks of it in numbers and byte arrays. Every result is a copy.
// One call at a time.

import { readFileSync } from "node:fs";
import { wasm } from "../host/webassembly.ts";

export type SectionName = "settings" | "model" | "rules";
export type Build = "core" | "core-scalar";

export interface Extraction {
  /** 32 bins of the first measurement. */
  bins: Uint8Array;
  /** Those of the second, where there was one. */
  second: Uint8Array | null;
  /** A part of the target was not scanned. */
  cut: boolean;
  /** More path segments or parameters than a reason can point at. */
  beyondTable: boolean;
}

export interface Refusal {
  field: string;
  value: bigint;
  bound: string;
}

export interface Location {
  kind: "path" | "query";
  index: number;
  /** Decoded name of the parameter; empty where there is none. */
  name: Uint8Array;
}

export interface RuleQuery {
  /** Empty: unknown. */
  caller: Uint8Array;
  /** -1: unknown. */
  callerGroup: number;
  method: Uint8Array;
  route: Uint8Array;
  score: number;
  monotonicNs: bigint;
}

export interface RulesLoading {
  other?: boolean;
  keepsHeld?: boolean;
  key?: Uint8Array;
  serverNowMs?: bigint;
  monotonicNs?: bigint;
}

type Numeric = number | bigint;
// biome-ignore lint/suspicious/noConfusingVoidType: what an export without a result gives.
type Calls = Record<string, (...args: Numeric[]) => Numeric | void>;

const KINDS: Record<SectionName, number> = { settings: 1, model: 2, rules: 3 };
const NO_KEY = new Uint8Array(16);

function wordsOf(key: Uint8Array): [bigint, bigint] {
  const view = new DataView(key.buffer, key.byteOffset, 16);
  return [view.getBigUint64(0, true), view.getBigUint64(8, true)];
}

export class Core {
  readonly #calls: Calls;
  readonly #memory: { buffer: ArrayBuffer };
  readonly #globals: Record<string, { value: Numeric }>;
  readonly #input: number;
  readonly #output: number;

  constructor(build: Build) {
    const bytes = readFileSync(new URL(`../../filter/build/${build}.wasm`, import.meta.url));
    const { exports } = new wasm.Instance(new wasm.Module(bytes), {});
    this.#calls = exports as unknown as Calls;
    this.#memory = exports.memory as { buffer: ArrayBuffer };
    this.#globals = exports as Record<string, { value: Numeric }>;
    this.call("_initialize");
    this.#input = this.constant("INPUT");
    this.#output = this.constant("OUTPUT");
  }

  /** Any export by its name. Results are as wasm gives them: i32 signed, i64 as signed BigInt. */
  call(name: string, ...args: Numeric[]): Numeric {
    const found = this.#calls[name];
    if (found === undefined) throw new Error(`the core has no export ${name}`);
    return found(...args) ?? 0;
  }

  /** A result that is a u32. */
  number(name: string, ...args: Numeric[]): number {
    return Number(this.call(name, ...args)) >>> 0;
  }

  /** A result that is a u64. */
  word(name: string, ...args: Numeric[]): bigint {
    return BigInt.asUintN(64, this.call(name, ...args) as bigint);
  }

  /** An exported constant, for instance of limits.ts, as u32. */
  constant(name: string): number {
    const found = this.#globals[name];
    if (found === undefined) throw new Error(`the core has no constant ${name}`);
    return Number(found.value) >>> 0;
  }

  /**
   * Puts parts one after the other into the input buffer; returns their addresses. Throws where there is no room:
   * behind it lie models and rules.
   */
  put(...parts: Uint8Array[]): number[] {
    const room = this.constant("INPUT_BYTES");
    let at = this.#input;
    return parts.map((part) => {
      const start = at;
      const end = start - this.#input + part.length;
      if (end > room) throw new Error(`${end} bytes do not fit into the core's input of ${room}`);
      new Uint8Array(this.#memory.buffer).set(part, start);
      at += (part.length + 15) & ~15;
      return start;
    });
  }

  /** A copy of memory. */
  bytes(address: number, length: number): Uint8Array {
    return new Uint8Array(this.#memory.buffer.slice(address, address + length));
  }

  extract(target: Uint8Array): Extraction {
    const flags = this.number("extract", this.#at(target), target.length);
    return {
      bins: this.bytes(this.constant("BINS"), 32),
      second: flags & this.constant("HAS_SECOND") ? this.bytes(this.constant("SECOND_BINS"), 32) : null,
      cut: (flags & this.constant("WAS_CUT")) !== 0,
      beyondTable: (flags & this.constant("BEYOND_TABLE")) !== 0,
    };
  }

  locate(target: Uint8Array, feature: number, twice = false): Location {
    this.call("locate", this.#at(target), target.length, feature, Number(twice));
    return {
      kind: this.number("locatedKind") === 1 ? "path" : "query",
      index: this.number("locatedIndex"),
      name: this.bytes(this.number("locatedName"), this.number("locatedNameLength")),
    };
  }

  route(method: Uint8Array, target: Uint8Array, isGrpc = false): Uint8Array {
    const [methodAt, targetAt] = this.put(method, target);
    const args = [methodAt!, method.length, targetAt!, target.length, Number(isGrpc), this.#output];
    return this.bytes(this.#output, this.number("putRoute", ...args));
  }

  sipHash(key: Uint8Array, message: Uint8Array): bigint {
    return this.word("sipHash13", this.#at(message), message.length, ...wordsOf(key));
  }

  keyOf(key: Uint8Array, text: Uint8Array): bigint {
    return this.word("keyOf", this.#at(text), text.length, ...wordsOf(key));
  }

  /** Key of a prefix followed by a text. */
  keyOfPair(key: Uint8Array, prefix: Uint8Array, text: Uint8Array): bigint {
    const [prefixAt, textAt] = this.put(prefix, text);
    return this.word("keyOfPair", prefixAt!, prefix.length, textAt!, text.length, ...wordsOf(key));
  }

  sha256(message: Uint8Array): Uint8Array {
    this.call("sha256", this.#at(message), message.length, this.#output);
    return this.bytes(this.#output, 32);
  }

  /** The lines of law 3 that the feature hash is made of. */
  featureLines(): string {
    return this.#text(this.number("putFeatureLines", this.#output));
  }

  /** null if the filter would take the section. A model or settings section is then there to be asked. */
  checkSection(kind: SectionName, content: Uint8Array): Refusal | null {
    this.put(content);
    return this.call("checkSection", KINDS[kind], content.length) ? null : this.refusal();
  }

  /** What was refused last. */
  refusal(): Refusal {
    return {
      field: this.#text(this.number("putRefusalField", this.#output)),
      value: this.word("refusalValue"),
      bound: this.#text(this.number("putRefusalBound", this.#output)),
    };
  }

  /** Score of 32 bins under a body of the model section checked last. */
  score(bins: Uint8Array, body: "CURRENT" | "CANDIDATE" = "CURRENT"): number {
    return this.number("score", this.constant(body), this.#at(bins));
  }

  /** Contributions of all features to the last score. */
  contributions(body: "CURRENT" | "CANDIDATE" = "CURRENT"): bigint[] {
    const address = this.constant(body);
    return Array.from({ length: 32 }, (_, j) => this.call("contribution", address, j) as bigint);
  }

  topFeature(body: "CURRENT" | "CANDIDATE" = "CURRENT"): { feature: number; percent: number } {
    return { feature: this.number("topFeature", this.constant(body)), percent: this.number("topPercent") };
  }

  /** Loads rules as the filter does; null if taken. */
  loadRules(content: Uint8Array, loading: RulesLoading = {}): Refusal | null {
    this.put(content);
    const { other = false, keepsHeld = false, key = NO_KEY, serverNowMs = 0n, monotonicNs = 0n } = loading;
    const args = [content.length, Number(other), Number(keepsHeld), ...wordsOf(key), serverNowMs, monotonicNs];
    return this.call("loadRules", ...args) ? null : this.refusal();
  }

  /** Id of the rule that decides, 0n for none; keys are made with the key that the rules were loaded with. */
  matchRules(query: RuleQuery, key = NO_KEY, other = false): bigint {
    const keyOf = (text: Uint8Array) => (text.length === 0 ? 0n : this.keyOf(key, text));
    const set = this.constant(other ? "OTHER_RULES" : "RULES");
    const [caller, method, route] = [query.caller, query.method, query.route].map(keyOf);
    const args = [set, caller!, query.callerGroup, method!, route!, query.score | 0, query.monotonicNs];
    const rule = this.number("rulesMatch", ...args);
    return rule === 0 ? 0n : this.word("ruleId", rule);
  }

  /** Empties cell `i` of the input buffer and adds the bins of requests; returns its address. */
  fillCell(i: number, requests: readonly Uint8Array[]): number {
    const cell = this.#input + 4096 * (i + 1);
    this.call("momentsReset", cell);
    for (const bins of requests) this.call("momentsAdd", cell, this.#at(bins));
    return cell;
  }

  /** n, 32 sums and 528 products of a cell. */
  readCell(cell: number): Uint32Array {
    return new Uint32Array(this.bytes(cell, this.constant("CELL_BYTES")).buffer);
  }

  #at(part: Uint8Array): number {
    return this.put(part)[0]!;
  }

  #text(length: number): string {
    return Buffer.from(this.bytes(this.#output, length)).toString("latin1");
  }
}
