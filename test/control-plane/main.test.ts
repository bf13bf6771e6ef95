// The process itself: starts on an empty folder, stops when asked, and says why it does not start.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { OperatorService } from "../../control-plane/gen/vedette/v1/operator_pb.ts";
import { TestClient } from "../support/grpc-client.ts";

const MAIN = fileURLToPath(new URL("../../control-plane/main.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "vedette-main-"));
const ADDRESSES = {
  VEDETTE_SIDECAR_ADDRESS: "127.0.0.1:0",
  VEDETTE_OPERATOR_ADDRESS: "127.0.0.1:0",
  VEDETTE_HTTP_ADDRESS: "127.0.0.1:0",
  VEDETTE_SIDECAR_IDENTITY: "none",
  VEDETTE_OPERATOR_IDENTITY: "none",
};

test.after(() => rmSync(folder, { recursive: true, force: true }));

type Line = Record<string, unknown>;

/** Runs it to its end; `onLine` may signal it. */
async function run(settings: Record<string, string>, onLine: (line: Line, kill: () => void) => void = () => undefined) {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("VEDETTE_"));
  const env = { ...Object.fromEntries(inherited), ...ADDRESSES, VEDETTE_DATA_DIRECTORY: folder, ...settings };
  const child = spawn(process.execPath, ["--import", "tsx", MAIN], { env, stdio: ["ignore", "pipe", "pipe"] });
  const lines: Line[] = [];
  createInterface(child.stdout).on("line", (text) => {
    const line = JSON.parse(text) as Line;
    lines.push(line);
    onLine(line, () => child.kill("SIGTERM"));
  });
  let stderr = "";
  child.stderr.on("data", (bytes: Buffer) => {
    stderr += bytes.toString();
  });
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { code, lines, stderr };
}

test("it starts, says where it listens, and stops when asked", async () => {
  const { code, lines, stderr } = await run({}, (line, kill) => {
    if (line.event === "started") kill();
  });
  assert.is(code, 0, stderr);
  const started = lines.find((line) => line.event === "started");
  assert.match(String(started?.detail), /"operator":"127\.0\.0\.1:\d+"/);
  assert.is(started?.epoch, 1);
  assert.is(lines.at(-1)?.event, "stopped");
  const warned = lines.filter(({ level, event }) => level === "warn" && String(event).includes("WITHOUT IDENTITY"));
  assert.equal(
    warned.map(({ listener }) => listener),
    ["sidecar", "operator"],
  );
  assert.is(stderr, "");
});

test("it starts again where it was", async () => {
  const { code, lines } = await run({}, (line, kill) => {
    if (line.event === "started") kill();
  });
  assert.is(code, 0);
  assert.is(lines.find((line) => line.event === "started")?.epoch, 2);
});

test("a configuration that is refused is told key by key, with code 2", async () => {
  const { code, lines } = await run({ VEDETTE_PULSE_MS: "1", VEDETTE_TYPO: "x" });
  assert.is(code, 2);
  assert.equal(
    lines.map((line) => line.detail),
    ["VEDETTE_TYPO: no such key", 'VEDETTE_PULSE_MS: "1", must be 500 to 60,000'],
  );
});

test("an operator listener for everybody is refused", async () => {
  const { code, lines } = await run({ VEDETTE_OPERATOR_ADDRESS: "0.0.0.0:0" });
  assert.is(code, 2);
  assert.match(String(lines[0]?.detail), /VEDETTE_OPERATOR_ADDRESS: 0\.0\.0\.0:0, must be loopback/);
});

test("without identity it starts only where that was asked for", async () => {
  const { code, lines } = await run({ VEDETTE_SIDECAR_IDENTITY: "mtls", VEDETTE_OPERATOR_IDENTITY: "required" });
  assert.is(code, 2);
  assert.equal(
    lines.map(({ detail }) => String(detail).split(",")[0]),
    ["VEDETTE_SIDECAR_IDENTITY: mtls", "VEDETTE_OPERATOR_IDENTITY: required"],
  );
});

/** `verify` to its end. */
async function verify(): Promise<{ code: number | null; text: string }> {
  const env = { PATH: process.env.PATH, VEDETTE_DATA_DIRECTORY: folder };
  const child = spawn(process.execPath, ["--import", "tsx", MAIN, "verify"], { env });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (bytes: Buffer) => {
      text += bytes.toString();
    });
  }
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { code, text };
}

test("verify walks the audit trail beside the process that writes it, whose log tells the same head", async () => {
  const told: { code: number | null; text: string }[] = [];
  const { lines } = await run({}, (line, kill) => {
    if (line.event !== "started") return;
    const client = new TestClient((JSON.parse(String(line.detail)) as { operator: string }).operator);
    const ban = { identity: "spiffe://cluster.local/ns/a/sa/b", reason: "test" };
    void client.unary(OperatorService.method.createBan, { ban }).then(async () => {
      told.push(await verify());
      client.close();
      kill();
    });
  });
  const head = lines.find(({ event }) => event === "audit head")!;
  const known = `${String(head.count)}:${String(head.detail)}`;
  assert.equal(told, [{ code: 0, text: `audit: 1 to 1 are whole, head ${known}\n` }]);
});

test("what keeps it from starting is told, with code 1", async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const { port } = taken.address() as { port: number };
  const { code, lines } = await run({ VEDETTE_HTTP_ADDRESS: `127.0.0.1:${port}` });
  taken.close();
  assert.is(code, 1);
  assert.is(lines.at(-1)?.event, "cannot start");
  assert.match(String(lines.at(-1)?.error), /EADDRINUSE/);
});

test.run();
