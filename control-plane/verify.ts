// `main.ts verify`: walks the audit trail on disk, also beside a control plane that runs, and says in one line whether
// it is whole, or which entry is the first that is not. `verify <seq>:<hash>`, with a head that the log has told, also
// sees a trail that was cut at its end or written anew.

import { existsSync } from "node:fs";
import { type Get, parseDataDirectory } from "./config.ts";
import { LmdbDisk, storeFolder } from "./store/lmdb.ts";
import { type AuditVerdict, type KnownHead, verifyAudit } from "./store/verify.ts";

/** 0: whole. */
export const VERIFY_CODES = { whole: 0, unreadable: 1, usage: 2, broken: 3 };

export interface Verification {
  code: number;
  line: string;
}

/** `args` are those after `verify`. Throws ConfigError for the data directory. */
export async function verifyStore(get: Get, args: readonly string[]): Promise<Verification> {
  const [head] = args;
  const parts = /^([1-9]\d{0,15}):([0-9a-f]{64})$/.exec(head ?? "");
  if (args.length > 1 || (head !== undefined && parts === null)) {
    return { code: VERIFY_CODES.usage, line: "usage: main.ts verify [<seq>:<hash>]" };
  }
  const known: KnownHead | undefined = parts === null ? undefined : { seq: Number(parts[1]), hash: parts[2] ?? "" };
  const folder = storeFolder(parseDataDirectory(get));
  if (!existsSync(folder)) return { code: VERIFY_CODES.unreadable, line: `audit: ${folder}: there is no store` };
  const disk = new LmdbDisk(folder, true);
  try {
    return toVerification(verifyAudit(disk, known));
  } finally {
    await disk.close();
  }
}

function toVerification({ broken, verified, first, last, hash }: AuditVerdict): Verification {
  if (broken !== undefined) {
    const line = `audit: entry ${broken.seq} is broken: ${broken.detail}; ${verified} before it are whole`;
    return { code: VERIFY_CODES.broken, line };
  }
  const line = verified === 0 ? "audit: no entries" : `audit: ${first} to ${last} are whole, head ${last}:${hash}`;
  return { code: VERIFY_CODES.whole, line };
}
