// Usual texts that the attack table is learnt from: the segments (law 9) of public traffic, by host.
// Texts are bytes, one character a byte.

import { type Header, segmentsOf } from "../../test/reference/request-segments.ts";
import { splitTarget } from "../../test/reference/target.ts";

/** One row of the traffic. */
interface Row {
  u: string;
  h: Record<string, string>;
}

const wire = (text: string) => Buffer.from(text, "utf8").toString("latin1");

/** Texts that are not empty, each once a host; hosts in lower case. */
export function textsByHost(lines: readonly string[]): Map<string, Set<string>> {
  const hosts = new Map<string, Set<string>>();
  /** Header values that a host has sent are not cut up again. */
  const seen = new Set<string>();
  for (const line of lines) {
    const { u, h } = JSON.parse(line) as Row;
    const headers = Object.entries(h).map(([name, value]): Header => [wire(name).toLowerCase(), wire(value)]);
    const host = headers.find(([name]) => name === "host")?.[1].toLowerCase() ?? "";
    const held = hosts.get(host);
    const texts = held ?? new Set<string>();
    if (held === undefined) hosts.set(host, texts);
    const fresh = headers.filter((header) => {
      const key = [host, ...header].join("\n");
      return !seen.has(key) && seen.add(key);
    });
    for (const { text } of segmentsOf(splitTarget(wire(u)), fresh).list) if (text !== "") texts.add(text);
  }
  return hosts;
}
