// The rules of the house, as a test: who imports whom, sizes, time and chance only through ports, documents that tell
// the truth.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { codeOf, exists, files, importsOf, read, readmes, sources } from "./tidy/files.ts";
import { functionsOf } from "./tidy/functions.ts";
import { importFault } from "./tidy/imports.ts";

const FILE_LINES_MAX = 300;
const FUNCTION_LINES_MAX = 70;
const LINE_COLUMNS_MAX = 120;
/** So that a run stays readable. */
const FAULTS_TOLD = 30;

const TOP_LEVEL = [
  ...["package.json", "tsconfig.json", "README.md", "filter", "control-plane", "proto", "envoy", "bench", "test"],
  // What tools demand.
  ...["package-lock.json", "biome.json", "buf.yaml", "buf.gen.yaml", ".gitignore", ".npmrc", ".ci"],
];

/** Packages that would run a script at installation; .npmrc turns scripts off, and all of these work without. */
const INSTALL_SCRIPTS = ["@bufbuild/buf", "esbuild", "lmdb", "msgpackr-extract", "protobufjs"];

function none(faults: string[], title: string): void {
  const told = faults.slice(0, FAULTS_TOLD).join("\n  ");
  if (faults.length > 0) throw new Error(`${faults.length} ${title}:\n  ${told}`);
}

/** One fault for each line of code that matches. */
function matches(path: string, pattern: RegExp, text: string): string[] {
  return text.split("\n").flatMap((line, index) => {
    const found = pattern.exec(line);
    return found === null ? [] : [`${path}:${index + 1}: ${found[0].trim()}`];
  });
}

test("nothing stands at the top level but the fixed list", () => {
  const names = new Set(files.map((path) => path.split("/")[0]!));
  const strangers = [...names].filter((name) => !TOP_LEVEL.includes(name) && !name.endsWith(".log"));
  none(strangers, "not in the fixed list");
});

test("files import only what the table allows", () => {
  const faults = sources.flatMap((path) => importsOf(path).map((name) => importFault(path, name)));
  none(
    faults.filter((fault) => fault !== undefined),
    "imports against the table",
  );
});

test("the import table turns away what it must", () => {
  const refused: [string, string][] = [
    ["filter/core/score.ts", "filter/host/abi.ts"],
    ["filter/core/score.ts", "node:fs"],
    ["filter/host/abi.ts", "filter/index.ts"],
    ["control-plane/train/train.ts", "control-plane/store/store.ts"],
    ["control-plane/train/train.ts", "control-plane/gen/vedette/v1/model_pb.ts"],
    ["control-plane/store/store.ts", "control-plane/ingest/ingest.ts"],
    ["control-plane/server/server.ts", "control-plane/store/store.ts"],
    ["control-plane/domain.ts", "control-plane/server/server.ts"],
    ["envoy/binary.ts", "test/host/vm.ts"],
    ["elsewhere/a.ts", "filter/core/a.ts"],
  ];
  for (const [path, name] of refused) assert.ok(importFault(path, name), `${path} may import ${name}`);
  assert.is(importFault("control-plane/ingest/ingest.ts", "control-plane/store/store.ts"), undefined);
});

test("no file, function or line is longer than its bound", () => {
  const faults = sources.flatMap((path) => {
    const source = read(path);
    const lines = source.trimEnd().split("\n");
    const found = lines.length > FILE_LINES_MAX ? [`${path}: ${lines.length} lines`] : [];
    lines.forEach((line, index) => {
      if (line.length > LINE_COLUMNS_MAX) found.push(`${path}:${index + 1}: ${line.length} columns`);
    });
    for (const { line, lines: count, text } of functionsOf(source)) {
      if (count > FUNCTION_LINES_MAX) found.push(`${path}:${line}: ${count} lines: ${text}`);
    }
    return found;
  });
  none(faults, `above ${FILE_LINES_MAX} lines, ${FUNCTION_LINES_MAX} a function, ${LINE_COLUMNS_MAX} columns`);
});

test("functions of every form are measured", () => {
  const source = [
    "function a(): void {",
    "  b(() => {",
    "    c();",
    "  });",
    "}",
    "class D {",
    "  e(f: string): void {",
    "  }",
    "}",
  ];
  assert.equal(
    functionsOf(source.join("\n")).map(({ line, lines }) => [line, lines]),
    [
      [1, 5],
      [2, 3],
      [7, 2],
    ],
  );
});

test("each source opens with a comment, exports by name, and leaves nothing to do", () => {
  const faults = sources.flatMap((path) => {
    const source = read(path);
    const code = codeOf(source);
    return [
      ...(source.startsWith("//") || source.startsWith("/*") ? [] : [`${path}: no comment at its head`]),
      ...matches(path, /\bexport default\b/, code),
      // The entry of a wasm module must export what it is made of.
      ...(path.startsWith("filter/") ? [] : matches(path, /^export \* from/, code)),
      ...matches(path, /\b(TO[D]O|FIX[M]E|X[X]X|HA[C]K)\b/, source),
      ...(/^[a-z0-9.-]+$/.test(path.split("/").at(-1)!) ? [] : [`${path}: not kebab-case`]),
    ];
  });
  none(faults, "against the conventions");
});

