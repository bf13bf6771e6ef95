// Learns an attack table (law 10): from usual texts and payloads to weights as they ship. Seeded: the same texts give
// the same table, whatever order they come in.

import { readFileSync } from "node:fs";
import type { AttackTable } from "../../control-plane/domain.ts";
import { parseAttackTable, tableIdOf } from "../../control-plane/train/attack-table.ts";
import { ATTACK_BIAS_MAX, ATTACK_WEIGHTS } from "../../filter/core/limits.ts";
import { Core } from "../../test/support/core.ts";
import { Prng } from "../../test/support/prng.ts";
import { shuffled } from "../quality/shuffle.ts";
import { attackTexts } from "./payloads.ts";
import { fit, rowsOf, type Weights } from "./regression.ts";

export interface Learnt {
  table: AttackTable;
  /** Numbers of texts that it was learnt from. */
  usual: number;
  attacks: number;
}

/** The shipped table: its weights, and what else is to be said of it. */
export const WEIGHTS = new URL("../../control-plane/train/attack-table.bin", import.meta.url);
export const DESCRIPTION = new URL("../../control-plane/train/attack-table.json", import.meta.url);

const SEED = 7;
/** Usual texts at most, and attacks always: few usual texts are no reason to see few of the payloads. */
const TEXTS = 60_000;
/**
 * C of the regression. Of 0.01, 0.03, 0.1, 0.3, 1 and 3 the one with the least log loss (0.061) where one half of the
 * payloads and of the organisations is learnt from and the other half told apart, both ways round.
 */
const COST = 0.3;
const UNITS_A_NAT = 32;
const WEIGHT_MAX = 127;

/**
 * `usual` are distinct texts in any order, of which at most `texts` are taken; `families` are payloads by family, of
 * which that many draws are made. Throws where either is empty.
 */
export function learnTable(
  usual: Iterable<string>,
  families: ReadonlyMap<string, readonly string[]>,
  texts = TEXTS,
): Learnt {
  const prng = new Prng(SEED);
  const normal = shuffled([...usual].sort(), prng).slice(0, texts);
  if (normal.length === 0) throw new Error("usual texts: 0, must be 1 or more");
  const attacks = attackTexts(families, normal, texts, prng);
  const featuresOf = featureReader();
  const all = [...normal, ...attacks];
  const labels = new Uint8Array(all.length).fill(1, normal.length);
  const weights = fit(rowsOf(all.map(featuresOf)), labels, ATTACK_WEIGHTS, COST);
  return { table: rounded(weights), usual: normal.length, attacks: attacks.length };
}

/** In 1/32 nat, a weight clipped to what a byte holds. */
export function rounded({ weights, bias }: Weights): AttackTable {
  const bytes = Int8Array.from(weights, (weight) => clip(Math.round(weight * UNITS_A_NAT), WEIGHT_MAX));
  const table = { weights: new Uint8Array(bytes.buffer), bias: clip(Math.round(bias * UNITS_A_NAT), ATTACK_BIAS_MAX) };
  return { tableId: tableIdOf(table.weights, table.bias), ...table };
}

/** The shipped table. Throws where its two files are not of one table. */
export function readTable(): AttackTable {
  return parseAttackTable(readFileSync(WEIGHTS), readFileSync(DESCRIPTION, "utf8"));
}

function clip(value: number, most: number): number {
  return Math.min(most, Math.max(-most, value));
}

/** Distinct features of a text of bytes, by core.wasm. */
export function featureReader(): (text: string) => Uint16Array {
  const core = new Core("core");
  const out = core.constant("OUTPUT");
  return (text) => {
    core.put(Buffer.from(text, "latin1"));
    const count = core.number("attackFeatures", text.length, out);
    return new Uint16Array(core.bytes(out, 2 * count).buffer);
  };
}
