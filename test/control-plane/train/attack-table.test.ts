// The shipped attack table, and what is no attack table.

import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ControlPlaneError } from "../../../control-plane/errors.ts";
import { parseAttackTable, tableIdOf } from "../../../control-plane/train/attack-table.ts";

const FOLDER = new URL("../../../control-plane/train/", import.meta.url);
const weights = readFileSync(new URL("attack-table.bin", FOLDER));
const text = readFileSync(new URL("attack-table.json", FOLDER), "utf8");

function refusalOf(bytes: Uint8Array, content: object): ControlPlaneError {
  try {
    parseAttackTable(bytes, JSON.stringify(content));
  } catch (error) {
    return error as ControlPlaneError;
  }
  throw new Error("was taken");
}

test("the shipped table is whole, and names what it was made from", () => {
  const { tableId, weights: taken, bias } = parseAttackTable(weights, text);
  assert.equal([tableId, bias], [JSON.parse(text).tableId, JSON.parse(text).bias]);
  assert.is(Buffer.compare(taken, weights), 0);
  assert.match(tableId, /^[0-9a-f]{16}$/);
  for (const { sha256 } of JSON.parse(text).sources) assert.match(sha256, /^[0-9a-f]{64}$/);
});

test("what is no table, or not the one that its file tells of, is refused by field", () => {
  const { bias, tableId } = JSON.parse(text);
  const cases: [string, Uint8Array, object][] = [
    ["attack.weights", weights.subarray(1), { bias, tableId }],
    ["attack.bias", weights, { tableId }],
    ["attack.bias", weights, { bias: 0.5, tableId: tableIdOf(weights, 0) }],
    ["attack.bias", weights, { bias: 65_537, tableId: tableIdOf(weights, 65_537) }],
    ["attack.table_id", weights, { bias: bias + 1, tableId }],
    ["attack.table_id", new Uint8Array(32_768), { bias, tableId }],
    ["attack.table_id", weights, { bias }],
  ];
  for (const [field, bytes, content] of cases) {
    const { code, field: found, message } = refusalOf(bytes, content);
    assert.equal([code, found], ["FAILED_PRECONDITION", field]);
    assert.match(message, /must be/);
  }
});

test.run();
