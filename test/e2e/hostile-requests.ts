// Requests that nobody means well with, or that no client library would send: raw bytes of HTTP/1.1, and headers of
// HTTP/2.

import type { OutgoingHttpHeaders } from "node:http2";

export interface Hostile {
  title: string;
  bytes: Buffer;
}

const KIB = 1024;
const HOST = "Host: shop.example";

/** Everything up to the headers of one's own. Latin-1: each character is a byte. */
function request(title: string, line: string, headers: string[] = [], body = ""): Hostile {
  const head = [line, HOST, "Connection: close", ...headers].join("\r\n");
  return { title, bytes: Buffer.from(`${head}\r\n\r\n${body}`, "latin1") };
}

const get = (title: string, target: string, ...headers: string[]) => request(title, `GET ${target} HTTP/1.1`, headers);
const many = (count: number, value = "v") => Array.from({ length: count }, (_, i) => `X-H-${i}: ${value}`);

/** Envoy takes 60 KiB of request line and headers together. */
const LONG = 58 * KIB;

const LARGE: Hostile[] = [
  get("a path of 58 KiB", `/${"a".repeat(LONG)}`),
  get("a path of slashes", "/".repeat(LONG)),
  get("a path of dots", `/${"../".repeat(LONG / 3)}`),
  get("a query of parameters", `/?${"a=b&".repeat(LONG / 4)}`),
  get("a query of names alone", `/?${"&".repeat(LONG)}`),
  get("a query of escapes", `/?a=${"%25".repeat(LONG / 3)}`),
  get("a query of broken escapes", `/?a=${"%".repeat(LONG)}`),
  get("a header of 58 KiB", "/", `X-Long: ${"y".repeat(LONG)}`),
  get("a cookie of 58 KiB", "/", `Cookie: ${"a=b; ".repeat(LONG / 5)}`),
  get("a client certificate header of 58 KiB", "/", `X-Forwarded-Client-Cert: ${'URI="\\",'.repeat(LONG / 8)}`),
  get("an attempt count of 58 KiB", "/", `X-Envoy-Attempt-Count: ${"9".repeat(LONG)}`),
  get("90 headers", "/", ...many(90)),
  get("500 headers", "/", ...many(500)),
  get("550 headers that fill what is let through", "/", ...many(550, "w".repeat(85))),
  get("more headers than are let through", "/", ...many(700)),
  get("a longer path than is let through", `/${"a".repeat(64 * KIB)}`),
  get("a longer header than is let through", "/", `X-Long: ${"y".repeat(64 * KIB)}`),
];

const TARGETS: Hostile[] = [
  get("invalid escapes", "/%zz/%1/%?%=%&%%%25%2"),
  get("an escaped NUL", "/a%00b?c%00=%00"),
  get("escapes of escapes", "/%252e%252e%252f?a=%25252e"),
  get("a NUL", "/a\0b?\0=\0"),
  get("control bytes", "/\x01\x1f\x7f?\x0b=\x08"),
  get("high bytes", "/\x80\xff\xc0\xaf?\xfe=\xed\xa0\x80"),
  get("UTF-8 as it is", "/k\xc3\xb6ln?q=\xe2\x82\xac"),
  get("a tab", "/a\tb"),
  get("a fragment", "/a?b=c#d/../e"),
  get("an absolute form", "http://shop.example/a/./../b?c=d"),
  get("an absolute form with a user and another host", "http://user:pass@other.example:80//a?b#c"),
  get("an absolute form without a path", "http://shop.example"),
  get("an absolute form with a query alone", "http://shop.example?a=b"),
  get("an unknown scheme", "gopher://shop.example/a"),
  get("a query alone", "?a=b"),
  get("no slash", "a/b"),
  get("a backslash", "\\..\\a"),
  get("an empty target", ""),
  get("a star", "*"),
  request("OPTIONS of a star", "OPTIONS * HTTP/1.1"),
  request("CONNECT", "CONNECT shop.example:443 HTTP/1.1"),
  get("a query of separators", "/?&&==&=&;;=;a;b=&"),
  get("two queries", "/a?b?c=?d"),
];

