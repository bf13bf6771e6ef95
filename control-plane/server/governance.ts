// Bans and the audit trail, for operators.

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { AuditEntry, Ban } from "../domain.ts";
import { invalid } from "../errors.ts";
import {
  AuditEntry_Outcome,
  type AuditEntrySchema,
  type BanSchema,
  type OperatorService,
} from "../gen/vedette/v1/operator_pb.ts";
import type { Log } from "../log.ts";
import type { Audit, Bans } from "../seams.ts";
import { LOCAL_OPERATOR } from "./identity.ts";
import { decodeToken, encodeToken, pageSize, paginate } from "./pages.ts";
import { printable } from "./reason.ts";
import { timestamp } from "./resources.ts";
import type { Handlers } from "./service.ts";

export interface GovernanceLinks {
  bans: Bans;
  audit: Audit;
  log: Log;
}

type Governance = Pick<Handlers<typeof OperatorService>, "createBan" | "listBans" | "deleteBan" | "listAuditEntries">;

const AUDIT = "audit";

export function governanceHandlers({ bans, audit, log }: GovernanceLinks): Governance {
  return {
    async createBan(request, { principal }) {
      if (request.ban === undefined) throw invalid("ban", "ban: missing");
      const { identity, reason } = request.ban;
      const { identity: author } = principal;
      if (identity === LOCAL_OPERATOR.identity || identity === author) {
        throw invalid("ban.identity", "ban.identity: nobody bans himself, nor those who have no identity");
      }
      const ban = await bans.create(identity, reason, { identity: author, method: "CreateBan" });
      log.info("identity banned", { identity: printable(identity), operator: printable(author) });
      return { ban: toBan(ban) };
    },
    listBans(request) {
      const page = paginate("bans", bans.list(), (ban) => ban.identity, request);
      return { bans: page.items.map(toBan), nextPageToken: page.nextPageToken };
    },
    async deleteBan({ identity }, { principal }) {
      const { identity: author } = principal;
      await bans.delete(identity, { identity: author, method: "DeleteBan" });
      log.info("ban lifted", { identity: printable(identity), operator: printable(author) });
      return {};
    },
    listAuditEntries(request) {
      const size = pageSize(request);
      const before =
        request.pageToken === "" ? Number.POSITIVE_INFINITY : decodeToken<number>(AUDIT, request.pageToken);
      const entries = audit.list(before, size + 1);
      const more = entries.length > size;
      const told = entries.slice(0, size);
      return {
        entries: told.map(toEntry),
        nextPageToken: more ? encodeToken(AUDIT, told.at(-1)?.seq ?? 0) : "",
      };
    },
  };
}

function toBan({ identity, reason, author, createdAtMs }: Ban): MessageInitShape<typeof BanSchema> {
  return { identity, reason, author, ...timestamp("createdAt", createdAtMs) };
}

function toEntry(entry: AuditEntry): MessageInitShape<typeof AuditEntrySchema> {
  const { seq, timeMs, outcome, suppressed, ...texts } = entry;
  return {
    ...texts,
    seq: BigInt(seq),
    outcome: outcome === "done" ? AuditEntry_Outcome.DONE : AuditEntry_Outcome.REFUSED,
    suppressed: BigInt(suppressed),
    ...timestamp("time", timeMs),
  };
}
