// The Envoy bench as it is run by hand, but short: every arm proves that it ran, or the run fails; it ends with a line
// a row of the budget. What is exact in these rows must hold; figures of so short a run say nothing.

import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { nginxLacks } from "../../bench/envoy/nginx.ts";
import type { Row } from "../../bench/filter/rows.ts";
import { findEnvoy } from "../../envoy/binary.ts";

const ROOT = resolve(import.meta.dirname, "..", "..");

const lacking = await findEnvoy().then(
  () => undefined,
  (error: Error) => error.message,
);
if (lacking !== undefined) console.error(`no Envoy: ${lacking}`);
const withEnvoy = lacking === undefined ? test : test.skip;

function runBench(args: string[]): Promise<{ code: number | null; lines: string[]; said: string }> {
  const child = spawn(process.execPath, ["--import", "tsx", "bench/envoy.ts", ...args], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [output, said] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (part) => {
    output += part;
  });
  child.stderr.setEncoding("utf8").on("data", (part) => {
    said += part;
  });
  return new Promise((done) => {
    child.on("close", (code) => done({ code, lines: output.split("\n").filter(Boolean), said }));
  });
}

withEnvoy("a quick run tells a row for everything in the budget, and what is exact in them holds", async () => {
  const { code, lines, said } = await runBench(["--quick", "--json"]);
  assert.is(code, 0, said);
  const rows = lines.map((line) => JSON.parse(line) as Row);
  const hasNginx = nginxLacks() === undefined;
  if (!hasNginx) assert.match(said, /skipped: nginx and nginx, CRS: no .*: apt-get install/);
  assert.equal(
    rows.map(({ metric }) => metric),
    [
      "CPU per request, ours / none, 256 B",
      "CPU per request, ours / none, mix",
      "added CPU, ours / noop wasm",
      ...(hasNginx ? ["added CPU, libmodsecurity + CRS / ours"] : []),
      "growth over 1000 requests, pages",
      "worker's CPU while adopting a model, us",
      "failed requests while adopting",
      "refused of 10 updates",
      "cold start, CPU, ours / noop wasm",
      "RSS, ours - noop wasm, 2 workers, MiB",
    ],
  );
  for (const { metric, value, ci, must, aim, holds } of rows) {
    assert.ok(Number.isFinite(value) && ci[0] <= value && value <= ci[1], `${metric}: ${value} in ${ci}`);
    assert.match(`${must} ${aim}`, /^[<>]= [\d.]+ [<>]= [\d.]+$/);
    if (/^(growth|failed|refused)/.test(metric)) assert.is(holds, true, `${metric}: ${value}`);
  }
});

test.run();
