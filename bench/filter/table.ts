// Results for a reader: Markdown, the same on a terminal and in bench/README.md.

import { row } from "../quality/table.ts";
import { CALL, KERNELS, kernelArm, rulesArm, STEPS, sizeArm, worstArm } from "./arms.ts";
import type { CorpusFigures } from "./corpus.ts";
import type { Counts, RequestCounts } from "./counts.ts";
import { RULE_KINDS, RULES, type RuleKind, SIZES, worstTargets } from "./inputs.ts";
import { type Blocks, type Figure, type Guard, paired } from "./measure.ts";
import type { Row } from "./rows.ts";

const STEP_NAMES = { extract: "extract", judge: "extract + score" } as const;

export interface Results {
  rows: Row[];
  counts: Counts;
  guard: Guard;
  blocks: Blocks;
  corpus: CorpusFigures | undefined;
}

function table(head: readonly string[], lines: readonly (readonly (string | number)[])[]): string {
  return [row(head), row(head.map(() => "---")), ...lines.map(row)].join("\n");
}

function told({ value, ci }: Figure, digits = 0): string {
  const [low, high] = ci.map((one) => one.toFixed(digits));
  return `${value.toFixed(digits)} (${low} to ${high})`;
}

export function guardLine({ ratio, holds }: Guard): string {
  return `A/A guard: ${told(ratio, 3)}, ${holds ? "holds" : "off by more than 5 %, the run is void"}.`;
}

export function tables({ rows, counts, guard, blocks, corpus }: Results): string {
  const parts = [guardLine(guard), budget(rows), exactTable(counts), sizesTable(blocks), kernelTable(blocks)];
  return [...parts, worstTable(blocks), rulesTable(blocks), ...(corpus ? [corpusLine(corpus)] : [])].join("\n\n");
}

function budget(rows: readonly Row[]): string {
  const lines = rows.map(({ metric, value, ci, must, aim, holds }) => {
    const interval = ci[0] === ci[1] ? "exact" : `${ci[0]} to ${ci[1]}`;
    return [metric, value, interval, must, aim, holds ? "yes" : "**no**"];
  });
  return table(["metric", "measured", "lowest to highest block", "must", "aim", "holds"], lines);
}

function exactTable(counts: Counts): string {
  const line = (name: string, { hostcalls, entries, reads, bytes }: RequestCounts) =>
    [name, hostcalls, entries, reads, bytes] as const;
  const lines = [
    line("plainly allowed", counts.allowed),
    line("without a client certificate", counts.plaintext),
    line("with a rule for a caller in force", counts.withCallerRule),
    line("denied by the model", counts.denied),
  ];
  const sizes = Object.entries(counts.sizes).map(([name, bytes]) => `${name}.wasm ${bytes}`);
  const { allocations, pagesBefore, pagesAfter, requests } = counts;
  return [
    table(["request of 14 headers", "hostcalls", "guest entries", "reads", "bytes returned"], lines),
    `Allocations: ${allocations}. Pages: ${pagesBefore} before, ${pagesAfter} after ${requests} requests. ` +
      `Bytes: ${sizes.join(", ")}.`,
  ].join("\n\n");
}

function sizesTable(blocks: Blocks): string {
  const ns = (name: string) => told(paired(blocks, [name], (one) => one));
  const lines = STEPS.flatMap((step) =>
    SIZES.map((size) => {
      const [simd, scalar] = [sizeArm("core", step, size), sizeArm("core-scalar", step, size)];
      return [
        STEP_NAMES[step],
        size,
        ns(simd),
        ns(scalar),
        told(
          paired(blocks, [simd, scalar], (a, b) => b / a),
          2,
        ),
      ];
    }),
  );
  return table(["ns of CPU", "bytes of path and query", "SIMD", "scalar", "scalar / SIMD"], lines);
}

function kernelTable(blocks: Blocks): string {
  const lines = KERNELS.map((kernel) => {
    const [simd, scalar] = [kernelArm("core", kernel), kernelArm("core-scalar", kernel)];
    const ns = [simd, scalar].map((name) => told(paired(blocks, [name], (one) => one)));
    return [
      kernel,
      ...ns,
      told(
        paired(blocks, [simd, scalar], (a, b) => b / a),
        2,
      ),
    ];
  });
  const call = [
    "empty call",
    told(
      paired(blocks, [CALL], (one) => one),
      1,
    ),
    "-",
    "-",
  ];
  return table(["ns of CPU", "SIMD", "scalar", "scalar / SIMD"], [...lines, call]);
}

function worstTable(blocks: Blocks): string {
  const us = (name: string) =>
    told(
      paired(blocks, [name], (ns) => ns / 1000),
      1,
    );
  const lines = [...worstTargets()].map(([name, { length }]) => {
    return [name, length, us(worstArm(name, "judge")), us(worstArm(name, "explain"))];
  });
  return table(["worst case, us of CPU", "bytes", "extract + score", "and explained"], lines);
}

function rulesTable(blocks: Blocks): string {
  const kinds = Object.keys(RULE_KINDS) as RuleKind[];
  const ns = (kind: RuleKind, count: number) => told(paired(blocks, [rulesArm(kind, count)], (one) => one));
  const lines = RULES.map((count) => [count, ...kinds.map((kind) => ns(kind, count))]);
  return table(["rules, ns of CPU", ...Object.values(RULE_KINDS)], lines);
}

function corpusLine({ requests, all, bytesP50, bytesP99, p50, p99, max, inTurn }: CorpusFigures): string {
  return (
    `Real requests, ${requests} of ${all}, ${bytesP50} bytes of path and query at p50, ${bytesP99} at p99; ns of CPU ` +
    `of extract + score: p50 ${told(p50)}, p99 ${told(p99)}, most ${told(max)}; ` +
    `one after the other ${told(inTurn)} on average.`
  );
}
