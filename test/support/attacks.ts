// Attacks for the end-to-end tests, as request targets: drawn with a fixed seed from the public regression tests of the
// OWASP Core Rule Set and from gotestwaf where these data sets are at hand (VEDETTE_DATA, else ../shared/datasets),
// else the project's own cases.

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { OWN_ATTACKS } from "./own-attacks.ts";

export interface Attack {
  /** Where it comes from: rule and test, or file, number, encoder and place. */
  name: string;
  /** Path and query as on the wire. */
  target: string;
}

const ROOT = resolve(fileURLToPath(import.meta.url), "../../..");
const CRS = "crs_regression_tests.tar.xz";
const GOTESTWAF = "gotestwaf_testcases.tar.xz";
/**
 * Rule files about what stands in a path or a query: traversal, inclusion, code and command injection, XSS, SQL
 * injection and the like.
 */
const CRS_FILES = /REQUEST-9(21|30|31|32|33|34|41|42|43|44)-/;
const PLAIN_HEADERS = new Set(["host", "user-agent", "accept", "accept-encoding", "accept-language", "connection"]);
/** Prints a tar.xz as one JSON object, name to text: Python has both formats in its library, Node has neither. */
const UNTAR =
  "import tarfile,sys,json; t=tarfile.open(sys.argv[1]); " +
  "print(json.dumps({m.name: t.extractfile(m).read().decode('utf-8','replace') for m in t if m.isfile()}))";

/** Where the data sets lie, or undefined. */
export function datasets(): string | undefined {
  const folder = process.env.VEDETTE_DATA ?? join(ROOT, "..", "shared", "datasets");
  return existsSync(join(folder, CRS)) && existsSync(join(folder, GOTESTWAF)) ? folder : undefined;
}

/** All attacks at hand, in a fixed order. */
export function allAttacks(): Attack[] {
  const folder = datasets();
  if (folder === undefined) return OWN_ATTACKS.map((target, index) => ({ name: `own-${index}`, target }));
  return [...crs(untar(join(folder, CRS))), ...gotestwaf(untar(join(folder, GOTESTWAF)))];
}

/** `count` of them, drawn without replacement by `next`, which returns numbers in [0, 1). */
export function drawAttacks(count: number, next: () => number): Attack[] {
  const pool = allAttacks();
  for (let i = 0; i < Math.min(count, pool.length); i++) {
    const j = i + Math.floor(next() * (pool.length - i));
    [pool[i], pool[j]] = [pool[j]!, pool[i]!];
  }
  return pool.slice(0, count);
}

function untar(file: string): Map<string, unknown> {
  const text = execFileSync("python3", ["-c", UNTAR, file], { maxBuffer: 1 << 28, encoding: "utf8" });
  const files = JSON.parse(text) as Record<string, string>;
  const parsed = new Map<string, unknown>();
  for (const name of Object.keys(files).sort()) {
    if (!/\.ya?ml$/.test(name)) continue;
    try {
      parsed.set(name, parse(files[name]!, { strict: false, logLevel: "silent" }));
    } catch {
      // Two files of the corpora are no valid YAML 1.2; the rest is enough to draw from.
    }
  }
  return parsed;
}

interface CrsInput {
  method?: string;
  uri?: string;
  data?: string;
  encoded_request?: string;
  headers?: Record<string, string>;
}

interface CrsFile {
  rule_id: number;
  tests: { test_id: number; stages: { input: CrsInput; output?: { log?: { expect_ids?: number[] } } }[] }[];
}

/** Positive tests whose attack stands in the path or the query: no body, no headers but the usual ones. */
function crs(files: Map<string, unknown>): Attack[] {
  const found: Attack[] = [];
  for (const [name, content] of files) {
    if (!CRS_FILES.test(name)) continue;
    const file = content as CrsFile;
    for (const test of file.tests) {
      for (const { input, output } of test.stages) {
        if (!output?.log?.expect_ids?.length || input.data || input.encoded_request) continue;
        const target = input.uri ?? "";
        if (!alters(target) || !sendable(target)) continue;
        if (!Object.keys(input.headers ?? {}).every((header) => PLAIN_HEADERS.has(header.toLowerCase()))) continue;
        found.push({ name: `crs-${file.rule_id}-${test.test_id}`, target });
      }
    }
  }
  return found;
}

/** The carrier paths of the rule set's tests say nothing by themselves. */
function alters(target: string): boolean {
  return target.includes("?") || !["", "/", "/get", "/post", "/anything"].includes(target);
}

/** What an HTTP client and Envoy let through as a request target: no spaces, no control bytes, begins with a slash. */
function sendable(target: string): boolean {
  return /^\/[\x21-\x22\x24-\x7e]*$/.test(target);
}

interface WafFile {
  payload: unknown[];
  encoder: string[];
  placeholder: (string | Record<string, unknown>)[];
}

/** URL-encoded payloads as a parameter's value and as a path. */
function gotestwaf(files: Map<string, unknown>): Attack[] {
  const found: Attack[] = [];
  for (const [name, content] of files) {
    if (!/\/(owasp|community)\//.test(name)) continue;
    const file = content as WafFile;
    const places = file.placeholder.map((place) => (typeof place === "string" ? place : Object.keys(place)[0]!));
    if (!file.encoder.includes("URL")) continue;
    file.payload.forEach((payload, index) => {
      const encoded = encodeURIComponent(String(payload));
      const label = `gotestwaf-${name
        .split("/")
        .pop()!
        .replace(/\.yml$/, "")}-${index}`;
      if (places.includes("URLParam")) found.push({ name: `${label}-param`, target: `/?item=${encoded}` });
      if (places.includes("URLPath")) found.push({ name: `${label}-path`, target: `/${encoded}` });
    });
  }
  return found;
}
