// A store over any disk, with group commit: while one write is being flushed, transactions queue; then they run one
// after another over an overlay of what they put, and go to disk together. One flush serves many windows, and a
// duplicate is answered after its original.

import { ControlPlaneError } from "../errors.ts";
import type { Disk, Entry, Key, Reader, Store, Transaction, Value } from "./store.ts";

/** Transactions in one write: bounds its size and the time that the first of them waits. */
const GROUP_MAX = 256;
/** Waiting transactions: at 16 windows a millisecond more than a second of flushing behind. */
const QUEUE_MAX = 16_384;

interface Pending {
  run: (transaction: Transaction) => void;
  resolve: () => void;
  reject: (error: unknown) => void;
}

export class GroupStore implements Store {
  readonly reader: Reader;
  readonly #disk: Disk;
  #queue: Pending[] = [];
  #draining: Promise<void> | undefined;
  #failure: ControlPlaneError | undefined;
  #onFailure: ((error: Error) => void) | undefined;

  constructor(disk: Disk) {
    this.#disk = disk;
    this.reader = disk;
  }

  onFailure(listener: (error: Error) => void): void {
    this.#onFailure = listener;
  }

  transact<T>(action: (transaction: Transaction) => T): Promise<T> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#queue.length >= QUEUE_MAX) {
      const message = `store.queue: ${this.#queue.length} transactions wait, at most ${QUEUE_MAX}`;
      return Promise.reject(new ControlPlaneError("RESOURCE_EXHAUSTED", message));
    }
    return new Promise<T>((resolve, reject) => {
      let result: T;
      const run = (transaction: Transaction) => {
        result = action(transaction);
      };
      this.#queue.push({ run, resolve: () => resolve(result), reject });
      this.#draining ??= this.#drain();
    });
  }

  async close(): Promise<void> {
    await this.#draining;
    await this.#disk.close();
  }

  async #drain(): Promise<void> {
    // Whoever calls in the same turn shares the first write.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const group = this.#queue.splice(0, GROUP_MAX);
      const overlay = new Map<Key, Value | undefined>();
      const done = group.filter((pending) => runOver(this.#disk, overlay, pending));
      try {
        if (overlay.size > 0) await this.#disk.write([...overlay].map(([key, value]) => ({ key, value })));
      } catch (error) {
        this.#fail(error, done);
        return;
      }
      for (const pending of done) pending.resolve();
    }
    this.#draining = undefined;
  }

  /**
   * The write may or may not be on disk: a retry could find its own trace and be told "duplicate". So nothing is told
   * from here on.
   */
  #fail(cause: unknown, group: Pending[]): void {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const failure = new ControlPlaneError(
      "DATA_LOSS",
      `store: a write failed (${reason}); nothing is accepted any more`,
      { cause },
    );
    this.#failure = failure;
    const waiting = this.#queue;
    this.#queue = [];
    for (const pending of [...group, ...waiting]) pending.reject(failure);
    this.#onFailure?.(failure);
  }
}

/** Runs one transaction; true if it came through. What it put enters the overlay only then. */
function runOver(disk: Disk, overlay: Map<Key, Value | undefined>, pending: Pending): boolean {
  const transaction = new OverlayTransaction(disk, overlay);
  try {
    pending.run(transaction);
  } catch (error) {
    pending.reject(error);
    return false;
  }
  for (const [key, value] of transaction.changes) overlay.set(key, value);
  return true;
}

class OverlayTransaction implements Transaction {
  readonly changes = new Map<Key, Value | undefined>();
  readonly #disk: Disk;
  readonly #overlay: ReadonlyMap<Key, Value | undefined>;

  constructor(disk: Disk, overlay: ReadonlyMap<Key, Value | undefined>) {
    this.#disk = disk;
    this.#overlay = overlay;
  }

  get<T>(key: Key): T | undefined {
    if (this.changes.has(key)) return this.changes.get(key) as T | undefined;
    if (this.#overlay.has(key)) return this.#overlay.get(key) as T | undefined;
    return this.#disk.get<T>(key);
  }

  range<T>(prefix: Key): Entry<T>[] {
    const found = new Map<Key, T>(this.#disk.range<T>(prefix).map(({ key, value }) => [key, value]));
    for (const layer of [this.#overlay, this.changes]) {
      for (const [key, value] of layer) {
        if (!key.startsWith(prefix)) continue;
        if (value === undefined) found.delete(key);
        else found.set(key, value as T);
      }
    }
    return [...found].map(([key, value]) => ({ key, value })).sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  put(key: Key, value: Value): void {
    if (value === undefined) throw new TypeError(`store: ${key} put without a value`);
    this.changes.set(key, value);
  }

  remove(key: Key): void {
    this.changes.set(key, undefined);
  }
}
