// The log: JSON lines, the injected time, and only the fields that are allowed.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { createLog, type Fields } from "../../control-plane/log.ts";
import { ManualClock } from "../support/clock.ts";

function logging(level: "debug" | "info" | "silent") {
  const lines: string[] = [];
  const clock = new ManualClock(1000);
  return { log: createLog(level, clock, { write: (line: string) => void lines.push(line) }), lines, clock };
}

test("a line is one JSON object with level, time, event and fields", () => {
  const { log, lines, clock } = logging("info");
  clock.advance(500);
  log.warn("update refused", { target: "shop/cart", version: 7 });
  assert.is(lines.length, 1);
  assert.ok(lines[0]?.endsWith("\n"));
  assert.equal(JSON.parse(lines[0]!), {
    level: "warn",
    timeMs: 1500,
    event: "update refused",
    target: "shop/cart",
    version: 7,
  });
});

test("a field that is not allowed is left out, however it came", () => {
  const { log, lines } = logging("info");
  const headers = { authorization: "Bearer secret", privateKey: "secret", target: "shop/cart" };
  log.info("event", headers as Fields);
  assert.not.match(lines[0]!, "secret");
  assert.match(lines[0]!, "shop/cart");
});

test("text is cut and cannot make a second line", () => {
  const { log, lines } = logging("info");
  log.error("event", { error: `a\n{"level":"info"}\u001b[31m${"x".repeat(5000)}` });
  assert.is(lines[0]?.split("\n").length, 2);
  assert.not.match(lines[0]!, "\u001b");
  assert.is((JSON.parse(lines[0]!) as { error: string }).error.length, 1024);
});

test("the level says what is written", () => {
  const info = logging("info");
  info.log.debug("no");
  info.log.info("yes");
  assert.is(info.lines.length, 1);
  const debug = logging("debug");
  debug.log.debug("yes");
  assert.is(debug.lines.length, 1);
  const silent = logging("silent");
  silent.log.error("no");
  assert.is(silent.lines.length, 0);
});

test.run();
