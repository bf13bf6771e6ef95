// Runs the rules that stand beside the fields in proto/ (buf.validate). proto/buf/validate declares a part of them with
// the names and numbers of the original, so the package reads them out of our descriptors as its own.

import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import { createValidator } from "@bufbuild/protovalidate";
import { ControlPlaneError, type Violation } from "../errors.ts";

const validator = createValidator();

/** The rules that the message breaks, by field path (`hello.targets[0]`); empty if none. */
export function violations<D extends DescMessage>(schema: D, message: MessageShape<D>): Violation[] {
  const result = validator.validate(schema, message);
  if (result.kind === "valid") return [];
  if (result.kind === "error") throw ControlPlaneError.from(result.error);
  return result.violations.map((one) => ({ field: pathToString(one.field), description: one.message }));
}

/** Throws INVALID_ARGUMENT with every violation, and the first one in words. */
export function validate<D extends DescMessage>(schema: D, message: MessageShape<D>): void {
  refuse(violations(schema, message));
}

/** Throws INVALID_ARGUMENT if there is a violation. */
export function refuse(found: readonly Violation[]): void {
  const first = found[0];
  if (first === undefined) return;
  throw new ControlPlaneError("INVALID_ARGUMENT", `${first.field}: ${first.description}`, { violations: found });
}
