// The requests of the Envoy bench: plausible GETs of twelve header lines, one of which is new with every request. Their
// targets come from finite, seeded sets, so that what a sidecar has learnt and what it is measured on are the same.

import { Prng } from "../../test/support/prng.ts";
import { sized, sizedTargets } from "../filter/inputs.ts";

export const KINDS = ["256 B", "mix"] as const;
export type Kind = (typeof KINDS)[number];

/** Bytes of target and how many of each: most are short, a few are long, as in real traffic. */
const MIX = [
  [32, 16],
  [64, 16],
  [128, 16],
  [256, 8],
  [1024, 6],
  [2048, 2],
] as const;

/** By path and query, as bytes on the wire. */
export const TARGETS: Readonly<Record<Kind, readonly string[]>> = {
  "256 B": sizedTargets(256),
  mix: MIX.flatMap(([size, count]) => {
    const prng = new Prng(1000 + size);
    return Array.from({ length: count }, () => sized(prng, size));
  }),
};

/** Denied by any model that was learnt from the targets above, and by the OWASP rules. */
export const ATTACK = "/search?q=%27%20UNION%20SELECT%20username,password%20FROM%20users%20WHERE%20%271%27=%271%27--";

const HEADERS = [
  ["host", "shop.example"],
  ["user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/127.0.0.0"],
  ["accept", "application/json"],
  ["accept-encoding", "gzip, deflate, br"],
  ["accept-language", "en-GB,en;q=0.9"],
  ["authorization", `Bearer ${"eyJhbGciOiJFUzI1NiJ9".repeat(6)}`],
  ["cache-control", "no-cache"],
  ["cookie", "session=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08; theme=dark"],
  ["origin", "https://shop.example"],
  ["referer", "https://shop.example/catalog/items?page=3&sort=price"],
  ["x-client-version", "2026.11.3"],
] as const;
const LINES = HEADERS.map(([name, value]) => `${name}: ${value}\r\n`).join("");
/** Sent; the trace context is the one that follows. */
export const HEADER_LINES = HEADERS.length + 1;

/** Bytes (latin1) of a request. `serial`: 0 to 2^48 - 1, makes it another one. */
export function requestOf(target: string, serial: number): string {
  const trace = serial.toString(16).padStart(16, "0");
  return `GET ${target} HTTP/1.1\r\n${LINES}traceparent: 00-4bf92f3577b34da6${trace}-00f067aa0ba902b7-01\r\n\r\n`;
}

/** The requests of a kind in turn. */
export function sequence(kind: Kind): (index: number) => string {
  const targets = TARGETS[kind];
  return (index) => requestOf(targets[index % targets.length]!, index);
}
