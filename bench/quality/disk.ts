// The control plane's disk in memory: what was written is there at once. It hands out the very records that were put,
// without a copy of each: a store's values are immutable by its contract, and a test holds the bench against a disk
// that copies.

import type { Change, Disk, Entry, Key, Value } from "../../control-plane/store/store.ts";

export class MemoryDisk implements Disk {
  readonly #records = new Map<Key, Value>();

  get<T>(key: Key): T | undefined {
    return this.#records.get(key) as T | undefined;
  }

  range<T>(prefix: Key): Entry<T>[] {
    const keys: Key[] = [];
    for (const key of this.#records.keys()) if (key.startsWith(prefix)) keys.push(key);
    return keys.sort().map((key) => ({ key, value: this.get<T>(key) as T }));
  }

  async write(changes: readonly Change[]): Promise<void> {
    for (const { key, value } of changes) {
      if (value === undefined) this.#records.delete(key);
      else this.#records.set(key, value);
    }
  }

  async close(): Promise<void> {}
}