const HEADERS: Hostile[] = [
  get("request ids", "/", "X-Request-Id: a", "X-Request-Id: b", `X-Request-Id: ${"c".repeat(KIB)}`),
  get("cookies", "/", "Cookie: a=1", "Cookie: b=2", "Cookie: ;;=;"),
  get("content types", "/", "Content-Type: application/grpc", "Content-Type: text/plain"),
  get("hosts", "/", HOST, "Host: other.example"),
  get("client certificates", "/", 'X-Forwarded-Client-Cert: URI="', "X-Forwarded-Client-Cert: ,;=,;="),
  get("empty values", "/", "X-Empty:", "Content-Type:", "X-Request-Id:", "X-Envoy-Attempt-Count: "),
  get("high bytes in values", "/", "X-High: \x80\xff", "X-Request-Id: \xc3\xb6", "Cookie: \xfe"),
  get("a NUL in a value", "/", "X-Nul: a\0b"),
  get("a name with a space", "/", "X Space: a"),
  get("an attempt count that is none", "/", "X-Envoy-Attempt-Count: -1x"),
  get("gRPC that is none", "/", "Content-Type: application/grpc-web-text+x"),
  request("a POST that says gRPC", "POST /a HTTP/1.1", ["Content-Type: application/grpc", "Content-Length: 3"], "abc"),
  request("two lengths", "POST /a HTTP/1.1", ["Content-Length: 3", "Content-Length: 4"], "abcd"),
  request("a length and chunks", "POST /a HTTP/1.1", ["Content-Length: 3", "Transfer-Encoding: chunked"], "0\r\n\r\n"),
  request("chunks", "POST /a HTTP/1.1", ["Transfer-Encoding: chunked"], "3\r\nabc\r\n0\r\nX-Trailer: a\r\n\r\n"),
  request("a method that is none", "G'T\"; / HTTP/1.1"),
  request("an unknown method", "PROPFIND /a HTTP/1.1"),
  request("a lower-case method", "get /a HTTP/1.1"),
  request("a method of 1 KiB", `${"A".repeat(KIB)} / HTTP/1.1`),
  request("TRACE", "TRACE /a HTTP/1.1"),
  request("HEAD", "HEAD /a HTTP/1.1"),
  request("HTTP/1.0", "GET /a HTTP/1.0"),
  get("an upgrade to nothing known", "/", "Upgrade: \xff"),
];

/** Each ends its connection, or is ended by Envoy. */
export const HOSTILE_HTTP1: readonly Hostile[] = [
  ...LARGE,
  ...TARGETS,
  ...HEADERS,
  { title: "no host", bytes: Buffer.from("GET / HTTP/1.1\r\nConnection: close\r\n\r\n") },
  { title: "HTTP/0.9", bytes: Buffer.from("GET /\r\n\r\n") },
  { title: "no HTTP", bytes: Buffer.from("\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n", "latin1") },
];

const manyOf = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`x-h-${i}`, "v"]));

export const HOSTILE_HTTP2: readonly { title: string; headers: OutgoingHttpHeaders }[] = (
  [
    ["90 headers", manyOf(90)],
    ["500 headers", manyOf(500)],
    ["more headers than are let through", manyOf(700)],
    ["a path of 50 KiB", { ":path": `/${"a".repeat(50 * KIB)}` }],
    ["a query of parameters", { ":path": `/?${"a=b&".repeat(12 * KIB)}` }],
    ["a header of 50 KiB", { "x-long": "y".repeat(50 * KIB) }],
    ["invalid escapes", { ":path": "/%zz/%1/%?%=%&%%%25%2" }],
    ["an escaped NUL", { ":path": "/a%00b?c%00=%00" }],
    ["high bytes", { ":path": "/\x80\xff?\xfe=\xed" }],
    ["a NUL", { ":path": "/a\0b" }],
    ["a space", { ":path": "/a b" }],
    ["an empty path", { ":path": "" }],
    ["a star", { ":path": "*", ":method": "OPTIONS" }],
    ["an absolute form", { ":path": "http://other.example/a" }],
    ["a fragment", { ":path": "/a#b" }],
    ["no slash", { ":path": "a" }],
    ["an empty authority", { ":authority": "" }],
    ["another scheme", { ":scheme": "gopher" }],
    ["a method that is none", { ":method": "G'T" }],
    ["cookies", { cookie: ["a=1", "b=2", ""] }],
    ["request ids", { "x-request-id": ["a", "b"] }],
    ["high bytes in a value", { "x-high": "\x80\xff" }],
    ["gRPC that is a GET", { "content-type": "application/grpc" }],
  ] as const
).map(([title, headers]) => {
  const ordinary = { ":method": "GET", ":path": "/", ":scheme": "http", ":authority": "shop.example" };
  return { title, headers: { ...ordinary, ...headers } as OutgoingHttpHeaders };
});
