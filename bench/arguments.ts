// What the command lines of the benches share: options are read strictly, and an error names the option.

import { type ParseArgsConfig, parseArgs } from "node:util";

export interface Bound {
  name: string;
  least: number;
  most: number;
}

/** Throws an error that names the option and ends in `usage`. */
export function parseStrictly<T extends ParseArgsConfig>(config: T, usage: string) {
  try {
    return parseArgs(config);
  } catch (error) {
    // Its first sentence names the option; the rest is about options that begin with a dash.
    const [first] = error instanceof Error ? error.message.split(". ") : [String(error)];
    throw new Error(`${first}; ${usage}`, { cause: error });
  }
}

/** A whole number within its bound, `usual` where none was given. */
export function wholeOf({ name, least, most }: Bound, text: string | undefined, usual: number): number {
  if (text === undefined) return usual;
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new Error(`--${name}: ${text}, must be ${least} to ${most}`);
}
