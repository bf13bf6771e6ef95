// `npm run test:mesh`: prepares the programs of a mesh (once), then runs each test/mesh/*.mesh.ts as a process of its
// own, one by one: they need the machine. Without Go it says so and skips all; with CI=true or VEDETTE_REQUIRE_MESH=1
// that is a failure.
//
//     npm run test:mesh -- api       only the files whose name contains one of the words
//     npm run test:mesh -- --prepare the programs, and nothing else

import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { obstacle, prepare } from "./programs.ts";

const ROOT = resolve(import.meta.dirname, "..", "..");
const REQUIRED = process.env.CI === "true" || process.env.VEDETTE_REQUIRE_MESH === "1";

interface Counts {
  passed: number;
  failed: number;
}

let running: ChildProcess | undefined;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => {
    // What the file has started ends with it: envoy/process.ts sees to that.
    running?.kill("SIGTERM");
    process.exit(130);
  });
}

/** Runs one file; its output is shown as it comes. */
async function runFile(file: string): Promise<Counts> {
  const child = spawn(process.execPath, ["--import", "tsx", join(import.meta.dirname, file)], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "inherit"],
  });
  running = child;
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => {
    output += part;
    process.stdout.write(part);
  });
  const code = await new Promise<number | null>((done) => child.on("close", done));
  const number = (name: string) => Number(new RegExp(`^ {2}${name}: +(\\d+)$`, "m").exec(output)?.[1] ?? 0);
  const [total, passed] = [number("Total"), number("Passed")];
  // A file that ran nothing, or ended badly after its tests, has failed.
  const failed = Math.max(total - passed, code === 0 && total > 0 ? 0 : 1);
  console.log(`${failed === 0 ? "ok    " : "FAILED"} test/mesh/${file}  ${passed} passed, ${failed} failed\n`);
  return { passed, failed };
}

async function main(args: string[]): Promise<void> {
  const words = args.filter((arg) => !arg.startsWith("-"));
  const files = readdirSync(import.meta.dirname).filter((name) => name.endsWith(".mesh.ts"));
  const chosen = files.filter((name) => words.length === 0 || words.some((word) => name.includes(word))).sort();
  const missing = await obstacle();
  if (missing !== undefined) {
    console.log(`mesh tests skipped: ${missing}`);
    console.log(`0 passed, ${REQUIRED ? chosen.length : 0} failed, ${REQUIRED ? 0 : chosen.length} skipped`);
    process.exitCode = REQUIRED ? 1 : 0;
    return;
  }
  await prepare((line) => console.log(line));
  if (args.includes("--prepare")) return;
  const total = { passed: 0, failed: chosen.length === 0 ? 1 : 0 };
  for (const file of chosen) {
    const counts = await runFile(file);
    total.passed += counts.passed;
    total.failed += counts.failed;
  }
  console.log(`${total.passed} passed, ${total.failed} failed, 0 skipped`);
  process.exitCode = total.failed > 0 ? 1 : 0;
}

await main(process.argv.slice(2));
