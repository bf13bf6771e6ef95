// The command line of the filter bench.

import { parseArgs } from "node:util";

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
  return {
    ...{ data: rest.data, json: rest.json, record: rest.record, blocks: whole(BLOCKS, blocks) },
    ...{ processes: whole(PROCESSES, processes), requests: whole(REQUESTS, requests) },
  };
}

function whole({ name, least, most, usual }: typeof BLOCKS, text: string | undefined): number {
  if (text === undefined) return usual;
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new Error(`--${name}: ${text}, must be ${least} to ${most}`);
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        data: { type: "string" },
        json: { type: "boolean", default: false },
        record: { type: "boolean", default: false },
        blocks: { type: "string" },
        processes: { type: "string" },
        requests: { type: "string" },
      },
    }).values;
  } catch (error) {
    // Its first sentence names the option; the rest is about options that begin with a dash.
    const [first] = error instanceof Error ? error.message.split(". ") : [String(error)];
    throw new Error(`${first}; ${USAGE}`, { cause: error });
  }
}
