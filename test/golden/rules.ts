// A rules section and the requests it is asked about: every field by itself, two together, allow against deny, order,
// expiry.

import { create, toBinary } from "@bufbuild/protobuf";
import { RuleAction, RulesSectionSchema } from "../../control-plane/gen/vedette/v1/model_pb.ts";
import { NO_SCORE } from "../../filter/core/limits.ts";
import type { Request } from "../reference/rules.ts";

export const NOW_MS = 1_800_000_000_000n;
const LATER = NOW_MS + 60_000n;
const { ALLOW, DENY } = RuleAction;
const WEB = "spiffe://cluster.local/ns/shop/sa/web";
const BATCH = "spiffe://cluster.local/ns/shop/sa/batch";

export const RULES_SECTION: Uint8Array = toBinary(
  RulesSectionSchema,
  create(RulesSectionSchema, {
    rules: [
      { id: 1n, action: DENY, method: "TRACE", expiresAtMs: LATER },
      { id: 2n, action: DENY, caller: BATCH, expiresAtMs: LATER },
      { id: 3n, action: DENY, callerGroupPlusOne: 4, expiresAtMs: LATER },
      { id: 5n, action: DENY, route: "GET /admin/*", expiresAtMs: LATER },
      { id: 8n, action: DENY, scoreMin: 5000, expiresAtMs: LATER },
      { id: 13n, action: ALLOW, caller: WEB, route: "GET /admin/*", expiresAtMs: LATER },
      { id: 21n, action: DENY, method: "PUT", expiresAtMs: NOW_MS },
      { id: 34n, action: DENY, method: "PATCH", expiresAtMs: NOW_MS + 1n },
      { id: 55n, action: ALLOW, method: "PATCH", scoreMin: 7000, expiresAtMs: LATER },
      { id: 89n, action: ALLOW, method: "PUT", callerGroupPlusOne: 1, expiresAtMs: LATER },
      { id: 2n ** 63n, action: ALLOW, method: "PUT", expiresAtMs: NOW_MS - 1n },
    ],
  }),
);

const plain: Request = { caller: WEB, callerGroup: 0, method: "GET", route: "GET /cart", score: 100 };

export const RULE_REQUESTS: readonly Request[] = [
  plain,
  { ...plain, caller: "" },
  { ...plain, method: "TRACE" },
  { ...plain, method: "trace" },
  { ...plain, method: "TRACER" },
  { ...plain, caller: BATCH },
  { ...plain, caller: `${BATCH}2` },
  { ...plain, caller: BATCH, route: "GET /admin/*" },
  { ...plain, callerGroup: 3 },
  { ...plain, callerGroup: 4 },
  { ...plain, callerGroup: 7 },
  { ...plain, route: "GET /admin/*" },
  { ...plain, route: "GET /admin/*", caller: BATCH.replace("batch", "job") },
  { ...plain, route: "GET /admin/*", method: "TRACE", callerGroup: 3 },
  { ...plain, route: "GET /admin" },
  { ...plain, score: 4999 },
  { ...plain, score: 5000 },
  { ...plain, score: 0x7fffffff },
  { ...plain, score: NO_SCORE },
  { ...plain, score: 5000, method: "TRACE" },
  { ...plain, method: "PUT" },
  { ...plain, method: "PUT", callerGroup: 1 },
  { ...plain, method: "PUT", callerGroup: 1, score: 9000 },
  { ...plain, method: "PATCH" },
  { ...plain, method: "PATCH", score: 6999 },
  { ...plain, method: "PATCH", score: 7000 },
];
