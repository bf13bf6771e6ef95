// The foreign function `verify_signature` of Envoy: arguments {1 hash_function, 2 public_key SPKI DER, 3 signature, 4
// text}, result {1 bool, 2 error text}. A wrong signature is no failure of the call: the result then lacks field 1.

import { createPublicKey, verify } from "node:crypto";
import { bytesField, readFields, textField, type WireField } from "./wire.ts";

function failure(text: string): Uint8Array {
  return Uint8Array.of(0x12, text.length, ...Buffer.from(text));
}

/** The serialized result; undefined if the arguments are no protobuf message. */
export function verifySignature(args: Uint8Array): Uint8Array | undefined {
  let fields: WireField[];
  try {
    fields = readFields(args);
  } catch {
    return undefined;
  }
  const hash = textField(fields, 1) ?? "";
  if (hash !== "sha256" && hash !== "sha512") return failure(`${hash} is not supported.`);
  try {
    const key = createPublicKey({ key: Buffer.from(bytesField(fields, 2) ?? []), format: "der", type: "spki" });
    const text = bytesField(fields, 4) ?? new Uint8Array(0);
    const good = verify(hash, text, key, bytesField(fields, 3) ?? new Uint8Array(0));
    return good ? Uint8Array.of(0x08, 0x01) : failure("Failed to verify digest. Error code: 0");
  } catch {
    return failure("Failed to initialize digest verify.");
  }
}
