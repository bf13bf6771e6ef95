// Attacks that the attack table is learnt from: payloads of public lists, alone and in the middle of usual values.
// Texts are bytes, one character a byte.

import { decode } from "../../test/reference/decode.ts";
import type { Prng } from "../../test/support/prng.ts";

/** The lists; `k` is the family, `p` the payload. */
export const PAYLOADS = "payloads_prior.jsonl.xz";

/**
 * How often a family is drawn. By the length of the lists a third would be traversal and a twenty-fifth command
 * injection. Chosen, not measured: the four long lists near each other, lists of a few payloads below.
 */
const FAMILY_WEIGHTS: Readonly<Record<string, number>> = {
  ...{ cmdi: 3, traversal: 2, sqli: 3, xss: 3 },
  ...{ ssti: 0.7, xxe: 0.7, ldap: 0.3, other: 0.4 },
};
/** Of a payload, in bytes. */
const PAYLOAD_MAX = 400;
/** Words, numbers, addresses and sentences: a list has them as parts of attacks, and they are none. */
const NO_ATTACK = /^[A-Za-z0-9_\s.,:-]*$/;
const DECODINGS_MAX = 3;
/** Of the usual text that an attack is put into, in bytes. */
const HOST_MAX = 80;
const BEHIND_MAX = 30;
const BEFORE_MAX = 40;
/** Resolution of draws. */
const DRAW = 1_000_000;

/** Payloads by family, each once and decoded once; `leaveOut` names a family to do without. */
export function payloadsOf(lines: readonly string[], leaveOut?: string): Map<string, string[]> {
  const families = new Map<string, string[]>();
  const seen = new Set<string>();
  for (const [index, line] of lines.entries()) {
    const { k, p } = JSON.parse(line) as { k: string; p: string };
    if (!(k in FAMILY_WEIGHTS))
      throw new Error(`${PAYLOADS}: line ${index + 1}: k: ${k}, must be of ${Object.keys(FAMILY_WEIGHTS).join(", ")}`);
    if (k === leaveOut) continue;
    const raw = Buffer.from(p, "utf8").toString("latin1");
    const same = folded(raw);
    const payload = decode(raw, false);
    if (seen.has(same) || NO_ATTACK.test(payload)) continue;
    seen.add(same);
    families.set(k, [...(families.get(k) ?? []), payload.slice(0, PAYLOAD_MAX)]);
  }
  return families;
}

/** Equal for payloads that differ in case, escapes, numbers or blanks only. */
function folded(raw: string): string {
  let text = raw;
  for (let i = 0; i < DECODINGS_MAX; i++) text = decode(text, false);
  return text.toLowerCase().replace(/\d+/g, "0").replace(/\s+/g, " ").trim();
}

/** As many texts with an attack in them; half of them are the attack alone, the others have a usual text around it. */
export function attackTexts(
  families: ReadonlyMap<string, readonly string[]>,
  usual: readonly string[],
  count: number,
  prng: Prng,
): string[] {
  if (families.size === 0) throw new Error(`${PAYLOADS}: 0 payloads, must be 1 or more`);
  const total = [...families.keys()].reduce((sum, family) => sum + FAMILY_WEIGHTS[family]!, 0);
  const draw = () => prng.below(DRAW) / DRAW;
  return Array.from({ length: count }, () => {
    const payload = prng.pick(families.get(drawnFamily(families, draw() * total))!);
    return placed(payload, prng.pick(usual).slice(0, HOST_MAX), draw());
  });
}

function drawnFamily(families: ReadonlyMap<string, unknown>, at: number): string {
  let left = at;
  let last = "";
  for (const family of families.keys()) {
    last = family;
    left -= FAMILY_WEIGHTS[family]!;
    if (left < 0) break;
  }
  return last;
}

/** `where` from 0 to 1: alone, behind a usual text, before one, behind one and a blank, in the middle of one. */
function placed(payload: string, usual: string, where: number): string {
  if (where < 0.5) return payload;
  if (where < 0.65) return usual + payload;
  if (where < 0.75) return payload + usual.slice(0, BEHIND_MAX);
  if (where < 0.85) return `${usual.slice(0, BEFORE_MAX)} ${payload}`;
  const middle = usual.length >> 1;
  return usual.slice(0, middle) + payload + usual.slice(middle);
}
