// The loops that are timed. Each is compiled anew, so that V8 knows the one function that it calls and calls it
// directly; a loop shared by all would pay for not knowing.

import { compileFunction } from "node:vm";
import type { Law, Numeric, Span } from "./law.ts";

/** Does the work so many times. */
export type Loop = (times: number) => void;

/** What is done with the bytes `at`, `length`; names are exports and constants of the law. */
const BODIES = {
  call: "sum += bin(length);",
  extract: "sum += extract(at, length);",
  score: "sum += score(CURRENT, at);",
  momentsAdd: "momentsAdd(OUTPUT, at);",
  judge: `
    const twice = (extract(at, length) & HAS_SECOND) !== 0;
    let most = score(CURRENT, BINS);
    if (twice) most = Math.max(most, score(CURRENT, SECOND_BINS));
    sum += most;`,
  explain: `
    const twice = (extract(at, length) & HAS_SECOND) !== 0;
    score(CURRENT, BINS);
    if (twice) score(CURRENT, SECOND_BINS);
    score(CURRENT, twice ? SECOND_BINS : BINS);
    locate(at, length, topFeature(CURRENT), twice ? 1 : 0);`,
} as const;
export type Body = keyof typeof BODIES;

const CALLS = ["bin", "extract", "score", "momentsAdd", "topFeature", "locate"];
const CONSTANTS = ["CURRENT", "BINS", "SECOND_BINS", "HAS_SECOND", "OUTPUT"];

/** Over spans in turn; their number must be a power of two. */
export function spansLoop(law: Law, body: Body, spans: readonly Span[]): Loop {
  if ((spans.length & (spans.length - 1)) !== 0) throw new Error(`spans: ${spans.length}, must be a power of two`);
  const places = Int32Array.from(spans.flatMap(({ at, length }) => [at, length]));
  const source = `
    let sum = 0;
    for (let i = 0; i < times; i++) {
      const k = (i & ${spans.length - 1}) << 1, at = places[k], length = places[k + 1];
      ${BODIES[body]}
    }
    return sum;`;
  return compiled(law, source, { places });
}

/** Over one span that is told each time. */
export function spanLoop(law: Law, body: Body): (times: number, span: Span) => void {
  const span = new Int32Array(2);
  const source = `
    const at = span[0], length = span[1];
    let sum = 0;
    for (let i = 0; i < times; i++) { ${BODIES[body]} }
    return sum;`;
  const loop = compiled(law, source, { span });
  return (times, { at, length }) => {
    span.set([at, length]);
    loop(times);
  };
}

export interface Query {
  caller: bigint;
  group: number;
  method: bigint;
  route: bigint;
  score: number;
}

/** Over queries in turn; their number must be a power of two. Time 0. */
export function rulesLoop(law: Law, queries: readonly Query[]): Loop {
  const source = `
    let sum = 0;
    for (let i = 0; i < times; i++) {
      const { caller, group, method, route, score } = queries[i & ${queries.length - 1}];
      sum += rulesMatch(RULES, caller, group, method, route, score, 0n);
    }
    return sum;`;
  return compiled(law, source, { queries, rulesMatch: law.call("rulesMatch"), RULES: law.constant("RULES") });
}

let made = 0;

function compiled(law: Law, source: string, more: Record<string, unknown>): Loop {
  const scope: Record<string, unknown> = { ...more };
  for (const name of CALLS) scope[name] = law.call(name);
  for (const name of CONSTANTS) scope[name] = law.constant(name);
  // A source of its own: nothing that V8 learnt about another loop is shared.
  const loop = compileFunction(`${source} // ${made++}`, [...Object.keys(scope), "times"]);
  const values = Object.values(scope);
  return (times) => void (loop as (...args: unknown[]) => Numeric)(...values, times);
}
