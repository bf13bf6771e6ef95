// The command line of the quality bench.

import { parseStrictly, wholeOf } from "../arguments.ts";
import { HEADS, type Head } from "./heads.ts";
import type { Extras } from "./run.ts";

export interface Options extends Extras {
  /** Files and folders. */
  data: string[];
  /** One line of JSON a set instead of a table. */
  json: boolean;
  /** Where a line of JSON for each row of the test phase goes. */
  scores: string | undefined;
  /** Family of attacks that the prior must not have seen. */
  leaveOut: string | undefined;
  /** Only this head may speak, or all but this one. */
  head: Head | undefined;
  without: Head | undefined;
  /** Writes bench/results/quality.json and the tables of bench/README.md. */
  record: boolean;
  /** Folder of what the shipped prior was made from, for the prior of other organisations. */
  priorData: string | undefined;
  /** The options but for the data, as typed. */
  typed: string[];
}

export const USAGE = `usage: npm run bench:quality -- --data FILE...|DIR [--json] [--scores FILE] [--online]
         [--learning-curve] [--seeds] [--poison] [--scale [N]] [--leave-out FAMILY] [--prior-data DIR] [--record]
         [--head|--without ${HEADS.join("|")}]`;

const SCALE_DEFAULT = 1_000_000;
const SCALE = { name: "scale", least: 1000, most: 100_000_000 };
/** Paths of this machine say nothing to others. */
const NOT_TOLD = new Set(["data", "scores", "prior-data"]);

/** Throws an error that names the option. */
export function parseOptions(args: readonly string[]): Options {
  const { values, positionals } = parse(withDefault(args));
  const { data = [], json, scores, online, seeds, poison, record } = values;
  if (data.length === 0) throw new Error(`--data: missing; ${USAGE}`);
  const typed = Object.entries(values).filter(([name, value]) => value !== false && !NOT_TOLD.has(name));
  return {
    ...{ data: [...data, ...positionals], json, scores, online, seeds, poison, record },
    ...{ scale: scaleOf(values.scale), leaveOut: values["leave-out"], ...headsOf(values) },
    ...{ learningCurve: values["learning-curve"], priorData: values["prior-data"] },
    typed: typed.map(([name, value]) => (value === true ? `--${name}` : `--${name} ${value}`)),
  };
}

/** `--scale` may come without its number. */
function withDefault(args: readonly string[]): string[] {
  const bare = (arg: string, i: number) => arg === "--scale" && !/^\d/.test(args[i + 1] ?? "");
  return args.map((arg, i) => (bare(arg, i) ? `--scale=${SCALE_DEFAULT}` : arg));
}

function scaleOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : wholeOf(SCALE, text, SCALE_DEFAULT);
}

function headsOf({ head, without }: { head?: string | undefined; without?: string | undefined }) {
  if (head !== undefined && without !== undefined) throw new Error("--without: goes not with --head");
  return { head: headOf("head", head), without: headOf("without", without) };
}

function headOf(option: string, name: string | undefined): Head | undefined {
  if (name === undefined) return undefined;
  const head = HEADS.find((one) => one === name);
  if (head === undefined) throw new Error(`--${option}: ${name}, must be ${HEADS.join(" or ")}`);
  return head;
}

function parse(args: readonly string[]) {
  return parseStrictly(
    {
      args: [...args],
      allowPositionals: true,
      options: {
        data: { type: "string", multiple: true },
        json: { type: "boolean", default: false },
        scores: { type: "string" },
        online: { type: "boolean", default: false },
        "learning-curve": { type: "boolean", default: false },
        seeds: { type: "boolean", default: false },
        poison: { type: "boolean", default: false },
        scale: { type: "string" },
        "leave-out": { type: "string" },
        head: { type: "string" },
        without: { type: "string" },
        "prior-data": { type: "string" },
        record: { type: "boolean", default: false },
      },
    },
    USAGE,
  );
}
