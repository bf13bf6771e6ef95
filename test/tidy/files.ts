// The files of the house as the tidy test sees them: everything but what is generated, built, installed or ignored.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

const LEFT_OUT = new Set([".git", "node_modules", ".cache", "filter/build", "control-plane/gen", "bench/results"]);

function walk(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (LEFT_OUT.has(path)) return [];
    return entry.isDirectory() ? walk(path) : [path];
  });
}

/** Paths from the root, sorted. */
export const files: readonly string[] = walk("").sort();

/** TypeScript, AssemblyScript and plain modules. */
export const sources: readonly string[] = files.filter((path) => /\.(ts|mjs)$/.test(path));

export const readmes: readonly string[] = files.filter((path) => path.endsWith("README.md"));

export function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

export function exists(path: string): boolean {
  return existsSync(join(ROOT, path));
}

/**
 * The source with comments and the contents of strings blanked; lines and columns stay. Enough for code that the
 * formatter has seen.
 */
export function codeOf(source: string): string {
  const blank = (text: string) => text.replace(/[^\n]/g, " ");
  const token = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/g;
  const quoted = (text: string) => text[0] + blank(text.slice(1, -1)) + text[0];
  return source.replace(token, (text) => (text.startsWith("/") ? blank(text) : quoted(text)));
}

/** What a source imports: relative ones as paths from the root, others as they are. */
export function importsOf(path: string): string[] {
  const pattern = /(?:^|\n)(?:import|export)\b[\w\s{},*$]*["']([^"'\n]+)["']|\bimport\(["']([^"']+)["']\)/g;
  const found = [...read(path).matchAll(pattern)];
  return found.map((match) => {
    const name = (match[1] ?? match[2])!;
    if (!name.startsWith(".")) return name;
    const target = resolve(ROOT, dirname(path), name).slice(ROOT.length + 1);
    return /\.(ts|mjs|json)$/.test(target) ? target : `${target}.ts`;
  });
}
