// `npm start` as a program: what it says and to whom, how it refuses, that it ends what it began, whatever ends it.

import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Operator } from "../../envoy/demo/operator.ts";
import { eventually, withEnvoy } from "./lab.ts";
import { Caller } from "./load.ts";
import { Demo, type EventOf, isAlive, listens, pidsOf, portIn, portsOf, runStart } from "./shop.ts";

const PROTECTED_WITHIN_MS = 60_000;
const OPTIONS = ["--upstream", "--port", "--concurrency", "--data", "--seed", "--json", "--help"];
const EVENTS = ["started", "learning", "model", "protecting", "denied", "stopped"];

const closings: (() => unknown)[] = [];
test.after(async () => {
  for (const close of closings.reverse()) await close();
});

/** Waits until nothing is left of a demo: no process, no listener, no folder. */
async function untilGone(started: EventOf<"started">): Promise<void> {
  await eventually("no process is left", () => !pidsOf(started).some(isAlive));
  await eventually("nothing listens", async () => !(await Promise.all(portsOf(started).map(listens))).includes(true));
  await eventually("the folder is removed", () => !existsSync(started.folder));
}

test("--help tells every option and every event, and starts nothing", async () => {
  const { code, stdout } = await runStart("--help");
  assert.is(code, 0);
  assert.match(stdout, /^Usage: npm start/);
  for (const word of [...OPTIONS, ...EVENTS]) assert.match(stdout, new RegExp(`(^|\\s)${word}\\b`), word);
});

test("an option that is unknown or out of bounds is named, and is a failure", async () => {
  for (const [args, named] of [
    [["--speed", "9"], /^--speed: unknown option/m],
    [["--concurrency", "65"], /^--concurrency: "65" is not an integer from 1 to 64/m],
    [["--upstream", "ftp://127.0.0.1"], /^--upstream: "ftp:\/\/127.0.0.1"/m],
    [["--port", "8080"], /^--port: only with --upstream/m],
  ] as const) {
    const { code, stdout, stderr } = await runStart(...args, "--json");
    assert.is.not(code, 0);
    assert.match(stderr, named);
    assert.is(stdout, "", "nothing on the stream that belongs to events");
  }
});

withEnvoy("--json: only events, in order, protecting within a minute; SIGINT leaves nothing behind", async () => {
  const demo = new Demo();
  closings.push(() => demo.stop());
  const started = await demo.until("started");
  assert.ok(pidsOf(started).every(isAlive));
  assert.is(pidsOf(started).length, 6, "control plane, four workloads, edge");
  const { try: trials, proxies } = await demo.until("protecting");
  assert.ok(demo.timeBetween("started", "protecting") <= PROTECTED_WITHIN_MS);
  console.log(`protecting ${(demo.timeBetween("started", "protecting") / 1000).toFixed(1)} s after started`);

  const attack = trials.find(({ expect }) => expect === 403)!;
  const client = new Caller(portIn(proxies.find(({ name }) => name === "edge")!.open!));
  closings.push(() => client.close());
  const answer = await client.send({ path: attack.url.replace(/^http:\/\/[^/]+/, "") });
  assert.is(answer.status, 403);
  const requestId = /request id (\S+)/.exec(answer.body)![1];
  await eventually("the denial is told", () =>
    demo.events.some((event) => event.event === "denied" && event.requestId === requestId),
  );

  demo.signal("SIGINT");
  assert.is(await demo.ended, 0, "an ordinary end");
  await untilGone(started);
  for (const line of demo.lines) assert.type((JSON.parse(line) as { event: unknown }).event, "string", line);
  const order = demo.events.map(({ event }) => event).filter((event) => event !== "note");
  const first = (name: string) => order.indexOf(name as (typeof order)[number]);
  assert.is(order[0], "started");
  assert.ok(first("learning") < first("model") && first("model") < first("protecting"), order.join(" "));
  assert.is(order.at(-1), "stopped");
  assert.is(order.filter((event) => event === "stopped").length, 1);
  assert.not.ok(order.includes("failed"));
});

withEnvoy("--upstream puts a sidecar before one's own service, sends nothing, and SIGKILL leaves nothing", async () => {
  const received: string[] = [];
  const service = createServer((request, response) => {
    received.push(`${request.method} ${request.url}`);
    response.writeHead(200, { "content-type": "text/plain", "x-service": "mine" }).end("hello");
  });
  await new Promise<void>((resolve) => service.listen(0, "127.0.0.1", resolve));
  closings.push(() => service.close());
  closings.push(() => service.closeAllConnections());

  const demo = new Demo("--upstream", `http://127.0.0.1:${(service.address() as AddressInfo).port}`);
  closings.push(() => demo.stop());
  const started = await demo.until("started");
  const { url, workload, operator: address } = await demo.until("listening");
  const client = new Caller(portIn(url));
  closings.push(() => client.close());
  const operator = new Operator(address);
  closings.push(() => operator.close());

  const answer = await client.send({ path: "/greeting?name=you" });
  assert.equal([answer.status, answer.body, answer.headers["x-service"]], [200, "hello", "mine"]);
  await eventually("the request is counted at the workload", async () => {
    const found = (await operator.workloads()).find(({ name }) => name === `workloads/${workload}`);
    return found?.counts?.seen === 1n && found.counts.responses[1] === 1n;
  });
  assert.equal(received, ["GET /greeting?name=you"], "nobody sends anything else");

  demo.signal("SIGKILL");
  await untilGone(started);
});

test.run();
