// Free ports.

import { createServer } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { freePorts, isFree } from "../../envoy/ports.ts";

test("the ports are different, free, and not of the range that clients get theirs from", async () => {
  const ports = await freePorts(20);
  assert.is(new Set(ports).size, 20);
  assert.ok(ports.every((port) => port >= 10_000 && port < 65_536));
  assert.equal(
    await Promise.all(ports.map(isFree)),
    ports.map(() => true),
  );
});

test("a port that is listened on is not free", async () => {
  const [port] = (await freePorts(1)) as [number];
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  assert.not.ok(await isFree(port));
  await new Promise((resolve) => server.close(resolve));
  assert.ok(await isFree(port));
});

test.run();
