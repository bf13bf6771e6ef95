// The command line of the quality bench.

import { parseArgs } from "node:util";

export interface Options {
  /** Files and folders. */
  data: string[];
  /** One line of JSON a set instead of a table. */
  json: boolean;
  /** Where a line of JSON for each row of the test phase goes. */
  scores: string | undefined;
  /** Every row is learnt from unless the product denies it. */
  online: boolean;
  learningCurve: boolean;
  /** Writes bench/results/quality.json and the tables of bench/README.md. */
  record: boolean;
  /** Folder of the traffic that the shipped prior was made from, for the prior of other organisations. */
  priorData: string | undefined;
}

export const USAGE = `usage: npm run bench:quality -- --data FILE...|DIR [--json] [--scores FILE] [--online]
         [--learning-curve] [--head content] [--prior-data DIR] [--record]`;

/** Heads of the filter as it is. */
const HEADS = ["content"];

/** Throws an error that names the option. */
export function parseOptions(args: readonly string[]): Options {
  const { values, positionals } = parse(args);
  const { data = [], json, scores, online, head, record } = values;
  if (data.length === 0) throw new Error(`--data: missing; ${USAGE}`);
  if (head !== undefined && !HEADS.includes(head)) throw new Error(`--head: ${head}, must be ${HEADS.join(" or ")}`);
  return {
    ...{ data: [...data, ...positionals], json, scores, online, record },
    ...{ learningCurve: values["learning-curve"], priorData: values["prior-data"] },
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        data: { type: "string", multiple: true },
        json: { type: "boolean", default: false },
        scores: { type: "string" },
        online: { type: "boolean", default: false },
        "learning-curve": { type: "boolean", default: false },
        head: { type: "string" },
        "prior-data": { type: "string" },
        record: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    // Its first sentence names the option; the rest is about options that begin with a dash.
    const [first] = error instanceof Error ? error.message.split(". ") : [String(error)];
    throw new Error(`${first}; ${USAGE}`, { cause: error });
  }
}
