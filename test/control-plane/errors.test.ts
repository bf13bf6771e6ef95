// Errors: what the wire is told of them, and what the log is.

import { fromBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { status } from "@grpc/grpc-js";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CODES, ControlPlaneError, invalid } from "../../control-plane/errors.ts";
import { BadRequestSchema } from "../../control-plane/gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../control-plane/gen/google/rpc/status_pb.ts";
import { errorFields } from "../../control-plane/log.ts";
import { toStatus } from "../../control-plane/server/status.ts";

function detailsOf(error: ControlPlaneError) {
  const [bytes] = toStatus(error).metadata.get("grpc-status-details-bin");
  if (!(bytes instanceof Buffer)) return undefined;
  const rich = fromBinary(StatusSchema, bytes);
  return { rich, badRequest: anyUnpack(rich.details[0]!, BadRequestSchema) };
}

test("codes are those of gRPC", () => {
  for (const [name, code] of Object.entries(CODES)) assert.is(status[code], name);
  assert.is(Object.keys(CODES).length, 16);
});

test("a refused field travels as a violation", () => {
  const error = invalid("rule.owner", "rule.owner: empty, must be 1 to 128 bytes");
  const { code, details } = toStatus(error);
  assert.is(code, status.INVALID_ARGUMENT);
  assert.is(details, "rule.owner: empty, must be 1 to 128 bytes");
  const { rich, badRequest } = detailsOf(error)!;
  assert.is(rich.code, code);
  assert.is(rich.message, details);
  assert.equal(
    badRequest?.fieldViolations.map(({ field, description }) => [field, description]),
    [["rule.owner", details]],
  );
});

test("an error without a field has no details", () => {
  assert.is(detailsOf(new ControlPlaneError("ABORTED", "etag")), undefined);
});

test("trailers stay small, whatever was refused", () => {
  const violations = Array.from({ length: 1000 }, (_, i) => ({ field: `f${i}`, description: "d".repeat(5000) }));
  const error = new ControlPlaneError("INVALID_ARGUMENT", "m".repeat(5000), { violations });
  assert.is(error.field, "f0");
  const { badRequest } = detailsOf(error)!;
  assert.is(badRequest?.fieldViolations.length, 16);
  const [bytes] = toStatus(error).metadata.get("grpc-status-details-bin");
  assert.ok(bytes!.length < 6000, `${bytes!.length} bytes`);
  assert.is(toStatus(error).details.length, 256);
});

test("a fault of ours says nothing on the wire", () => {
  for (const error of [
    ControlPlaneError.from(new Error("secret")),
    ControlPlaneError.from("secret"),
    new ControlPlaneError("DATA_LOSS", "secret", { field: "secret" }),
    new ControlPlaneError("UNKNOWN", "secret"),
  ]) {
    const told = toStatus(error);
    assert.is(told.details, "internal error");
    assert.equal(told.metadata.getMap(), {});
  }
});

test("from keeps what it is and wraps the rest", () => {
  const own = new ControlPlaneError("NOT_FOUND", "none");
  assert.is(ControlPlaneError.from(own), own);
  const cause = new TypeError("x is not a function");
  const wrapped = ControlPlaneError.from(cause);
  assert.is(wrapped.code, "INTERNAL");
  assert.is(wrapped.cause, cause);
});

test("the log is told message, code, stack and cause", () => {
  const cause = new Error("EIO");
  const fields = errorFields(new ControlPlaneError("DATA_LOSS", "store", { cause }));
  assert.is(fields.error, "store");
  assert.is(fields.code, "DATA_LOSS");
  assert.is(fields.detail, "Error: EIO");
  assert.match(String(fields.stack), /errors\.test/);
  assert.equal(errorFields("text"), { error: "text" });
});

test.run();
