// Where a recorded figure comes from, and how it gets into bench/README.md: shared by all benches.

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";

export interface Origin {
  commit: string;
  machine: string;
  command: string;
}

const README = new URL("README.md", import.meta.url);

/** Of a run of `command` now; the commit has a mark where files differ from it. */
export function originOf(command: string): Origin {
  const git = (...args: string[]) => execFileSync("git", args, { encoding: "utf8" }).trim();
  const [first] = cpus();
  return {
    commit: git("rev-parse", "HEAD") + (git("status", "--porcelain") === "" ? "" : " with changes"),
    machine: `${first?.model ?? "unknown"}, ${cpus().length} cores, ${process.arch}, Node ${process.version}`,
    command,
  };
}

export function originLine({ commit, machine, command }: Origin): string {
  return `Commit ${commit}; ${machine}; \`${command}\`.`;
}

/** Writes `text` into bench/README.md between the markers of a bench. Throws where they are not there. */
export function writeTables(bench: string, text: string): void {
  writeFileSync(README, between(bench, readFileSync(README, "utf8"), text));
}

/** The text with what stands between the markers replaced. Throws where they are not there. */
export function between(bench: string, readme: string, text: string): string {
  const [from, to] = [`<!-- ${bench}: written by bench/${bench}.ts -->`, `<!-- /${bench} -->`];
  const [begin, end] = [readme.indexOf(from), readme.indexOf(to)];
  if (begin < 0 || end < begin) throw new Error(`bench/README.md: no ${from} before ${to}`);
  return `${readme.slice(0, begin + from.length)}\n\n${text}\n\n${readme.slice(end)}`;
}
