// Figures of others, quoted beside ours. The prototype is a float64 version of the planned detector in Python, by the
// same protocol on wcp-dev; its other sets were split at random. The OWASP Core Rule Set ran in libmodsecurity 3.0.9 on
// an earlier sample of the same sources, whose attacks were easier: its figures are a scale, not a race.

import type { Result } from "./report.ts";
import { row, share } from "./table.ts";

interface Quoted {
  detector: string;
  /** `-` where it has no scores. */
  auc: string;
  t1: string;
  t01: string;
  /** FPR / TPR, at what is said in brackets. */
  rates: string;
}

const rules = (version: string, rates: string): Quoted => ({
  ...{ detector: `OWASP CRS ${version}`, auc: "-", t1: "-", t01: "-", rates },
});

const QUOTED: Readonly<Record<string, readonly Quoted[]>> = {
  "wcp-dev": [
    {
      ...{ detector: "prototype, content or header head", auc: "0.984", t1: "0.841", t01: "0.621" },
      rates: "0.72 % / 0.827 (1 %), 0.09 % / 0.593 (0.1 %)",
    },
    rules("3.3.4 PL1", "2.08 % / 0.740"),
    rules("4.29-dev PL1", "11.0 % / 0.858"),
  ],
  "csic-dev": [
    { detector: "prototype, content head", auc: "0.897", t1: "0.353", t01: "0.244", rates: "-" },
    { detector: "prototype, content or structure head", auc: "0.996", t1: "0.937", t01: "0.578", rates: "-" },
    rules("3.3.4 PL1", "0 % / 0.326"),
    rules("4.29-dev PL1", "17.3 % / 0.388"),
  ],
  "httpparams-dev": [
    { detector: "prototype, content head", auc: "0.9998", t1: "0.999", t01: "0.998", rates: "-" },
    rules("3.3.4 PL1", "0 % / 0.979"),
    rules("4.29-dev PL1", "0 % / 0.985"),
  ],
  "atrdf-dev": [
    { detector: "prototype, content or header head", auc: "0.986", t1: "0.973", t01: "-", rates: "-" },
    rules("3.3.4 PL1 (1,040 attacks in path, query or body)", "0 % / 0.517"),
    rules("4.29-dev PL1 (the same)", "0 % / 0.712"),
  ],
};

/** Ours and theirs, set by set; empty where nobody is quoted. */
export function quotedTable(results: readonly Result[]): string[] {
  const lines = results.flatMap((result) => {
    const { set, auc, t1, t01, thr1, thr01 } = result;
    const quoted = QUOTED[set] ?? [];
    if (quoted.length === 0) return [];
    const percent = (value: number) => `${(100 * value).toFixed(2)} %`;
    const rates = [thr1, thr01].map(({ fpr, tpr }) => `${percent(fpr)} / ${share(tpr)}`);
    const ours = [auc.toFixed(4), share(t1), share(t01), `${rates[0]} (1 %), ${rates[1]} (0.1 %)`];
    return [
      row([set, "this commit", ...ours]),
      ...quoted.map((one) => row([set, one.detector, one.auc, one.t1, one.t01, one.rates])),
    ];
  });
  if (lines.length === 0) return [];
  return ["| set | detector | auc | t1 | t01 | FPR / TPR |", "| --- | --- | --- | --- | --- | --- |", ...lines];
}
