// What the control plane asks of a disk: records under string keys, changed in transactions that are on disk when they
// resolve. Guarantees: transactions run one after another and see all before them; what a transaction answers, a
// read-only one too, is told only after everything it saw is flushed; after the first failed write nothing is told any
// more, every transaction rejects.

/** Parts joined by `/`, each without a slash (see `records.ts`); at most 1,900 bytes. */
export type Key = string;

/** What a store holds: plain objects, arrays, numbers, strings, bytes. Immutable: to change one, put another. */
export type Value = unknown;

export interface Entry<T> {
  key: Key;
  value: T;
}

export interface Reader {
  get<T>(key: Key): T | undefined;
  /** Entries whose key begins with the prefix, ascending by key. */
  range<T>(prefix: Key): Entry<T>[];
}

export interface Transaction extends Reader {
  put(key: Key, value: Value): void;
  remove(key: Key): void;
}

export interface Store {
  /** What is on disk. */
  readonly reader: Reader;
  /**
   * Runs `action` alone, writes what it put, resolves with what it returned once that is flushed. `action` must not
   * wait. If it throws, nothing of it is written and the promise rejects with what it threw. Rejects with
   * RESOURCE_EXHAUSTED at the bound of the queue and with DATA_LOSS after a failed write.
   */
  transact<T>(action: (transaction: Transaction) => T): Promise<T>;
  /** Called once, with the first failed write. The process must end then: what is on disk is no longer known. */
  onFailure(listener: (error: Error) => void): void;
  /** Waits for what is queued, then lets the disk go. */
  close(): Promise<void>;
}

/** One change of a record; without a value it is removed. */
export interface Change {
  key: Key;
  value: Value | undefined;
}

/** The medium below a store. Reads see exactly the writes that have resolved. */
export interface Disk extends Reader {
  /** All or nothing; resolves when flushed. The caller never has two under way. */
  write(changes: readonly Change[]): Promise<void>;
  close(): Promise<void>;
}
