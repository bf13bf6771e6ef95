// The disk by default: LMDB in the process, one file pair in a directory. Every write is one LMDB transaction, synced
// before it resolves. `overlappingSync` is off, so a commit is visible only once it is flushed, and one whose sync
// failed is not visible at all (measured with lmdb 3.5.6 and an fdatasync that fails: with it on, the record stays
// visible). Never noSync, never useWritemap. Values go through V8's serializer, which reads what older versions wrote
// and keeps typed arrays.

import { deserialize, serialize } from "node:v8";
import { open, type RootDatabase, type RootDatabaseOptions } from "lmdb";
import type { Change, Disk, Entry, Key } from "./store.ts";

/** The store in a data directory; lmdb takes a last name with a dot in it for a file, so it has one of its own. */
export function storeFolder(dataDirectory: string): string {
  return `${dataDirectory}/store`;
}

/** Sorts after every character that a key has. */
const LAST = "\uffff";

export class LmdbDisk implements Disk {
  readonly #database: RootDatabase<Buffer, Key>;

  /**
   * Opens or creates the database in the directory; read-only it must be there, and may be that of a process that runs.
   */
  constructor(directory: string, readOnly = false) {
    // `safeRestore` is missing from the types of lmdb 3.5.6: after a crash, the newest flushed transaction counts, not
    // the newest committed.
    const options: RootDatabaseOptions & { safeRestore: boolean } = {
      encoding: "binary",
      overlappingSync: false,
      safeRestore: true,
      cache: false,
      readOnly,
    };
    this.#database = open<Buffer, Key>(directory, options);
  }

  get<T>(key: Key): T | undefined {
    const bytes = this.#database.get(key);
    return bytes === undefined ? undefined : (deserialize(bytes) as T);
  }

  range<T>(prefix: Key): Entry<T>[] {
    const entries: Entry<T>[] = [];
    for (const { key, value } of this.#database.getRange({ start: prefix, end: prefix + LAST })) {
      entries.push({ key, value: deserialize(value) as T });
    }
    return entries;
  }

  async write(changes: readonly Change[]): Promise<void> {
    const parts: Promise<unknown>[] = [];
    const whole = this.#database.batch(() => {
      for (const { key, value } of changes) {
        parts.push(value === undefined ? this.#database.remove(key) : this.#database.put(key, serialize(value)));
      }
    });
    // Each part rejects with the whole; the whole is what is reported.
    for (const part of parts) part.catch(() => undefined);
    try {
      await whole;
    } catch (error) {
      const { commitError } = error as { commitError?: Promise<unknown> };
      throw commitError === undefined
        ? error
        : await commitError.then(
            () => error,
            (cause: unknown) => cause,
          );
    }
  }

  async close(): Promise<void> {
    await this.#database.close();
  }
}
