// What people are told to try.

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { curlLine, send, trials } from "../../envoy/demo/attacks.ts";

test("there are normal requests that pass and at least five attacks that are denied", () => {
  const all = trials(8080);
  assert.ok(all.filter(({ expect }) => expect === 200).length >= 1);
  assert.ok(all.filter(({ expect }) => expect === 403).length >= 5);
  assert.ok(all.every(({ url }) => url.startsWith("http://127.0.0.1:8080/")));
});

test("a curl line survives a shell: quotes, headers and bodies", () => {
  const trial = {
    title: "t",
    method: "POST",
    url: "http://h/a?b='c'",
    headers: { "x-a": "it's" },
    body: "{'d'}",
    expect: 403,
  };
  assert.is(
    curlLine(trial),
    "curl -i --path-as-is --globoff -X POST -H 'x-a: it'\\''s' --data-raw '{'\\''d'\\''}' 'http://h/a?b='\\''c'\\'''",
  );
});

test("a trial is sent byte for byte, dots and escapes included", async () => {
  let seen = "";
  const server = createServer((request, response) => {
    seen = `${request.method} ${request.url}`;
    response.writeHead(418).end("x");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const trial = { title: "t", method: "GET", headers: {}, body: "", expect: 418 };
  const status = await send({ ...trial, url: `http://127.0.0.1:${port}/a/../b/..%2f?c=%2527` });
  await new Promise((resolve) => server.close(resolve));
  assert.is(status, 418);
  assert.is(seen, "GET /a/../b/..%2f?c=%2527");
  assert.is(await send({ ...trial, url: `http://127.0.0.1:${port}/` }), 0, "nobody there is no status");
});

test.run();
