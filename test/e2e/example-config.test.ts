// envoy/envoy.yaml is accepted by the real Envoy, filter and plugin configuration included.

import { execFile } from "node:child_process";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { findEnvoy } from "../../envoy/binary.ts";
import { CertificateAuthority, spiffeIdOf } from "../../envoy/certificates.ts";

const ROOT = resolve(import.meta.dirname, "..", "..");
const binary = await findEnvoy().catch(() => undefined);
const withEnvoy = binary === undefined ? test.skip : test;
const execute = promisify(execFile);

let folder = "";
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), "vedette-example-"));
  const authority = await CertificateAuthority.create(folder);
  const files = await authority.issue("workload", spiffeIdOf("shop", "web"));
  assert.is(files.certificate, join(folder, "workload.pem"));
  await copyFile(join(ROOT, "filter", "build", "vedette.wasm"), join(folder, "vedette.wasm"));
});
test.after(() => rm(folder, { recursive: true, force: true }));

/** The example with its folder for ours, and further replacements; resolves with the exit code and what Envoy said. */
async function validate(...edits: [string, string][]): Promise<{ code: number; said: string }> {
  let text = await readFile(join(ROOT, "envoy", "envoy.yaml"), "utf8");
  for (const [from, to] of [["/etc/vedette/", `${folder}/`], ...edits] as [string, string][]) {
    assert.ok(text.includes(from), `the example does not say ${from}`);
    text = text.replaceAll(from, to);
  }
  const file = join(folder, "envoy.yaml");
  await writeFile(file, text);
  const run = execute(binary!, ["--mode", "validate", "-c", file], { timeout: 60_000 });
  return await run.then(
    ({ stderr, stdout }) => ({ code: 0, said: stdout + stderr }),
    ({ code, stderr, stdout }) => ({ code, said: stdout + stderr }),
  );
}

withEnvoy("the example is valid as it stands", async () => {
  const { code, said } = await validate();
  assert.is(code, 0, said);
  assert.match(said, "OK");
});

withEnvoy("a plugin configuration that makes no sense is not refused: it never stops a proxy", async () => {
  const { code, said } = await validate(['"mesh": "default"', '"mesh": "NOT A MESH"']);
  assert.is(code, 0, said);
});

withEnvoy("a module that is missing is refused", async () => {
  const { code } = await validate(["vedette.wasm", "none.wasm"]);
  assert.is(code, 1);
});

test.run();
