// What a run found, and the rows of the budget that follow from it.

import { type Blocks, type Figure, paired } from "../filter/measure.ts";
import { exact, type Row, row } from "../filter/rows.ts";
import type { Growth, Probe, Pushes } from "./adoption.ts";
import { AGAIN, CRS, ENFORCE, NGINX, NONE, NOOP } from "./arms.ts";
import { addedBy, figureName, type Guard } from "./blocks.ts";
import type { ProcessFigures } from "./processes.ts";
import type { Proof } from "./proof.ts";
import { KINDS, type Kind } from "./requests.ts";

export interface Results {
  /** Version of the Envoy, as it tells it. */
  envoy: string;
  /** SHA-256 of the filter. */
  filter: string;
  /** Names of the arms in their order. */
  arms: string[];
  /** ns of CPU per request, by `figureName`. */
  blocks: Blocks;
  guards: Guard[];
  /** us, by `latencyName`. */
  latency: Blocks;
  latencyGuard: { ratio: Figure; holds: boolean };
  proofs: Proof[];
  processes: ProcessFigures[];
  /** us of the worker's CPU for a new model. */
  adoption: Figure;
  /** Without anything new, while models are adopted, while updates come in bursts. */
  probes: { quiet: Probe; adopting: Probe; pushing: Probe };
  pushes: Pushes;
  growth: Growth;
  /** Peers that were left out, and why. */
  skipped: string[];
}

const MEASURED: Kind = "256 B";

export function rowsOf(results: Results): Row[] {
  const { processes, adoption, probes, pushes, growth } = results;
  const most = (must: number, aim: number) => ({ is: "<=", must, aim }) as const;
  const [one, two] = processes as [ProcessFigures, ProcessFigures];
  const failed = probes.adopting.failed + probes.pushing.failed;
  return [
    ...KINDS.map((kind) =>
      row(`CPU per request, ours / none, ${kind}`, ratioToNone(results, ENFORCE, kind), most(1.15, 1.08)),
    ),
    row("added CPU, ours / noop wasm", addedRatio(results, ENFORCE, NOOP), most(4, 2.5)),
    ...crsRow(results),
    row(`growth over ${growth.requests} requests, pages`, exact(growth.pagesAfter - growth.pagesBefore), most(0, 0)),
    row("worker's CPU while adopting a model, us", adoption, most(500, 100)),
    row("failed requests while adopting", exact(failed), most(0, 0)),
    row(`refused of ${pushes.sent} updates`, exact(pushes.refused), most(0, 0)),
    row("cold start, CPU, ours / noop wasm", one.coldRatio, most(2, 1.5)),
    row("RSS, ours - noop wasm, 2 workers, MiB", two.rssAddedMib, most(32, 12)),
  ];
}

/** An arm's CPU time over that of no filter, block by block. */
export function ratioToNone({ blocks }: Pick<Results, "blocks">, arm: string, kind: Kind): Figure {
  const names = [arm, NONE, AGAIN].map((name) => figureName(name, kind));
  return paired(blocks, names, (one, none, again) => (2 * one) / (none + again));
}

function addedRatio({ blocks }: Results, arm: string, floor: string): Figure {
  const names = [arm, floor, NONE, AGAIN].map((name) => figureName(name, MEASURED));
  return paired(blocks, names, (one, least, none, again) => (2 * one - none - again) / (2 * least - none - again));
}

/** What the rules add to nginx over what ours adds to Envoy; nothing where there is no nginx. */
function crsRow({ blocks, arms }: Results): Row[] {
  if (!arms.includes(CRS)) return [];
  const names = [CRS, NGINX, ENFORCE, NONE, AGAIN].map((name) => figureName(name, MEASURED));
  const figure = paired(
    blocks,
    names,
    (rules, nginx, ours, none, again) => (rules - nginx) / (ours - (none + again) / 2),
  );
  return [row("added CPU, libmodsecurity + CRS / ours", figure, { is: ">=", must: 150, aim: 200 })];
}

/** us that an arm adds to a request. */
export function addedUs({ blocks }: Pick<Results, "blocks">, arm: string, kind: Kind): Figure {
  const { value, ci } = addedBy(blocks, arm, kind);
  return { value: value / 1000, ci: [ci[0] / 1000, ci[1] / 1000] };
}
