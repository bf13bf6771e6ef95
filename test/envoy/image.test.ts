// The image of the control plane, without a container engine: what the Containerfile copies is enough to run what it
// starts.

import { spawn } from "node:child_process";
import { cp, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { test } from "uvu";
import * as assert from "uvu/assert";

const ROOT = resolve(import.meta.dirname, "..", "..");
const TEXT = await readFile(join(ROOT, "envoy", "helm", "Containerfile"), "utf8");

/** The last stage, as instructions. */
function lastStage(): string[][] {
  const instructions = TEXT.split("\n").filter((line) => /^[A-Z]/.test(line));
  const start = instructions.findLastIndex((line) => line.startsWith("FROM "));
  return instructions.slice(start).map((line) => line.split(" "));
}

/** Copies what the last stage does; `node_modules` becomes a link. */
async function assemble(folder: string): Promise<void> {
  for (const [instruction, ...words] of lastStage()) {
    if (instruction !== "COPY") continue;
    const names = words.filter((word) => !word.startsWith("--"));
    const to = names.pop()!;
    for (const name of names) {
      const path = name.replace(/^\/vedette\//, "");
      const target = join(folder, to === "./" ? path : to);
      if (path === "node_modules") await symlink(join(ROOT, path), target);
      else await cp(join(ROOT, path), target, { recursive: true });
    }
  }
}

test("what the image holds runs the control plane", async () => {
  const folder = await mkdtemp(join(tmpdir(), "vedette-image-"));
  try {
    await assemble(folder);
    const entry = JSON.parse(lastStage().at(-1)!.slice(1).join(" ")) as string[];
    assert.is(entry[0], "node");
    const ports = ["SIDECAR", "OPERATOR", "HTTP"].map((name) => [`VEDETTE_${name}_ADDRESS`, "127.0.0.1:0"]);
    const open = { VEDETTE_SIDECAR_IDENTITY: "none", VEDETTE_OPERATOR_IDENTITY: "none" };
    const env = { PATH: dirname(process.execPath), VEDETTE_DATA_DIRECTORY: join(folder, "data"), ...open };
    const child = spawn(process.execPath, entry.slice(1), {
      cwd: folder,
      env: { ...env, ...Object.fromEntries(ports) },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const events: unknown[] = [];
    createInterface(child.stdout).on("line", (line) => {
      const { event } = JSON.parse(line) as { event: unknown };
      events.push(event);
      if (event === "started") child.kill("SIGTERM");
    });
    const code = await new Promise((done) => child.on("close", done));
    assert.ok(events.includes("started"), JSON.stringify(events));
    assert.is(code, 0);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("it runs as a user without rights", () => {
  const user = lastStage().find(([instruction]) => instruction === "USER");
  assert.equal(user, ["USER", "65532:65532"]);
});

test.run();
