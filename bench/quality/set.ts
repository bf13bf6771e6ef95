// Reads quality sets: one JSON row a request, in the order in which a service receives them, plain or packed by xz
// (`xz -dc` unpacks). What a sidecar would see of a row and what only the scorer may know are two objects from here on.

import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";

/** What the filter's side sees of a row. Texts are bytes on the wire, one character a byte. */
export interface Request {
  /** The protected service. */
  readonly svc: string;
  /** The caller. */
  readonly src: string;
  readonly m: string;
  /** Path and query as on the wire. */
  readonly u: string;
  /** Lower-case names and values, in order. */
  readonly h: readonly (readonly [string, string])[];
  /** Length of the body in bytes. */
  readonly bl: number;
  /** The body, where the set has it. */
  readonly b: string;
}

/** What the scorer knows of a row. */
export interface Label {
  readonly attack: boolean;
  /** Family; `norm` for a normal row. */
  readonly kind: string;
  /** Where the attack was put: `query:NAME`, `path:INDEX`, `header:NAME`, `body:NAME`; empty where not said. */
  readonly at: string;
  readonly phase: "learn" | "test";
}

/** Rows of one file; the row's index in the file is the index in both lists. */
export interface QualitySet {
  readonly name: string;
  readonly requests: readonly Request[];
  readonly labels: readonly Label[];
}

/** The largest set has some 100 MB. */
const UNPACKED_BYTES_MAX = 2 ** 30;
const SUFFIX = /\.jsonl(\.xz)?$/;

/** The files behind what was named: files as they are, of a folder all `.jsonl` and `.jsonl.xz`, by name. */
export function filesOf(named: readonly string[]): string[] {
  return named.flatMap((path) => {
    if (!statSync(path).isDirectory()) return [path];
    const names = readdirSync(path).filter((name) => SUFFIX.test(name));
    if (names.length === 0) throw new Error(`data: ${path} holds no .jsonl and no .jsonl.xz`);
    return names.sort().map((name) => join(path, name));
  });
}

/** Throws an error that names file, line and field of the first row that is not of the format. */
export function readSet(path: string): QualitySet {
  const rows = readLines(path).map((line, index) => {
    try {
      return parseRow(line);
    } catch (error) {
      throw new Error(`${path}: line ${index + 1}: ${error instanceof Error ? error.message : error}`);
    }
  });
  return {
    name: basename(path).replace(SUFFIX, ""),
    requests: rows.map(({ request }) => request),
    labels: rows.map(({ label }) => label),
  };
}

/** Lines of a text file, of a packed one unpacked. */
export function readLines(path: string): string[] {
  const bytes = path.endsWith(".xz") ? unpack(path) : readFileSync(path);
  return bytes
    .toString("utf8")
    .split("\n")
    .filter((line) => line !== "");
}

function unpack(path: string): Buffer {
  const { stdout, status, stderr, error } = spawnSync("xz", ["-dc", path], { maxBuffer: UNPACKED_BYTES_MAX });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`xz -dc ${path}: status ${status}: ${stderr}`);
  return stdout;
}

const BEYOND_ASCII = /[^\0-\x7f]/;

function wire(text: string): string {
  return BEYOND_ASCII.test(text) ? Buffer.from(text, "utf8").toString("latin1") : text;
}

/** Throws where a field is missing or of another type. */
export function parseRow(line: string): { request: Request; label: Label } {
  const row = JSON.parse(line) as Record<string, unknown>;
  const text = (field: string, absent?: string): string => {
    const value = row[field] ?? absent;
    if (typeof value !== "string") throw new Error(`${field}: ${JSON.stringify(value)}, must be a text`);
    return value;
  };
  const { h = [], bl = 0, y, ph } = row;
  const pairs = Array.isArray(h) && h.every((pair) => Array.isArray(pair) && pair.length === 2);
  if (!pairs) throw new Error(`h: ${JSON.stringify(h)}, must be pairs of name and value`);
  if (typeof bl !== "number") throw new Error(`bl: ${JSON.stringify(bl)}, must be a number`);
  if (y !== 0 && y !== 1) throw new Error(`y: ${JSON.stringify(y)}, must be 0 or 1`);
  if (ph !== "learn" && ph !== "test") throw new Error(`ph: ${JSON.stringify(ph)}, must be learn or test`);
  return {
    request: {
      ...{ svc: text("svc"), src: wire(text("src", "client")), m: wire(text("m")), u: wire(text("u")) },
      ...{
        h: h.map(([name, value]) => [wire(String(name)), wire(String(value))] as const),
        bl,
        b: wire(text("b", "")),
      },
    },
    label: { attack: y === 1, kind: text("k", ""), at: text("at", ""), phase: ph },
  };
}
