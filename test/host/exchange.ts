// One HTTP request as the filter's stream context sees it, and what came of it.

import type { Entry } from "./vm.ts";

/** Names and values; a string stands for its latin1 bytes, so any byte can be written. */
export type HeaderList = [string, string][];

export interface LocalReply {
  code: number;
  details: string;
  body: string;
  headers: HeaderList;
  /** -1 for none. */
  grpcStatus: number;
}

export type Phase = "request" | "response" | "log" | "between";

export interface Exchange {
  phase: Phase;
  requestHeaders: HeaderList;
  responseHeaders: HeaderList;
  /** Properties by path joined with dots; null is absent. */
  properties: Map<string, Uint8Array | null>;
  /** By key without Envoy's prefix `wasm.`. */
  filterState: Map<string, string>;
  localReply: LocalReply | undefined;
  /** What the client gets; 0 while it is open. */
  status: number;
  /** Whether the filter let the request through to the workload. */
  passed: boolean;
  /** Index of the worker. */
  worker: number;
  /** Guest entries of this request, in order. */
  entries: Entry[];
}

/** Hostcalls by name over all entries of an exchange, without those of other callbacks. */
export function hostcallsOf(exchange: Exchange): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const entry of exchange.entries) {
    for (const name of entry.hostcalls) counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

/** Statuses, which come again with every request. */
const INTEGERS = new Map<number, Uint8Array>();
const INTEGERS_MAX = 1024;

/** An integer property as the host hands it over, to be read only; `value` below 2^47. */
export function integer(value: number): Uint8Array {
  const known = INTEGERS.get(value);
  if (known !== undefined) return known;
  const bytes = Buffer.alloc(8, value < 0 ? 0xff : 0);
  bytes.writeIntLE(value, 0, 6);
  if (INTEGERS.size < INTEGERS_MAX) INTEGERS.set(value, bytes);
  return bytes;
}

export function latin1(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}

/** Pairs as the host writes them: count, lengths, then each name and value with a zero byte behind. */
export function writePairs(headers: HeaderList): Uint8Array {
  if (headers.length === 0) return new Uint8Array(0);
  // One write of all texts: a request has some 30 of them.
  let texts = "";
  for (const [name, value] of headers) texts += `${name}\0${value}\0`;
  const head = 4 + 8 * headers.length;
  const out = Buffer.allocUnsafe(head + texts.length);
  let at = out.writeUInt32LE(headers.length, 0);
  for (const [name, value] of headers) at = out.writeUInt32LE(value.length, out.writeUInt32LE(name.length, at));
  out.write(texts, at, "latin1");
  return out;
}

/**
 * Pairs as a guest writes them. Throws on lengths that do not fit, and above 1,024 pairs or 1 MiB, which Envoy drops
 * silently.
 */
export function readPairs(bytes: Uint8Array): HeaderList {
  if (bytes.length === 0) return [];
  const buffer = Buffer.from(bytes);
  if (bytes.length < 4 || bytes.length > 1 << 20) throw new Error(`pairs: ${bytes.length} bytes`);
  const count = buffer.readUInt32LE(0);
  let at = 4 + 8 * count;
  if (count > 1024 || at > buffer.length) throw new Error(`pairs: ${count} pairs in ${bytes.length} bytes`);
  const headers: HeaderList = [];
  const text = (size: number): string => {
    if (at + size + 1 > buffer.length || buffer[at + size] !== 0)
      throw new Error(`pairs: length ${size} at ${at} of ${buffer.length}`);
    at += size + 1;
    return buffer.toString("latin1", at - size - 1, at - 1);
  };
  for (let i = 0; i < count; i++) {
    const sizes = [buffer.readUInt32LE(4 + 8 * i), buffer.readUInt32LE(8 + 8 * i)] as const;
    headers.push([text(sizes[0]), text(sizes[1])]);
  }
  if (at !== buffer.length) throw new Error(`pairs: ${buffer.length - at} bytes too many`);
  return headers;
}
