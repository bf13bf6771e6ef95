// `npm run build`: compiles the filter and the core with asc into filter/build/, options in asconfig.json. A target
// whose inputs have not changed is left alone. The same sources give the same bytes whatever the path of the
// checkout; prints the sha256 of vedette.wasm.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const BUILD = "filter/build";
const STAMP = join(ROOT, BUILD, ".stamp");
const FILTER = "filter/index.ts";
const CORE = "filter/core/index.ts";
const TEST_HOOKS = "filter/test-hooks.ts";

/** Entry files of each target; every one of them must exist. */
const TARGETS = {
  vedette: [FILTER],
  "vedette-scalar": [FILTER],
  "vedette-debug": [FILTER],
  "vedette-test": [FILTER, TEST_HOOKS],
  core: [CORE],
  "core-scalar": [CORE],
};

const sha256 = (content) => createHash("sha256").update(content).digest("hex");
const read = (path) => readFileSync(join(ROOT, path));

/** Sources below a folder, in a fixed order. */
function sources(folder) {
  const names = readdirSync(join(ROOT, folder), { recursive: true }).map((name) => `${folder}/${name}`);
  return names.filter((name) => name.endsWith(".ts") && !name.startsWith(`${BUILD}/`)).sort();
}

/** Hash of everything that the bytes of a target depend on. */
function inputHash(target, entries) {
  const folder = entries.includes(FILTER) ? "filter" : "filter/core";
  const files = [...sources(folder), "filter/asconfig.json", "filter/build.mjs"];
  return sha256([target, asc.version, ...files.flatMap((file) => [file, sha256(read(file))])].join("\n"));
}

/** The test build counts allocations: __new and heap.alloc both end in this function of the runtime. */
function countAllocations(source) {
  const head = "export function __alloc(size: usize): usize {";
  const changed = source.replace(head, `${head}\n  allocations++;`);
  if (changed === source) throw new Error("the runtime's __alloc has another form than build.mjs knows");
  return `${changed}\nexport let allocations: i32 = 0;\n`;
}

async function compile(target, entries) {
  let output;
  const runtime = asc.libraryFiles["rt/stub"];
  if (target === "vedette-test") asc.libraryFiles["rt/stub"] = countAllocations(runtime);
  const config = ["--config", "filter/asconfig.json", "--target", target, "--outFile", `${target}.wasm`];
  const { error, stderr } = await asc.main([...entries, ...config, "--baseDir", ROOT], {
    writeFile: (_name, content) => {
      output = content;
    },
  });
  asc.libraryFiles["rt/stub"] = runtime;
  const text = stderr.toString();
  if (text) process.stderr.write(text);
  if (error || output === undefined) throw error ?? new Error(`no output for ${target}`);
  // Renamed into place, so that a reader never sees half a module.
  const path = join(ROOT, BUILD, `${target}.wasm`);
  writeFileSync(`${path}.${process.pid}`, output);
  renameSync(`${path}.${process.pid}`, path);
  return output;
}

function readStamp() {
  try {
    return JSON.parse(readFileSync(STAMP, "utf8"));
  } catch {
    return {};
  }
}

/** True if the module on disk is what these inputs gave. */
function isCurrent(target, stamp, inputs) {
  const path = join(ROOT, BUILD, `${target}.wasm`);
  return stamp?.inputs === inputs && existsSync(path) && sha256(readFileSync(path)) === stamp.output;
}

async function build() {
  mkdirSync(join(ROOT, BUILD), { recursive: true });
  const stamps = readStamp();
  for (const [target, entries] of Object.entries(TARGETS)) {
    const missing = entries.find((entry) => !existsSync(join(ROOT, entry)));
    if (missing) {
      console.log(`${target}.wasm: not built, ${missing} does not exist`);
      continue;
    }
    const inputs = inputHash(target, entries);
    if (isCurrent(target, stamps[target], inputs)) continue;
    const output = await compile(target, entries);
    stamps[target] = { inputs, output: sha256(output) };
    writeFileSync(STAMP, `${JSON.stringify(stamps, null, 2)}\n`);
    console.log(`${target}.wasm: ${output.length} bytes`);
  }
  if (stamps.vedette) console.log(`sha256 ${stamps.vedette.output}  ${BUILD}/vedette.wasm`);
}

await build().catch((error) => {
  console.error(`build failed: ${error.message}`);
  process.exitCode = 1;
});
