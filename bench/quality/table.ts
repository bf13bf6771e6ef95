// Results for a reader: lines of a Markdown table, the same on a terminal and in bench/README.md.

import type { Intervals, Rates } from "./metrics.ts";
import type { Part, Result } from "./report.ts";

const HEAD = [
  "| set | services | learn / normals / attacks | auc | t1 | t01 " +
    "| thr1 FPR / TPR | thr01 FPR / TPR | deny FPR / TPR | reason hit |",
  "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
];
const PART_HEAD = [
  "| set | attacks | number | auc | t1 | t01 | thr1 TPR | thr01 TPR | deny TPR |",
  "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
];

export function share(value: number | null): string {
  return value === null || Number.isNaN(value) ? "-" : value.toFixed(3);
}

/** FPR in percent, TPR as a share. */
function rates({ fpr, tpr }: Rates): string {
  return `${(100 * fpr).toFixed(2)} % / ${share(tpr)}`;
}

export function mainTable(results: readonly Result[]): string[] {
  const lines = results.flatMap((result) => {
    const { set, services, learn, normals, attacks, auc, t1, t01, thr1, thr01, deny, reasonHit, ci } = result;
    const cells = [set, services, `${learn} / ${normals} / ${attacks}`, auc.toFixed(4), share(t1), share(t01)];
    const line = [...cells, rates(thr1), rates(thr01), rates(deny), share(reasonHit)];
    return [row(line), ...(isEmpty(ci) ? [] : [row(["- 95 %", "", "", ...intervals(ci), ""])])];
  });
  return [...HEAD, ...lines];
}

function isEmpty(ci: Result["ci"]): ci is Record<string, never> {
  return Object.keys(ci).length === 0;
}

function intervals(ci: Intervals): string[] {
  const shares = ([low, high]: [number, number]) => `${share(low)} to ${share(high)}`;
  const both = ({ fpr, tpr }: { fpr: [number, number]; tpr: [number, number] }) =>
    `${(100 * fpr[0]).toFixed(2)} to ${(100 * fpr[1]).toFixed(2)} % / ${shares(tpr)}`;
  return [shares(ci.auc), shares(ci.t1), shares(ci.t01), both(ci.thr1), both(ci.thr01), both(ci.deny)];
}

export function partTable(results: readonly Result[], pick: (result: Result) => Record<string, Part>): string[] {
  const lines = results.flatMap((result) =>
    Object.entries(pick(result)).map(([name, part]) => {
      const { attacks, auc, t1, t01, thr1, thr01, deny } = part;
      return row([result.set, name, attacks, ...[auc, t1, t01, thr1, thr01, deny].map(share)]);
    }),
  );
  return [...PART_HEAD, ...lines];
}

export function worstLines(results: readonly Result[]): string[] {
  return results
    .filter(({ services }) => services > 1)
    .flatMap(({ set, worstService, deny }) => {
      const told = (["thr1", "thr01", "deny"] as const).map((threshold) => {
        const worst = worstService[threshold];
        return worst === null ? `${threshold}: none` : `${threshold}: ${worst.service}, ${rates(worst)}`;
      });
      return [`${set}, worst service at ${told.join("; ")}. Normal requests denied: ${deny.denied}.`];
    });
}

const CURVE_HEAD = [
  "| set | local requests | services | auc | t1 | t01 | thr1 FPR / TPR | thr01 FPR / TPR | deny FPR / TPR " +
    "| points below the protocol: t1 | t01 | thr1 | thr01 |",
  "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
];

export function curveTable(results: readonly Result[]): string[] {
  const lines = results.flatMap(({ set, learningCurve = [] }) =>
    learningCurve.map(({ requests, services, auc, t1, t01, thr1, thr01, deny, below }) => {
      const figures = [auc.toFixed(4), share(t1), share(t01), rates(thr1), rates(thr01), rates(deny)];
      const points = [below.t1, below.t01, below.thr1, below.thr01].map((value) => value.toFixed(1));
      return row([set, requests, services, ...figures, ...points]);
    }),
  );
  return lines.length === 0 ? [] : [...CURVE_HEAD, ...lines];
}

const LOSS_HEAD = [
  "| set | arm | poison | attacks scored | thr1 FPR / TPR: control | poisoned | points lost " +
    "| thr01 FPR / TPR: control | poisoned | points lost |",
  "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
];

/** Arms that learn from attacks, against their controls. */
export function lossTable(results: readonly Result[]): string[] {
  const lines = results.flatMap(({ set, poison = [], online = [] }) =>
    [...poison, ...online].map(({ arm, poison, attacks, control, poisoned, lost }) => {
      const at = (threshold: "thr1" | "thr01") => {
        return [rates(control[threshold]), rates(poisoned[threshold]), lost[threshold].toFixed(1)];
      };
      return row([set, arm, poison, attacks, ...at("thr1"), ...at("thr01")]);
    }),
  );
  return lines.length === 0 ? [] : [...LOSS_HEAD, ...lines];
}

const SCALE_HEAD = [
  "| set | services | learnt | auc | t1 | t01 | thr1 FPR / TPR | thr01 FPR / TPR | deny FPR / TPR | learnt a second |",
  "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
];

/** The same rows after few and after many learnt requests. */
export function scaleTable(results: readonly Result[]): string[] {
  const lines = results.flatMap(({ set, scale }) =>
    (scale?.arms ?? []).map(({ learnt: [low, high], auc, t1, t01, thr1, thr01, deny, requestsPerSecond }) => {
      const learnt = low === high ? low : `${low} to ${high}`;
      const figures = [auc.toFixed(4), share(t1), share(t01), rates(thr1), rates(thr01), rates(deny)];
      return row([set, scale?.services.join(", ") ?? "", learnt, ...figures, requestsPerSecond]);
    }),
  );
  return lines.length === 0 ? [] : [...SCALE_HEAD, ...lines];
}

/** Means over splits and orders of ties. */
export function seedsTable(results: readonly Result[]): string[] {
  const lines = results.flatMap(({ set, seeds }) =>
    seeds === undefined ? [] : [row([set, seeds.seeds, seeds.auc.toFixed(4), share(seeds.t1), share(seeds.t01)])],
  );
  return lines.length === 0 ? [] : ["| set | seeds | auc | t1 | t01 |", "| --- | --- | --- | --- | --- |", ...lines];
}

export function row(cells: readonly (string | number)[]): string {
  return `| ${cells.join(" | ")} |`;
}

/** Everything of some results, as printed. */
export function tables(results: readonly Result[]): string {
  const parts = [
    mainTable(results),
    worstLines(results),
    partTable(results, ({ byPosition }) => byPosition),
    partTable(results, ({ byKind }) => byKind),
    curveTable(results),
    seedsTable(results),
    lossTable(results),
    scaleTable(results),
  ];
  return parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n");
}
