// Runs everything `npm test` promises: the checks first, then each test file as a process of its own, those on a real
// Envoy last and one by one. Believes nothing: a file without a summary, without tests, or with a skip that
// test/skips.json does not allow is a failure.
//
//     npm test -- filter host        only the files whose path contains one of the words

import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const BIN = join(ROOT, "node_modules/.bin");
const CONCURRENCY = 2;
const TIMEOUT_MS = 600_000;
const ENVOY_REQUIRED = process.env.CI === "true" || process.env.VEDETTE_REQUIRE_ENVOY === "1";

const total = { passed: 0, failed: 0, skipped: 0 };
/** Process groups that run now; each child leads its own, so that what it started ends with it. */
const groups = new Set();
let stopping = false;

function environment() {
  const { FORCE_COLOR: _, ...env } = process.env;
  return { ...env, NO_COLOR: "1", PATH: `${BIN}:${process.env.PATH}` };
}

function endGroup(pid, signal) {
  try {
    process.kill(-pid, signal);
  } catch {
    // Already gone.
  }
}

/** Runs a command to its end: exit code (null after a signal or the time limit) and all it wrote. */
function run(command, args) {
  return new Promise((done) => {
    const startedAt = Date.now();
    const child = spawn(command, args, {
      cwd: ROOT,
      env: environment(),
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    const collect = (chunk) => {
      output += chunk;
    };
    child.stdout.setEncoding("utf8").on("data", collect);
    child.stderr.setEncoding("utf8").on("data", collect);
    if (child.pid !== undefined) groups.add(child.pid);
    const timer = setTimeout(() => {
      output += `\nended after ${TIMEOUT_MS / 1000} s\n`;
      endGroup(child.pid, "SIGKILL");
    }, TIMEOUT_MS);
    const finish = (code) => {
      clearTimeout(timer);
      groups.delete(child.pid);
      done({ code, output, seconds: (Date.now() - startedAt) / 1000 });
    };
    child.on("error", (error) => {
      output += error.message;
      finish(null);
    });
    child.on("close", (code) => finish(code));
  });
}

function tell(good, name, detail, seconds, output) {
  console.log(`${good ? "ok    " : "FAILED"} ${name}  ${detail}  ${seconds.toFixed(1)} s`);
  if (!good) console.log(output.trimEnd().replace(/^/gm, "    "));
}

async function check(name, command, args) {
  const { code, output, seconds } = await run(command, args);
  if (code === 0) total.passed++;
  else total.failed++;
  tell(code === 0, name, "", seconds, output);
}

/** What `buf generate` makes of the contract must be what is in the repository. */
async function checkGenerated() {
  const folder = mkdtempSync(join(tmpdir(), "vedette-gen-"));
  try {
    const script = `buf generate -o "${folder}" && diff -r control-plane/gen "${folder}/control-plane/gen"`;
    await check("check: generated code is what the contract gives", "sh", ["-c", script]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runChecks() {
  await check("check: format and lint", "biome", ["check", "--error-on-warnings", "."]);
  await check("check: types", "tsc", ["--noEmit", "-p", "tsconfig.json"]);
  await check("check: lint of the contract", "buf", ["lint"]);
  await check("check: no breaking change of the contract", "buf", ["breaking", "--against", "proto/baseline.binpb"]);
  await checkGenerated();
}

/**
 * `[{ path, most, needs?, reason }]`: path begins the file's, at most so many skips, needs "envoy" where its absence
 * is the reason.
 */
const allowedSkips = JSON.parse(readFileSync(join(ROOT, "test/skips.json"), "utf8"));

function skipFault(file, skipped) {
  if (skipped === 0) return "";
  const allowed = allowedSkips.find((entry) => file.startsWith(entry.path));
  if (allowed === undefined || skipped > allowed.most) return `${skipped} skipped, not in test/skips.json`;
  return allowed.needs === "envoy" && ENVOY_REQUIRED ? `${skipped} skipped, but an Envoy is required here` : "";
}

/** The numbers of uvu's closing lines; undefined where there are none. */
function summary(output) {
  const number = (name) => Number(new RegExp(`^ {2}${name}: +(\\d+)$`, "m").exec(output)?.[1]);
  const counts = { total: number("Total"), passed: number("Passed"), skipped: number("Skipped") };
  return Object.values(counts).some(Number.isNaN) ? undefined : counts;
}

async function runFile(file) {
  const { code, output, seconds } = await run(process.execPath, ["--import", "tsx", file]);
  const counts = summary(output) ?? { total: 0, passed: 0, skipped: 0 };
  const faults = [skipFault(file, counts.skipped)];
  if (counts.total + counts.skipped === 0) faults.push("no test ran, or no summary at the end");
  const failed = counts.total - counts.passed;
  if (code !== 0 && failed === 0) faults.push(code === null ? "ended by a signal" : `exit code ${code}`);
  const fault = faults.filter((text) => text !== "").join("; ");
  total.passed += counts.passed;
  total.skipped += counts.skipped;
  total.failed += failed + (fault === "" ? 0 : 1);
  const remark = fault === "" ? "" : ` (${fault})`;
  const detail = `${counts.passed} passed, ${failed} failed, ${counts.skipped} skipped${remark}`;
  tell(failed === 0 && fault === "", file, detail, seconds, output);
}

function testFiles(words) {
  const files = readdirSync(join(ROOT, "test"), { recursive: true, encoding: "utf8" })
    .map((path) => `test/${path.replaceAll("\\", "/")}`)
    .filter((path) => path.endsWith(".test.ts"))
    .filter((path) => words.length === 0 || words.some((word) => path.includes(word)));
  return files.sort();
}

/** Runs `files`, at most `concurrency` at a time. */
async function runFiles(files, concurrency) {
  const waiting = [...files];
  const lane = async () => {
    for (let file = waiting.shift(); file !== undefined && !stopping; file = waiting.shift()) await runFile(file);
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    stopping = true;
    process.exitCode = 130;
    for (const pid of groups) endGroup(pid, "SIGTERM");
    setTimeout(() => process.exit(130), 2000).unref();
  });
}

const words = process.argv.slice(2).filter((word) => !word.startsWith("-"));
const files = testFiles(words);
const onEnvoy = files.filter((file) => file.startsWith("test/e2e/"));
if (words.length === 0) await runChecks();
await runFiles(
  files.filter((file) => !onEnvoy.includes(file)),
  CONCURRENCY,
);
await runFiles(onEnvoy, 1);
if (files.length === 0) total.failed++;
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode ||= total.failed > 0 ? 1 : 0;
