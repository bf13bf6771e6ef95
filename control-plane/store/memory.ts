// A simulated disk. A write goes through three states, as on a real one: under way, committed (survives the death of
// the process), flushed (survives the loss of power). Tests stop or fail it at each step, and open what a crash would
// have left.

import type { Change, Disk, Entry, Key, Value } from "./store.ts";

export type DiskStep = "write" | "commit" | "flush";

/** Asked before each step of each write; throws to fail it, waits for ever to stop the process there. */
export type StepHook = (step: DiskStep, index: number) => void | Promise<void>;

export class SimulatedDisk implements Disk {
  #visible: Map<Key, Value>;
  #committed: Map<Key, Value>;
  #flushed: Map<Key, Value>;
  #steps = 0;
  readonly #hook: StepHook;

  constructor(hook: StepHook = () => undefined, content: ReadonlyMap<Key, Value> = new Map()) {
    this.#hook = hook;
    this.#visible = new Map(content);
    this.#committed = new Map(content);
    this.#flushed = new Map(content);
  }

  /** Steps asked for so far. */
  get steps(): number {
    return this.#steps;
  }

  get<T>(key: Key): T | undefined {
    return structuredClone(this.#visible.get(key)) as T | undefined;
  }

  range<T>(prefix: Key): Entry<T>[] {
    const keys = [...this.#visible.keys()].filter((key) => key.startsWith(prefix)).sort();
    return keys.map((key) => ({ key, value: this.get<T>(key) as T }));
  }

  async write(changes: readonly Change[]): Promise<void> {
    const next = new Map(this.#visible);
    for (const { key, value } of structuredClone(changes)) {
      if (value === undefined) next.delete(key);
      else next.set(key, value);
    }
    await this.#hook("write", this.#steps++);
    await this.#hook("commit", this.#steps++);
    this.#committed = next;
    await this.#hook("flush", this.#steps++);
    this.#flushed = next;
    this.#visible = next;
  }

  async close(): Promise<void> {}

  /** The disk that the next process finds: after SIGKILL what was committed, after a loss of power what was flushed. */
  after(crash: "kill" | "power", hook: StepHook = () => undefined): SimulatedDisk {
    return new SimulatedDisk(hook, crash === "kill" ? this.#committed : this.#flushed);
  }
}
