// The only place where a ControlPlaneError becomes a gRPC status. Refused fields travel as google.rpc.BadRequest in the
// trailer grpc-status-details-bin. What is a fault of ours says "internal error" and nothing else: its text may hold
// paths and values.

import { create, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { Metadata, type StatusObject } from "@grpc/grpc-js";
import { CODES, type Code, type ControlPlaneError } from "../errors.ts";
import { BadRequestSchema } from "../gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../gen/google/rpc/status_pb.ts";

/** Trailers share one HTTP/2 header block with a peer's limit of 8 KiB: bounds for what we put there. */
const VIOLATIONS_MAX = 16;
const TEXT_MAX = 256;

const FAULTS: ReadonlySet<Code> = new Set<Code>(["INTERNAL", "UNKNOWN", "DATA_LOSS"]);

/** True where the error is a fault of ours, to be logged whole and told as "internal error". */
export function isFault(error: ControlPlaneError): boolean {
  return FAULTS.has(error.code);
}

export function toStatus(error: ControlPlaneError): StatusObject {
  const metadata = new Metadata();
  const code = CODES[error.code];
  if (isFault(error)) return { code, details: "internal error", metadata };
  const details = cut(error.message);
  if (error.violations.length > 0) metadata.set("grpc-status-details-bin", badRequest(code, details, error));
  return { code, details, metadata };
}

function badRequest(code: number, message: string, error: ControlPlaneError): Buffer {
  const violations = error.violations.slice(0, VIOLATIONS_MAX);
  const detail = create(BadRequestSchema, {
    fieldViolations: violations.map((one) => ({ field: cut(one.field), description: cut(one.description) })),
  });
  const status = create(StatusSchema, { code, message, details: [anyPack(BadRequestSchema, detail)] });
  return Buffer.from(toBinary(StatusSchema, status));
}

function cut(text: string): string {
  return text.length <= TEXT_MAX ? text : `${text.slice(0, TEXT_MAX - 1)}…`;
}
