// Bans and an audit trail that live in memory.

import type { AuditEntry, Author, Ban } from "../../control-plane/domain.ts";
import type { Audit, Bans, Refusal } from "../../control-plane/seams.ts";

export class FakeBans implements Bans {
  readonly byIdentity = new Map<string, Ban>();

  has(identity: string): boolean {
    return this.byIdentity.has(identity);
  }

  list(): Ban[] {
    return [...this.byIdentity.values()];
  }

  async create(identity: string, reason: string, author: Author): Promise<Ban> {
    const ban = { identity, reason, author: author.identity, createdAtMs: 1_767_225_600_000 };
    this.byIdentity.set(identity, ban);
    return ban;
  }

  async delete(identity: string): Promise<void> {
    this.byIdentity.delete(identity);
  }
}

/** Keeps every refusal; has no entries. */
export class FakeAudit implements Audit {
  readonly refusals: Refusal[] = [];

  refuse(refusal: Refusal): boolean {
    this.refusals.push(refusal);
    return true;
  }

  list(): AuditEntry[] {
    return [];
  }
}
