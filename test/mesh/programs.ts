// The programs of a mesh, built from the Go module proxy once and kept in the ignored folder .cache/: Kubernetes' API
// server, etcd, istiod, Istio's agent and istioctl, Helm; and the files that come with them. Versions are pinned;
// another version is another folder. The first time takes about 15 minutes of two cores, later ones nothing.

import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access, copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { sha256 } from "../../envoy/oci.ts";

const CACHE = resolve(import.meta.dirname, "..", "..", ".cache");
const BUILD_TIMEOUT_MS = 3_600_000;
/** Versions of the Go modules; the istio one is of the 1.32 line and knows WasmPlugin and TrafficExtension. */
const VERSIONS = {
  "k8s.io/kubernetes": "v1.37.2",
  "go.etcd.io/etcd/server/v3": "v3.7.3",
  "istio.io/istio": "v0.0.0-20260827124520-eed52ebb66ad",
  "helm.sh/helm/v4": "v4.3.1",
  "github.com/prometheus-operator/prometheus-operator": "v0.85.0",
  "github.com/cert-manager/cert-manager": "v1.21.2",
} as const;
type Module = keyof typeof VERSIONS;
/** Version of Kubernetes' staging modules, which its own go.mod leaves open. */
const STAGING = "v0.37.2";

const SOURCES = {
  "kube-apiserver": ["k8s.io/kubernetes", "cmd/kube-apiserver"],
  etcd: ["go.etcd.io/etcd/server/v3", ""],
  "pilot-discovery": ["istio.io/istio", "pilot/cmd/pilot-discovery"],
  "pilot-agent": ["istio.io/istio", "pilot/cmd/pilot-agent"],
  istioctl: ["istio.io/istio", "istioctl/cmd/istioctl"],
  helm: ["helm.sh/helm/v4", "cmd/helm"],
} as const satisfies Record<string, readonly [Module, string]>;
export type Program = keyof typeof SOURCES;

const FILES = {
  "istio-crds.yaml": ["istio.io/istio", "manifests/charts/base/files/crd-all.gen.yaml"],
  "envoy_bootstrap.json": ["istio.io/istio", "tools/packaging/common/envoy_bootstrap.json"],
  "pod-monitor-crd.yaml": [
    "github.com/prometheus-operator/prometheus-operator",
    "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml",
  ],
  "certificate-crd.yaml": ["github.com/cert-manager/cert-manager", "deploy/crds/cert-manager.io_certificates.yaml"],
} as const satisfies Record<string, readonly [Module, string]>;
export type ProgramFile = keyof typeof FILES;

/** Where Istio's agent keeps modules; no setting moves it. */
const AGENT_DATA = "/var/lib/istio/data";

const HOME = join(CACHE, `mesh-${sha256(JSON.stringify([VERSIONS, SOURCES, FILES])).slice(0, 12)}`);
const execute = promisify(execFile);

/** Path of a program; `prepare` must have made it. */
export function program(name: Program): string {
  return join(HOME, name);
}

export function programFile(name: ProgramFile): string {
  return join(HOME, name);
}

/** Whether everything is there already. */
async function isPrepared(): Promise<boolean> {
  const paths = [...Object.keys(SOURCES), ...Object.keys(FILES)].map((name) => join(HOME, name));
  return (await Promise.all(paths.map(isThere))).every(Boolean);
}

/** Why the mesh cannot be run here; undefined where it can. Makes the agent's folder. */
export async function obstacle(): Promise<string | undefined> {
  if (process.platform !== "linux") return `the mesh is tested on Linux, this is ${process.platform}`;
  const denied = await mkdir(AGENT_DATA, { recursive: true }).catch((error: Error) => error);
  if (denied instanceof Error) return `Istio's agent needs ${AGENT_DATA}: ${denied.message}`;
  if (await isPrepared()) return undefined;
  const version = await execute("go", ["version"]).catch(() => undefined);
  if (!version) return "Go is not on the PATH, and the mesh's programs are built with it";
  const [, major, minor] = /go(\d+)\.(\d+)/.exec(version.stdout) ?? [];
  return Number(major) > 1 || Number(minor) >= 26 ? undefined : `Go ${major}.${minor}: at least 1.26 is needed`;
}

/** Builds and copies what is missing. */
export async function prepare(log: (line: string) => void): Promise<void> {
  await mkdir(HOME, { recursive: true });
  for (const [name, [module, path]] of Object.entries(FILES)) {
    if (!(await isThere(join(HOME, name)))) await copyFile(join(await directoryOf(module), path), join(HOME, name));
  }
  for (const [name, [module, path]] of Object.entries(SOURCES)) {
    if (await isThere(join(HOME, name))) continue;
    const startedAt = performance.now();
    log(`building ${name} ...`);
    await build(name, module, path === "" ? module : `${module}/${path}`);
    log(`built ${name} in ${Math.round((performance.now() - startedAt) / 1000)} s`);
  }
}

/** Builds one package of a module of its own, so that no program's versions reach another's. */
async function build(name: string, module: Module, path: string): Promise<void> {
  const folder = await mkdtemp(join(CACHE, "building-"));
  const go = (...args: string[]) => run(folder, "go", args);
  try {
    await writeFile(join(folder, "go.mod"), `module mesh\n\ngo 1.26\n`);
    for (const replace of module === "k8s.io/kubernetes" ? await stagingReplaces() : [])
      await go("mod", "edit", replace);
    await go("get", "-tool", `${path}@${VERSIONS[module]}`);
    // Low priority: whoever works beside this should not notice.
    await run(folder, "nice", ["go", "build", "-ldflags", linkerFlags(module), "-o", "program", path]);
    await rename(join(folder, "program"), join(HOME, name));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Without symbols; an API server says its version, which charts ask for, only if the linker was told. */
function linkerFlags(module: Module): string {
  if (module !== "k8s.io/kubernetes") return "-s -w";
  const version = VERSIONS[module];
  const [major, minor] = version.slice(1).split(".");
  const values = { gitVersion: version, gitMajor: major, gitMinor: minor };
  const set = Object.entries(values).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`);
  return ["-s", "-w", ...set].join(" ");
}

async function stagingReplaces(): Promise<string[]> {
  const text = await readFile(join(await directoryOf("k8s.io/kubernetes"), "go.mod"), "utf8");
  const names = [...text.matchAll(/^\s*(k8s\.io\/[\w./-]+) v0\.0\.0$/gm)].map((match) => match[1]!);
  return names.map((name) => `-replace=${name}=${name}@${STAGING}`);
}

/** Where the module cache has a module, fetched first where it has not. */
async function directoryOf(module: Module): Promise<string> {
  const { stdout } = await run(CACHE, "go", ["mod", "download", "-json", `${module}@${VERSIONS[module]}`]);
  return (JSON.parse(stdout) as { Dir: string }).Dir;
}

async function run(cwd: string, command: string, args: string[]): Promise<{ stdout: string }> {
  // What go.mod of a dependency says of toolchains must not make Go fetch one.
  const env = { ...process.env, GOTOOLCHAIN: "local", GOFLAGS: "-mod=mod", GO111MODULE: "on" };
  return await execute(command, args, { cwd, env, timeout: BUILD_TIMEOUT_MS, maxBuffer: 64 << 20 }).catch((error) => {
    const said = String((error as { stderr?: string }).stderr ?? "").trim();
    throw new Error(`${command} ${args.join(" ")} failed:\n${said.split("\n").slice(-10).join("\n")}`);
  });
}

async function isThere(path: string): Promise<boolean> {
  return await access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
}
