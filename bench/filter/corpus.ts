// Real requests one by one: exact percentiles over samples that are sorted. A request is repeated until the clock can
// tell, so a sample is the mean of its repetitions, with the code and its branches warm.

import type { Law } from "./law.ts";
import { spanLoop, spansLoop } from "./loops.ts";
import { cpuNs, type Figure, figureOf, quantile } from "./measure.ts";

/** ns, one number a pass over all requests. */
export interface Passes {
  p50: number[];
  p99: number[];
  max: number[];
  /** When they come one after the other, each once a round: branches are not learnt by heart. */
  inTurn: number[];
}

export interface CorpusFigures extends Record<keyof Passes, Figure> {
  /** Requests measured, and in the file. */
  requests: number;
  all: number;
  /** Bytes of path and query. */
  bytesP50: number;
  bytesP99: number;
}

const PASSES = 5;
/** What a sample should take at least, and a guess of what a request does. */
const SAMPLE_NS = 200_000;
const GUESS_NS = { base: 200, byte: 4 };
const ROUNDS = 16;

/** Throws where the targets do not fit into the module's input. */
export function measureCorpus(law: Law, targets: readonly string[]): Passes {
  const spans = targets.map((target) => law.put(Buffer.from(target, "latin1")));
  const loop = spanLoop(law, "judge");
  const inTurnCount = 2 ** Math.floor(Math.log2(spans.length));
  const inTurn = spansLoop(law, "judge", spans.slice(0, inTurnCount));
  const passes: Passes = { p50: [], p99: [], max: [], inTurn: [] };
  for (let pass = 0; pass < PASSES; pass++) {
    const samples = spans.map((span) => {
      const times = Math.ceil(SAMPLE_NS / (GUESS_NS.base + GUESS_NS.byte * span.length));
      const before = cpuNs();
      loop(times, span);
      return (cpuNs() - before) / times;
    });
    passes.p50.push(quantile(samples, 0.5));
    passes.p99.push(quantile(samples, 0.99));
    passes.max.push(quantile(samples, 1));
    const before = cpuNs();
    inTurn(ROUNDS * inTurnCount);
    passes.inTurn.push((cpuNs() - before) / (ROUNDS * inTurnCount));
  }
  return passes;
}

/** Of the passes of all processes. */
export function corpusFigures(parts: readonly Passes[], targets: readonly string[], all: number): CorpusFigures {
  const lengths = targets.map(({ length }) => length);
  const of = (name: keyof Passes) => figureOf(parts.flatMap((passes) => passes[name]));
  return {
    ...{ requests: targets.length, all, bytesP50: quantile(lengths, 0.5), bytesP99: quantile(lengths, 0.99) },
    ...{ p50: of("p50"), p99: of("p99"), max: of("max"), inTurn: of("inTurn") },
  };
}
