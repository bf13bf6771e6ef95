// Identities that are refused whatever they show: sidecars by their SPIFFE id, operators by what the audit trail calls
// them. On disk, with its audit entry, before it is told of; asked of memory.

import type { Author, Ban } from "./domain.ts";
import { ControlPlaneError } from "./errors.ts";
import type { Clock } from "./ports/clock.ts";
import type { Bans } from "./seams.ts";
import { appendChange } from "./store/audit.ts";
import { BANS_PREFIX, banKey } from "./store/records.ts";
import type { Store } from "./store/store.ts";

export const BANS_MAX = 10_000;

export interface BansLinks {
  store: Store;
  clock: Clock;
}

export class BanList implements Bans {
  readonly #links: BansLinks;
  readonly #bans: Map<string, Ban>;

  constructor(links: BansLinks) {
    this.#links = links;
    const kept = links.store.reader.range<Ban>(BANS_PREFIX);
    this.#bans = new Map(kept.map(({ value }) => [value.identity, value]));
  }

  has(identity: string): boolean {
    return this.#bans.has(identity);
  }

  list(): Ban[] {
    return [...this.#bans.values()].sort((a, b) => (a.identity < b.identity ? -1 : 1));
  }

  async create(identity: string, reason: string, author: Author): Promise<Ban> {
    const { store, clock } = this.#links;
    const ban: Ban = { identity, reason, author: author.identity, createdAtMs: clock.nowMs() };
    await store.transact((transaction) => {
      if (transaction.get(banKey(identity)) !== undefined) {
        throw new ControlPlaneError("ALREADY_EXISTS", "ban.identity: is banned already", { field: "ban.identity" });
      }
      const count = transaction.range(BANS_PREFIX).length;
      if (count >= BANS_MAX) {
        throw new ControlPlaneError("RESOURCE_EXHAUSTED", `ban: ${count} there are, at most ${BANS_MAX}`);
      }
      transaction.put(banKey(identity), ban);
      appendChange(transaction, ban.createdAtMs, author, { resource: `bans/${identity}`, after: ban });
    });
    this.#bans.set(identity, ban);
    return ban;
  }

  async delete(identity: string, author: Author): Promise<void> {
    const { store, clock } = this.#links;
    await store.transact((transaction) => {
      const ban = transaction.get<Ban>(banKey(identity));
      if (ban === undefined) {
        throw new ControlPlaneError("NOT_FOUND", "identity: there is no ban of it", { field: "identity" });
      }
      transaction.remove(banKey(identity));
      appendChange(transaction, clock.nowMs(), author, { resource: `bans/${identity}`, before: ban });
    });
    this.#bans.delete(identity);
  }
}
