// The audit trail: entries in a hash chain, each written in the transaction of what it tells. Only the newest are kept,
// as many as the head says; the hash of the last one erased stays in the head, so that what is kept can be verified.
// Whoever can write the store can rewrite the whole chain: its head goes to the log, to be compared with.

import { createHash } from "node:crypto";
import type { AuditEntry, AuditRecord, Author } from "../domain.ts";
import type { Key, Reader, Transaction } from "./store.ts";

/** Entries kept where nothing else is configured. */
export const AUDIT_ENTRIES_DEFAULT = 100_000;
/** Longest text of an entry, in characters: a rule with every field full has about 2,200. */
export const AUDIT_TEXT_MAX = 4096;

/** What precedes the first entry of all. */
const NOTHING = "0".repeat(64);
const DOMAIN = "vedette/audit/v1\0";

export interface AuditHead {
  /** Kept are `first` to `last`; none where `last` is below `first`. */
  first: number;
  last: number;
  /** Hash of the entry before `first`. */
  anchor: string;
  /** Hash of the entry `last`. */
  hash: string;
  /** Entries kept. */
  most: number;
}

export const AUDIT_HEAD_KEY: Key = "audit-head";

/** Sorts by seq: padded to the 16 digits of 2^53. */
export function auditKey(seq: number): Key {
  return `audit/${String(seq).padStart(16, "0")}`;
}

export function auditHead(reader: Reader): AuditHead {
  const none = { first: 1, last: 0, anchor: NOTHING, hash: NOTHING, most: AUDIT_ENTRIES_DEFAULT };
  return reader.get<AuditHead>(AUDIT_HEAD_KEY) ?? none;
}

/** From now on the newest `most` are kept; what is too many goes with the next entries, two with each. */
export function keepAuditEntries(transaction: Transaction, most: number): void {
  const head = auditHead(transaction);
  if (head.most !== most) transaction.put(AUDIT_HEAD_KEY, { ...head, most });
}

/** Enters what was done or refused. Texts beyond their bound are cut. */
export function appendAudit(transaction: Transaction, timeMs: number, record: AuditRecord): AuditEntry {
  const head = auditHead(transaction);
  const seq = head.last + 1;
  const texts = { before: cut(record.before), after: cut(record.after), detail: cut(record.detail) };
  const unsigned = { ...record, ...texts, resource: cut(record.resource), identity: cut(record.identity) };
  const linked = { ...unsigned, seq, timeMs, previousHash: head.hash };
  const entry: AuditEntry = { ...linked, hash: auditHash(linked) };
  transaction.put(auditKey(seq), entry);
  let { first, anchor } = head;
  for (let room = 2; room > 0 && seq - first + 1 > head.most; room--) {
    // What stays is what can be verified: an entry that is gone already is named there.
    anchor = transaction.get<AuditEntry>(auditKey(first))?.hash ?? anchor;
    transaction.remove(auditKey(first));
    first++;
  }
  transaction.put(AUDIT_HEAD_KEY, { ...head, first, anchor, last: seq, hash: entry.hash } satisfies AuditHead);
  return entry;
}

/** The entry of a change; states are shown as JSON. */
export function appendChange(
  transaction: Transaction,
  timeMs: number,
  author: Author,
  change: { resource: string; before?: unknown; after?: unknown },
): void {
  const { resource, before, after } = change;
  const { identity, method } = author;
  const states = { before: shown(before), after: shown(after) };
  const rest = { outcome: "done", code: "OK", detail: "", suppressed: 0 } as const;
  appendAudit(transaction, timeMs, { identity, method, resource, ...states, ...rest });
}

/**
 * SHA-256 in hex of `vedette/audit/v1`, a zero byte, the previous hash, a zero byte, and the JSON array of seq, time,
 * outcome, identity, method, resource, code, detail, before, after, suppressed.
 */
export function auditHash(entry: Omit<AuditEntry, "hash">): string {
  const { seq, timeMs, outcome, identity, method, resource, code, detail, before, after, suppressed } = entry;
  const content = [seq, timeMs, outcome, identity, method, resource, code, detail, before, after, suppressed];
  const text = `${DOMAIN}${entry.previousHash}\0${JSON.stringify(content)}`;
  return createHash("sha256").update(text).digest("hex");
}

/** Newest first, of those kept below `before`; at most `count`. */
export function readAudit(reader: Reader, before: number, count: number): AuditEntry[] {
  const { first, last } = auditHead(reader);
  const entries: AuditEntry[] = [];
  for (let seq = Math.min(before - 1, last); seq >= first && entries.length < count; seq--) {
    const entry = reader.get<AuditEntry>(auditKey(seq));
    if (entry !== undefined) entries.push(entry);
  }
  return entries;
}

function shown(state: unknown): string {
  return state === undefined ? "" : JSON.stringify(state);
}

function cut(text: string): string {
  return text.length <= AUDIT_TEXT_MAX ? text : `${text.slice(0, AUDIT_TEXT_MAX - 1)}…`;
}
