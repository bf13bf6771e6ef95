// The command line of the Envoy bench.

import { parseStrictly, wholeOf } from "../arguments.ts";

export interface Options {
  /** A line of JSON a row of the budget instead of tables. */
  json: boolean;
  /** Writes bench/results/envoy.json and the tables of bench/README.md. */
  record: boolean;
  /** Everything once and short: to see that it works. The guard is told, but does not make the run void. */
  quick: boolean;
  /** Each measures every arm twice on each kind of request. */
  blocks: number;
  /** Requests of one sidecar, for growth. */
  requests: number;
  /** Updates of distinct content, one after the other. */
  pushes: number;
}

export const USAGE = `usage: npm run bench:envoy -- [--json] [--record] [--quick] [--blocks N] [--requests N]
         [--pushes N]`;

const BLOCKS = { name: "blocks", least: 2, most: 100, usual: 20, quick: 2 };
const REQUESTS = { name: "requests", least: 1000, most: 1_000_000, usual: 100_000, quick: 1000 };
const PUSHES = { name: "pushes", least: 1, most: 10_000, usual: 200, quick: 10 };

/** Throws an error that names the option. */
export function parseOptions(args: readonly string[]): Options {
  const { json, record, quick, ...numbers } = parse(args);
  if (record && quick) throw new Error("--record: not of a --quick run, whose figures say nothing");
  const whole = (bound: typeof BLOCKS, text: string | undefined) =>
    wholeOf(bound, text, quick ? bound.quick : bound.usual);
  return {
    ...{ json, record, quick, blocks: whole(BLOCKS, numbers.blocks) },
    ...{ requests: whole(REQUESTS, numbers.requests), pushes: whole(PUSHES, numbers.pushes) },
  };
}

function parse(args: readonly string[]) {
  return parseStrictly(
    {
      args: [...args],
      options: {
        json: { type: "boolean", default: false },
        record: { type: "boolean", default: false },
        quick: { type: "boolean", default: false },
        blocks: { type: "string" },
        requests: { type: "string" },
        pushes: { type: "string" },
      },
    },
    USAGE,
  ).values;
}
