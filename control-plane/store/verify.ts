// Walks the audit trail and names the first entry that is not what was written: changed, gone, moved or put in. What it
// cannot see alone, a trail that was cut at its end or written anew as a whole, it sees against a head from the log.

import type { AuditEntry } from "../domain.ts";
import { AUDIT_HEAD_KEY, auditHash, auditHead, auditKey } from "./audit.ts";
import type { Reader } from "./store.ts";

export interface AuditVerdict {
  /** Undefined: the trail is whole. */
  broken: { seq: number; detail: string } | undefined;
  /** Entries that were found right. */
  verified: number;
  first: number;
  last: number;
  /** Of the last entry. */
  hash: string;
}

/** One that was told before: by the log, or by an earlier verification. */
export interface KnownHead {
  seq: number;
  hash: string;
}

/** Reads what is on disk; changes nothing. Time grows with the entries kept: about 10 us each. */
export function verifyAudit(reader: Reader, known?: KnownHead): AuditVerdict {
  const { first, last, anchor, hash } = auditHead(reader);
  let verified = 0;
  const verdict = (seq: number, detail: string): AuditVerdict => {
    return { broken: { seq, detail }, verified, first, last, hash };
  };
  if (reader.get(AUDIT_HEAD_KEY) === undefined && reader.get(auditKey(1)) !== undefined) {
    return verdict(1, "there are entries, but no head");
  }
  if (reader.get(auditKey(first - 1)) !== undefined) return verdict(first - 1, "below the first that is kept");
  let previous = anchor;
  for (let seq = first; seq <= last; seq++) {
    const fault = faultOf(reader.get<AuditEntry>(auditKey(seq)), seq, previous, known);
    if (typeof fault === "string") return verdict(seq, fault);
    previous = fault.hash;
    verified++;
  }
  if (previous !== hash) return verdict(last, "its hash is not that of the head");
  if (reader.get(auditKey(last + 1)) !== undefined) return verdict(last + 1, "beyond the head");
  if (known !== undefined && known.seq > last) return verdict(known.seq, "known, but beyond the head");
  if (known !== undefined && known.seq < first) return verdict(known.seq, "known, but no longer kept");
  return { broken: undefined, verified, first, last, hash };
}

function faultOf(
  entry: AuditEntry | undefined,
  seq: number,
  previous: string,
  known: KnownHead | undefined,
): AuditEntry | string {
  if (entry === undefined) return "missing";
  if (entry.seq !== seq) return `is entry ${entry.seq}`;
  if (entry.previousHash !== previous) return "does not follow the entry before";
  if (auditHash(entry) !== entry.hash) return "its content is not that of its hash";
  if (known?.seq === seq && known.hash !== entry.hash) return "its hash is not the one that is known";
  return entry;
}
