// The signature of a manifest: ECDSA P-256 over SHA-256 of `vedette/manifest/v1`, a zero byte and the manifest.
// Envoy verifies it; its foreign function answers with status 0 for a wrong signature too, so only the result bytes
// 08 01 count.

import { putText } from "../core/bytes";
import { writeBegin, writeBytes, writeEnd, writeText } from "../core/write";
import { OK, proxy_call_foreign_function } from "./abi";
import { ascii, lengthOf } from "./bytes";
import { allocate, expectResult, RESULT_DATA, RESULT_SIZE, release, resultData, resultSize } from "./memory";

export const MANIFEST_MAX: i32 = 4096;
export const SIGNATURE_MAX: i32 = 256;

const VERIFY = ascii("verify_signature");
const CONTEXT: string = "vedette/manifest/v1\0";
const ARGUMENT_MAX: i32 = MANIFEST_MAX + SIGNATURE_MAX + 1024;
/** The bytes of a result of which field 1 is true and nothing else is said. */
const VERIFIED: u16 = 0x0108;

/** Whether the signature is that of the manifest under this key. `manifest` has at most MANIFEST_MAX bytes. */
export function isSigned(
  key: usize,
  keySize: u32,
  manifest: usize,
  size: i32,
  signature: usize,
  signatureSize: i32,
): bool {
  if (size > MANIFEST_MAX || signatureSize == 0 || signatureSize > SIGNATURE_MAX) return false;
  const text = allocate(MANIFEST_MAX + 32);
  const argument = allocate(ARGUMENT_MAX);
  if (text == 0 || argument == 0) return false;
  const prefix = putText(text, CONTEXT);
  memory.copy(text + prefix, manifest, size);
  writeBegin(argument, ARGUMENT_MAX);
  writeText(1, "sha256");
  writeBytes(2, key, keySize);
  writeBytes(3, signature, signatureSize);
  writeBytes(4, text, prefix + size);
  const argumentSize = writeEnd();
  expectResult();
  const status =
    argumentSize > 0
      ? proxy_call_foreign_function(VERIFY, lengthOf(VERIFY), argument, argumentSize, RESULT_DATA, RESULT_SIZE)
      : 1;
  const verified = status == OK && resultSize() == 2 && load<u16>(resultData()) == VERIFIED;
  release(text);
  return verified;
}
