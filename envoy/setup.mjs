// What stands before every command on a fresh clone: installs the locked dependencies, builds the filter if its
// sources changed, then runs `start` (the demo), `test` (the suite), `mesh` (the suite in a real mesh) or `pack` (the
// filter for registries). Plain Node without dependencies. All it says itself goes to standard error, so that standard
// output belongs to what it starts.

import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const COMMANDS = {
  start: "envoy/demo/main.ts",
  test: "test/run.mjs",
  mesh: "test/mesh/main.ts",
  pack: "envoy/pack.ts",
};
const NODE_LEAST = [20, 18];

function say(text) {
  process.stderr.write(`${text}\n`);
}

function fail(text) {
  say(text);
  process.exit(1);
}

/** Runs a step of the set-up to its end; its output goes to standard error. */
function step(title, command, args) {
  say(title);
  const { status, error } = spawnSync(command, args, { cwd: ROOT, stdio: ["ignore", 2, 2] });
  if (status === 0) return;
  fail(`${command} ${args.join(" ")}: ${error?.message ?? `exit code ${status}`}`);
}

function read(path) {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

function checkNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  const enough = major > NODE_LEAST[0] || (major === NODE_LEAST[0] && minor >= NODE_LEAST[1]);
  if (!enough) fail(`Node ${process.versions.node}: at least ${NODE_LEAST.join(".")} is needed`);
}

function install() {
  const stamp = join(ROOT, "node_modules/.vedette-lock");
  const wanted = createHash("sha256")
    .update(readFileSync(join(ROOT, "package-lock.json")))
    .digest("hex");
  if (read(stamp) === wanted) return;
  step("installing dependencies", "npm", ["ci", "--include=dev", "--loglevel=error"]);
  writeFileSync(stamp, wanted);
}

/** filter/build.mjs knows itself what has changed. */
function build() {
  step("building the filter", process.execPath, ["filter/build.mjs"]);
}

/** Starts the command in our place: streams and signals pass through, and so does the exit code. */
function become(file, args) {
  const child = spawn(process.execPath, ["--import", "tsx", file, ...args], {
    cwd: ROOT,
    stdio: ["inherit", "inherit", "inherit", "ipc"], // the channel closes when we are killed: the demo then stops
  });
  // Ctrl-C in a terminal reaches the child by itself; a second one would look like impatience.
  process.on("SIGINT", () => process.stdin.isTTY || child.kill("SIGINT"));
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  // npm's shell dies of a signal without passing it on: a parent that is gone means the same to us.
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && child.kill("SIGTERM"), 500).unref();
  child.on("error", (error) => fail(`${file}: ${error.message}`));
  child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}

const [command, ...args] = process.argv.slice(2);
const file = COMMANDS[command];
if (file === undefined) fail(`usage: node envoy/setup.mjs ${Object.keys(COMMANDS).join("|")} [arguments]`);
checkNode();
install();
build();
become(file, args);
