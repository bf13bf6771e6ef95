// The shipped attack table: what attacks look like, before any was seen. Made by bench/attack.ts from public payloads
// and public traffic; `attack-table.json` says from which bytes, and holds what the weights beside it must agree with.

import { createHash } from "node:crypto";
import type { AttackTable } from "../domain.ts";
import { ControlPlaneError } from "../errors.ts";

/** Attack id of what is made without a table. */
export const NO_ATTACK = "0".repeat(16);

/** Of the law, section 8. */
const WEIGHTS = 32_768;
const BIAS_MAX = 65_536;

/**
 * From attack-table.bin and the text of attack-table.json. Throws FAILED_PRECONDITION where they are not what the
 * filters take, or do not belong together.
 */
export function parseAttackTable(weights: Uint8Array, text: string): AttackTable {
  const { bias, tableId } = JSON.parse(text) as { bias?: unknown; tableId?: unknown };
  if (weights.length !== WEIGHTS) throw refused("weights", `${weights.length} bytes, must be ${WEIGHTS}`);
  if (typeof bias !== "number" || !Number.isInteger(bias) || Math.abs(bias) > BIAS_MAX)
    throw refused("bias", `${String(bias)}, must be an integer from -${BIAS_MAX} to ${BIAS_MAX}`);
  const expected = tableIdOf(weights, bias);
  if (tableId !== expected)
    throw refused("table_id", `${String(tableId)}, must be ${expected}; make it again with bench/attack.ts`);
  return { tableId: expected, weights: Uint8Array.from(weights), bias };
}

/** The first 8 bytes, little-endian, of SHA-256 over weights and bias (i32, little-endian); 16 hex digits. */
export function tableIdOf(weights: Uint8Array, bias: number): string {
  const tail = Buffer.alloc(4);
  tail.writeInt32LE(bias);
  const digest = createHash("sha256").update(weights).update(tail).digest();
  return digest.readBigUInt64LE(0).toString(16).padStart(16, "0");
}

function refused(field: string, detail: string): ControlPlaneError {
  return new ControlPlaneError("FAILED_PRECONDITION", `attack.${field}: ${detail}`, { field: `attack.${field}` });
}
