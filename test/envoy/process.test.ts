// Child processes of the real operating system: their output, their end, and that none outlives this process, however
// it ends.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Child, waitFor } from "../../envoy/process.ts";

let folder = "";
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), "vedette-process-"));
});
test.after(() => rm(folder, { recursive: true, force: true }));

let number = 0;
function shell(text: string): Child {
  number += 1;
  return new Child({ name: "child", command: "/bin/sh", args: ["-c", text], logFile: join(folder, `${number}.log`) });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test("all that a child writes is kept, and its exit code told", async () => {
  const child = shell("echo one; echo two >&2; exit 3");
  assert.is(await child.ended, 3);
  assert.is(child.output(), "one\ntwo\n");
  assert.not.ok(child.running);
  assert.not.ok(child.signal("SIGTERM"), "a signal to a child that has ended is not sent");
});

test("a child that does not listen to SIGTERM is killed after the grace", async () => {
  const child = shell("trap '' TERM; echo up; while :; do sleep 0.05; done");
  await child.until("up", () => child.output().includes("up"));
  await child.stop(100);
  assert.is(await child.ended, "SIGKILL");
});

test("waiting for a child that ends instead tells what it said last", async () => {
  const child = shell("echo 'port 80: permission denied'; exit 1");
  const error = await child.until("it listens", () => false).catch((caught: Error) => caught);
  assert.instance(error, Error);
  assert.match((error as Error).message, /child ended \(1\) before it listens:\nport 80: permission denied/);
});

test("a program that does not exist ends with the error's text", async () => {
  const child = new Child({ name: "none", command: join(folder, "none"), args: [], logFile: join(folder, "none.log") });
  assert.match(String(await child.ended), "ENOENT");
});

test("a condition that never holds is named when the time is up", async () => {
  const error = await waitFor("the moon", () => false, 60).catch((caught: Error) => caught);
  assert.is((error as Error).message, "the moon: not within 60 ms");
});

for (const end of ["SIGKILL", "exit"] as const) {
  test(`when the parent ends by ${end}, so do its children, and a killed one's folder goes`, async () => {
    const module = pathToFileURL(resolve(import.meta.dirname, "../../envoy/process.ts"));
    const scratch = await mkdtemp(join(folder, "scratch-"));
    const source = `
      const { Child, removeIfKilled } = await import(${JSON.stringify(module.href)});
      removeIfKilled(${JSON.stringify(scratch)});
      const logFile = ${JSON.stringify(join(folder, `${end}.log`))};
      const child = new Child({ name: "c", command: "/bin/sleep", args: ["600"], logFile });
      console.log(child.pid);
      process.stdin.on("end", () => process.exit(0)).resume();`;
    const parent = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "--eval", source], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const [line] = (await once(parent.stdout, "data")) as [Buffer];
    const pid = Number(line);
    assert.ok(isAlive(pid));
    if (end === "SIGKILL") parent.kill("SIGKILL");
    else parent.stdin.end();
    await once(parent, "exit");
    await waitFor("the child's end", () => !isAlive(pid), 10_000);
    await waitFor("the folder's end", () => !existsSync(scratch), 10_000);
  });
}

test.run();
