// Public traffic as a quality set of normal rows. A service is a host that has enough of them, a caller the recording
// that a row is from; rows stay in their order. Goes through the reader of quality sets.

import { hostOf } from "../prior.ts";
import { groupBy } from "../quality/group.ts";
import { parseRow, type QualitySet } from "../quality/set.ts";

export const SERVICE_ROWS_MIN = 20;
const LEARN_SHARE = 0.6;

interface Row {
  /** The recording. */
  s: string;
  m: string;
  u: string;
  h: Record<string, string>;
  bl?: number;
}

/** The first 60 % of a host's rows are the learn phase. */
export function usualSet(lines: readonly string[]): QualitySet {
  const rows = lines.map((line) => JSON.parse(line) as Row);
  const hosts = groupBy(rows, ({ h }) => hostOf(h));
  const parsed = [...hosts]
    .filter(([, own]) => own.length >= SERVICE_ROWS_MIN)
    .flatMap(([host, own]) => {
      const learn = Math.floor(LEARN_SHARE * own.length);
      return own.map((row, i) => normalRow(host, row, i < learn ? "learn" : "test"));
    });
  return {
    name: "usual",
    requests: parsed.map(({ request }) => request),
    labels: parsed.map(({ label }) => label),
  };
}

function normalRow(svc: string, { s, m, u, h, bl = 0 }: Row, ph: "learn" | "test") {
  const headers = Object.entries(h).map(([name, value]) => [name.toLowerCase(), value]);
  return parseRow(JSON.stringify({ svc, src: s, m, u, h: headers, bl, y: 0, k: "norm", at: "", ph }));
}
