// The table of nodes: bounds, bindings, VMs that come and go.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { BINDING_KEPT_MS, Nodes, VMS_MAX } from "../../../control-plane/server/nodes.ts";
import { ManualClock } from "../../support/clock.ts";

function greeting(node: string, identity = "local", processId = "p1") {
  return { identity, node, processId, targets: ["shop/cart"], filterVersion: "1", configError: "" };
}

test("of a full table the node that is gone longest makes room; connected ones stay", () => {
  const clock = new ManualClock();
  const nodes = new Nodes(clock, 3);
  const streams = ["a", "b", "c"].map((name) => ({ node: nodes.connect(greeting(name), name as never), name }));
  assert.throws(() => nodes.connect(greeting("d"), {}), /3 are connected/);
  for (const name of ["b", "a"]) {
    const found = streams.find((one) => one.name === name)!;
    nodes.disconnect(found.node, "p1", name as never);
  }
  nodes.connect(greeting("d"), {});
  assert.equal(
    nodes.list().map((node) => node.name),
    ["a", "c", "d"],
  );
});

test("an older stream that ends late does not disconnect its process", () => {
  const nodes = new Nodes(new ManualClock());
  const [older, newer] = [{}, {}];
  const node = nodes.connect(greeting("a"), older);
  nodes.connect(greeting("a"), newer);
  nodes.disconnect(node, "p1", older);
  assert.is(node.processes.size, 1);
  nodes.disconnect(node, "p1", newer);
  assert.is(node.processes.size, 0);
});

test("a binding outlives a disconnect by ten minutes", () => {
  const clock = new ManualClock();
  const nodes = new Nodes(clock);
  const stream = {};
  const node = nodes.connect(greeting("a", "spiffe://one"), stream);
  assert.throws(() => nodes.connect(greeting("a", "spiffe://two"), {}), /bound to another identity/);
  nodes.disconnect(node, "p1", stream);
  clock.advance(BINDING_KEPT_MS - 1);
  assert.throws(() => nodes.connect(greeting("a", "spiffe://two"), {}), /bound to another identity/);
  clock.advance(1);
  assert.is(nodes.connect(greeting("a", "spiffe://two"), {}).identity, "spiffe://two");
});

test("a node keeps 64 VMs; the quietest goes", () => {
  const clock = new ManualClock();
  const nodes = new Nodes(clock);
  const node = nodes.connect(greeting("a"), {});
  for (let i = 0; i <= VMS_MAX; i++) {
    clock.advance(1);
    nodes.vm(node, `vm${i}`, "p1");
  }
  assert.is(node.vms.size, VMS_MAX);
  assert.not.ok(node.vms.has("vm0"));
  assert.ok(node.vms.has(`vm${VMS_MAX}`));
});

test("VMs of a process that is no more are forgotten when another says hello", () => {
  const nodes = new Nodes(new ManualClock());
  const stream = {};
  const node = nodes.connect(greeting("a", "local", "p1"), stream);
  nodes.vm(node, "vm1", "p1");
  nodes.disconnect(node, "p1", stream);
  nodes.connect(greeting("a", "local", "p2"), {});
  assert.is(node.vms.size, 0);
});

test("a VM that is quiet beside a live stream is forgotten, one without a stream is kept", () => {
  const clock = new ManualClock();
  const nodes = new Nodes(clock);
  const stream = {};
  const node = nodes.connect(greeting("a"), stream);
  nodes.vm(node, "old", "p1");
  clock.advance(100);
  nodes.vm(node, "new", "p1");
  nodes.sweep(50);
  assert.equal([...node.vms.keys()], ["new"]);
  nodes.disconnect(node, "p1", stream);
  clock.advance(100);
  nodes.sweep(50);
  assert.equal([...node.vms.keys()], ["new"]);
});

test("connectedTo names nodes with a stream for the target only", () => {
  const nodes = new Nodes(new ManualClock());
  const stream = {};
  nodes.connect(greeting("b"), {});
  const gone = nodes.connect(greeting("a"), stream);
  nodes.disconnect(gone, "p1", stream);
  assert.equal(nodes.connectedTo("shop/cart"), ["b"]);
  assert.equal(nodes.connectedTo("shop/other"), []);
});

test.run();
