// The demo's events in words.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { type DemoEvent, JsonReporter } from "../../envoy/demo/events.ts";
import { TerminalReporter } from "../../envoy/demo/terminal.ts";

const learning = (learnt: number, confidence = "learning"): DemoEvent => ({
  event: "learning",
  workload: "shop/web",
  confidence,
  detail: "800 requests are missing",
  mode: "learn",
  seen: learnt + 5,
  learnt,
  scored: 0,
  callers: 3,
  nodes: 1,
});
const denied: DemoEvent = {
  event: "denied",
  time: "2026-11-24T12:00:00.000Z",
  workload: "shop/web",
  verdict: "deny",
  caller: "spiffe://cluster.local/ns/shop/sa/\x1b[31medge",
  route: "GET /search",
  reason: "query parameter q: quotes",
  requestId: "r-1",
  node: "web-0.shop",
};

function terminal(columns: number): { reporter: TerminalReporter; text: () => string } {
  let text = "";
  const write = (more: string) => {
    text += more;
  };
  const reporter = new TerminalReporter({ write, columns: () => columns, color: false });
  return { reporter, text: () => text };
}

test("without a terminal, progress is a line whenever a workload's state changes", () => {
  const { reporter, text } = terminal(0);
  for (const event of [learning(10), learning(20), learning(900, "confident")]) reporter.tell(event);
  assert.equal(text().trimEnd().split("\n"), [
    "learning shop/web: learning, mode learn, 10 learnt, 800 requests are missing",
    "learning shop/web: confident, mode learn, 900 learnt, 800 requests are missing",
  ]);
});

test("on a terminal, progress is one line that is written over and never longer than the screen", () => {
  const { reporter, text } = terminal(30);
  reporter.tell(learning(10));
  reporter.tell(learning(1_234));
  const [, , last = ""] = text().split("\r\x1b[2K");
  assert.is(last, "web learning 1,234 learnt, 0…");
  reporter.tell({ event: "note", message: "a note" });
  assert.ok(text().includes("\r\x1b[2Ka note\nweb learning"), "lines that stay come above it");
});

test("a denial says who, what, why and under which id, and shows control characters instead of obeying them", () => {
  const { reporter, text } = terminal(0);
  reporter.tell(denied);
  assert.match(text(), "denied   shop/web GET /search");
  assert.match(text(), "from spiffe://cluster.local/ns/shop/sa/\\x1b[31medge, request r-1");
  assert.match(text(), "query parameter q: quotes");
  assert.not.ok(text().includes("\x1b"));
});

test("protecting prints lines to paste, and what did not behave is said and not promised", () => {
  const { reporter, text } = terminal(0);
  const trial = { method: "GET", headers: {}, body: "" };
  reporter.tell({
    event: "protecting",
    afterMs: 31_400,
    workloads: ["shop/web"],
    try: [
      { ...trial, title: "a search", url: "http://127.0.0.1:1/search?q=a", expect: 200 },
      { ...trial, title: "SQL injection", url: "http://127.0.0.1:1/search?q=%27", expect: 403 },
    ],
    notYet: [{ title: "XSS", url: "http://127.0.0.1:1/x", expected: 403, got: 200 }],
    proxies: [],
    admin: {},
    operator: "127.0.0.1:2",
    metrics: "http://127.0.0.1:3/metrics",
    accessLogs: { web: "/logs/web" },
  });
  assert.match(text(), "31.4 s after the start");
  assert.match(text(), "  curl -i --path-as-is --globoff 'http://127.0.0.1:1/search?q=%27'");
  assert.match(text(), "not shown: XSS was answered 200 instead of 403");
  assert.match(text(), "access log of web: /logs/web");
});

test("as JSON, an event is one line", () => {
  const lines: string[] = [];
  new JsonReporter((line) => lines.push(line)).tell(denied);
  assert.is(lines.length, 1);
  assert.ok(lines[0]!.endsWith("}\n"));
  assert.equal(JSON.parse(lines[0]!), denied);
});

test.run();
