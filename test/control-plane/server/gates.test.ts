// When a stream is read and when it is not.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Gates } from "../../../control-plane/server/gates.ts";

function counted() {
  const calls: string[] = [];
  return { calls, gates: new Gates({ pause: () => calls.push("pause"), resume: () => calls.push("resume") }) };
}

test("a stream is read again when the last reason is gone", () => {
  const { calls, gates } = counted();
  gates.close("intake");
  gates.close("output");
  gates.open("intake");
  assert.not.ok(calls.includes("resume"));
  gates.open("output");
  assert.is(calls.at(-1), "resume");
});

test("a reason that is not there cannot go", () => {
  const { calls, gates } = counted();
  gates.open("output");
  gates.close("intake");
  gates.open("output");
  assert.equal(calls, ["pause"]);
});

test("only what is slow on our side excuses silence", () => {
  const { gates } = counted();
  gates.close("output");
  assert.not.ok(gates.own);
  for (const gate of ["opening", "intake", "finishing"] as const) {
    gates.close(gate);
    assert.ok(gates.own, gate);
    gates.open(gate);
    assert.not.ok(gates.own);
  }
});

test.run();
