// The command line of the filter bench.

import { parseStrictly, wholeOf } from "../arguments.ts";

export interface Options {
  /** Folder with wcp_legit_dev.jsonl.xz, or the file; without it nothing is said of real requests. */
  data: string | undefined;
  /** A line of JSON a row of the budget instead of tables. */
  json: boolean;
  /** Writes bench/results/filter.json and the tables of bench/README.md. */
  record: boolean;
  /** Blocks of a process; each measures every arm twice. */
  blocks: number;
  /** Processes that measure, one after the other. */
  processes: number;
  /** Requests of the emulated sidecar, for growth. */
  requests: number;
}

export const USAGE = `usage: npm run bench:filter -- [--data DIR|FILE] [--json] [--record] [--blocks N]
         [--processes N] [--requests N]`;

const BLOCKS = { name: "blocks", least: 5, most: 100, usual: 9 };
const PROCESSES = { name: "processes", least: 1, most: 50, usual: 5 };
const REQUESTS = { name: "requests", least: 1, most: 10_000_000, usual: 200_000 };

/** Throws an error that names the option. */
export function parseOptions(args: readonly string[]): Options {
  const { blocks, processes, requests, ...rest } = parse(args);
  const whole = (bound: typeof BLOCKS, text: string | undefined) => wholeOf(bound, text, bound.usual);
  return {
    ...{ data: rest.data, json: rest.json, record: rest.record, blocks: whole(BLOCKS, blocks) },
    ...{ processes: whole(PROCESSES, processes), requests: whole(REQUESTS, requests) },
  };
}

function parse(args: readonly string[]) {
  return parseStrictly(
    {
      args: [...args],
      options: {
        data: { type: "string" },
        json: { type: "boolean", default: false },
        record: { type: "boolean", default: false },
        blocks: { type: "string" },
        processes: { type: "string" },
        requests: { type: "string" },
      },
    },
    USAGE,
  ).values;
}
