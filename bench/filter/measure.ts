// CPU time, never wall time: a busy neighbour takes turns from us, which the scheduler does not charge to us. Arms go
// forwards and backwards in each block (A B B A), so that a drift hits all of them alike.

import type { Loop } from "./loops.ts";

export interface Arm {
  name: string;
  loop: Loop;
}

/** Median over blocks with the lowest and the highest. */
export interface Figure {
  value: number;
  ci: [number, number];
}

/** ns per pass of an arm, one number a block. */
export type Blocks = ReadonlyMap<string, number[]>;

/** The clock of CPU time counts in us; so much at a time makes it exact to a thousandth. */
const LEAST_NS = 3_000_000;
const TIMES_MAX = 2 ** 26;

/** CPU time of this process, user and system, in ns. */
export function cpuNs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

function timed(run: () => void): number {
  const before = cpuNs();
  run();
  return cpuNs() - before;
}

/** Passes that take LEAST_NS; warms the loop up. */
function timesOf({ loop }: Arm): number {
  let times = 16;
  while (timed(() => loop(times)) < LEAST_NS && times < TIMES_MAX) times *= 2;
  return times;
}

/** Throws where two arms have one name. */
export function measure(arms: readonly Arm[], blocks: number): Blocks {
  const passes = arms.map((arm) => ({ ...arm, times: timesOf(arm), each: [] as number[] }));
  const figures = new Map(passes.map(({ name, each }) => [name, each]));
  if (figures.size < arms.length) throw new Error("arms: two have one name");
  for (let block = 0; block < blocks; block++) {
    const there = passes.map(({ loop, times }) => timed(() => loop(times)));
    const back = passes.toReversed().map(({ loop, times }) => timed(() => loop(times)));
    back.reverse();
    for (const [i, { each, times }] of passes.entries()) each.push((there[i]! + back[i]!) / (2 * times));
  }
  return figures;
}

export function blocksOf(blocks: Blocks, name: string): readonly number[] {
  const found = blocks.get(name);
  if (found === undefined) throw new Error(`no arm ${name}`);
  return found;
}

/** Of a value computed block by block from some arms of the same block. */
export function paired(blocks: Blocks, names: readonly string[], of: (...ns: number[]) => number): Figure {
  const lists = names.map((name) => blocksOf(blocks, name));
  return figureOf(lists[0]!.map((_, i) => of(...lists.map((list) => list[i]!))));
}

export function figureOf(values: readonly number[]): Figure {
  return { value: quantile(values, 0.5), ci: [Math.min(...values), Math.max(...values)] };
}

/** The smallest value that a share of the values does not exceed. */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new Error("no values");
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}

/** Most that two equal arms may differ. */
export const GUARD_MAX = 0.05;

export interface Guard {
  ratio: Figure;
  holds: boolean;
}

/** Two arms that do the same: the median of their paired ratios must be 1 within GUARD_MAX. */
export function guardOf(blocks: Blocks, name: string, again: string): Guard {
  const ratio = paired(blocks, [name, again], (a, b) => b / a);
  return { ratio, holds: Math.abs(ratio.value - 1) <= GUARD_MAX };
}
