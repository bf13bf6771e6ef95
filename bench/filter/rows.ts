// The rows of the budget that this bench measures: what must hold, what is aimed at, and whether it does.

import { GUARDED, kernelArm, rulesArm, sizeArm, worstArm } from "./arms.ts";
import type { CorpusFigures } from "./corpus.ts";
import type { Counts } from "./counts.ts";
import { RULE_KINDS, type RuleKind, worstTargets } from "./inputs.ts";
import { type Blocks, type Figure, paired } from "./measure.ts";

/** A line of `--json`. `ci` is lowest and highest of the blocks; exact numbers are their own. */
export interface Row {
  metric: string;
  value: number;
  ci: [number, number];
  must: string;
  aim: string;
  /** Whether `must` does. */
  holds: boolean;
}

interface Bound {
  is: "<=" | ">=";
  must: number;
  aim: number;
}

const US = 1000;
const KIB = 1024;
/** The two sizes between which a byte's cost is taken: both are scanned whole. */
const SCAN = [256, 8192] as const;
const MOST_RULES = 10_000;

export function rowsOf(blocks: Blocks, counts: Counts, corpus: CorpusFigures | undefined): Row[] {
  const us = (ns: number) => ns / US;
  const scan = paired(
    blocks,
    SCAN.map((size) => sizeArm("core", "extract", size)),
    (short, long) => (long - short) / (SCAN[1] - SCAN[0]),
  );
  const ratio = paired(blocks, [kernelArm("core", "score"), kernelArm("core-scalar", "score")], (a, b) => b / a);
  const growth = exact(counts.pagesAfter - counts.pagesBefore);
  const most = (must: number, aim: number): Bound => ({ is: "<=", must, aim });
  return [
    row("extract + score, 256 B, us", paired(blocks, [GUARDED], us), most(1.5, 1)),
    ...(corpus === undefined
      ? []
      : [row("extract + score, real requests, p99, us", scaled(corpus.p99, us), most(8, 5))]),
    row("extract + score, worst case, us", worst(blocks), most(40, 20)),
    row("score, scalar / SIMD", ratio, { is: ">=", must: 8, aim: 12 }),
    row("byte scan, ns a byte", scan, most(6, 4)),
    ...(Object.keys(RULE_KINDS) as RuleKind[]).map((kind) =>
      row(`10,000 rules ${RULE_KINDS[kind]} against none, us`, rules(blocks, kind), most(0.3, 0.1)),
    ),
    row(`growth over ${counts.requests} requests, pages`, growth, most(0, 0)),
    row("module size, KiB", exact(counts.sizes.vedette! / KIB), most(64, 48)),
  ];
}

/** What many rules of a kind cost more than none, in us. */
function rules(blocks: Blocks, kind: RuleKind): Figure {
  return paired(blocks, [rulesArm(kind, 0), rulesArm(kind, MOST_RULES)], (none, most) => (most - none) / US);
}

/** The dearest of the worst-case targets, in us. */
function worst(blocks: Blocks): Figure {
  const figures = [...worstTargets().keys()].map((name) => paired(blocks, [worstArm(name, "judge")], (ns) => ns / US));
  return figures.reduce((most, figure) => (figure.value > most.value ? figure : most));
}

export function exact(value: number): Figure {
  return { value, ci: [value, value] };
}

function scaled({ value, ci }: Figure, by: (value: number) => number): Figure {
  return { value: by(value), ci: [by(ci[0]), by(ci[1])] };
}

export function row(metric: string, figure: Figure, { is, must, aim }: Bound): Row {
  const { value, ci } = scaled(figure, (one) => Number(one.toFixed(3)));
  return { metric, value, ci, must: `${is} ${must}`, aim: `${is} ${aim}`, holds: meets(figure.value, is, must) };
}

function meets(value: number, is: Bound["is"], bound: number): boolean {
  return is === "<=" ? value <= bound : value >= bound;
}