test("the control plane takes time, chance and its end only from ports", () => {
  const banned = new RegExp(
    [
      /\b(Date\.now|performance\.now|process\.hrtime|process\.exit)\b|\bnew Date\(\)/,
      /\b(setTimeout|setInterval|setImmediate|Math\.random|getRandomValues|random(Bytes|UUID|Int|FillSync))\b/,
    ]
      .map((pattern) => pattern.source)
      .join("|"),
  );
  const free = ["control-plane/ports/", "control-plane/main.ts"];
  const faults = sources
    .filter((path) => path.startsWith("control-plane/") && !free.some((start) => path.startsWith(start)))
    .flatMap((path) => [
      ...matches(path, banned, codeOf(read(path))),
      ...importsOf(path)
        .filter((name) => /^node:(timers|perf_hooks)/.test(name))
        .map((name) => `${path}: ${name}`),
    ]);
  none(faults, "use control-plane/ports instead");
});

test("the core allocates nothing and throws nothing", () => {
  const banned = /\bthrow\b|\bnew [A-Z]\w*|\b(Map|Set|Array|StaticArray)<|\bString\b|\bheap\.|__new\b|\bMath\./;
  const faults = sources
    .filter((path) => path.startsWith("filter/core/"))
    .flatMap((path) => matches(path, banned, codeOf(read(path))));
  none(faults, "in the core");
});

test("hostcalls are declared in filter/host alone", () => {
  const faults = sources
    .filter((path) => path.startsWith("filter/") && !path.startsWith("filter/host/"))
    .flatMap((path) => matches(path, /@external\b|\bdeclare function\b/, codeOf(read(path))));
  none(faults, "outside filter/host");
});

test("no test file forgets to run", () => {
  const forgotten = sources.filter((path) => path.endsWith(".test.ts") && !/^\w+\.run\(\);$/m.test(read(path)));
  none(forgotten, "no .run()");
});

test("paths that READMEs name exist", () => {
  const faults = readmes.flatMap((readme) => {
    const named = [...read(readme).matchAll(/`([\w.-]+(?:\/[\w.*-]+)*\/?)`|\]\(([^)#:\s]+)\)/g)].map(
      (match) => match[1] ?? match[2]!,
    );
    const paths = named.filter((path) => TOP_LEVEL.includes(path.split("/")[0]!) || /^\.{1,2}\//.test(path));
    return paths.filter((path) => !known(readme, path)).map((path) => `${readme}: ${path}`);
  });
  none(faults, "named, but not there");
});

/** A path from the root or beside the README; a `*` stands for one name; what is built or fetched counts as there. */
function known(readme: string, path: string): boolean {
  if (path.startsWith("filter/build/")) return true;
  if (!path.includes("*")) return exists(path) || exists(`${readme.slice(0, readme.lastIndexOf("/") + 1)}${path}`);
  const pattern = new RegExp(`^${path.replaceAll(".", "\\.").replaceAll("**", ".+").replaceAll("*", "[^/]+")}$`);
  return files.some((file) => pattern.test(file));
}

test("nothing names a machine's own paths", () => {
  const paths = new RegExp(`(^|[\\s"'\`(=])/(${["work", "home", "root", "Users"].join("|")})/\\w`);
  const texts = files.filter((path) => /\.(ts|mjs|json|ya?ml|md|proto|sh)$|^\.ci\//.test(path));
  none(
    texts.flatMap((path) => matches(path, paths, read(path))),
    "machine paths",
  );
});

interface Lock {
  packages: Record<string, { resolved?: string; integrity?: string; hasInstallScript?: boolean }>;
}

test("the lock pins every package by content, names no registry, and lets no unknown script in", () => {
  const lock = JSON.parse(read("package-lock.json")) as Lock;
  const faults = Object.entries(lock.packages).flatMap(([path, entry]) => {
    if (path === "") return [];
    const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
    return [
      ...(entry.integrity === undefined ? [`${path}: no integrity`] : []),
      ...(entry.resolved === undefined ? [] : [`${path}: resolved ${entry.resolved}`]),
      ...(entry.hasInstallScript && !INSTALL_SCRIPTS.includes(name) ? [`${path}: an install script`] : []),
    ];
  });
  none(faults, "in package-lock.json");
  none(matches(".npmrc", /registry *=/, read(".npmrc")), "a registry");
});

test("dependencies have exact versions", () => {
  const manifest = JSON.parse(read("package.json")) as Record<string, Record<string, string>>;
  const versions = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
  none(
    versions.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version)).map(([name, version]) => `${name}: ${version}`),
    "ranges",
  );
});

test("each allowed skip has a reason and names tests that exist", () => {
  const skips = JSON.parse(read("test/skips.json")) as { path: string; most: number; reason: string }[];
  for (const { path, most, reason } of skips) {
    assert.ok(most > 0 && reason.length > 20, path);
    assert.ok(
      files.some((file) => file.startsWith(path) && file.endsWith(".test.ts")),
      `${path}: no such tests`,
    );
  }
});

test.run();
