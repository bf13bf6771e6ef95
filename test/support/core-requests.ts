// Whole requests of core.wasm for tests: targets and headers, given as strings of bytes, are measured by a build, and
// the rows of their segments read back. The model section checked last gives the attack table.

import type { Header } from "../reference/request-segments.ts";
import type { Core } from "./core.ts";

/** A row of the core's segments. */
export interface CoreSegment {
  key: bigint;
  /** null where it has none. */
  level: number | null;
  /** Set of 11 bits. */
  classes: number;
  /** Length bin. */
  length: number;
  kind: number;
  index: number;
}

const NO_LEVEL = -32768;

/** Headers in the pairs format of proxy-wasm. */
export function pairs(headers: readonly Header[]): Uint8Array {
  const lengths = headers.flatMap(([name, value]) => [name.length, value.length]);
  const head = new Uint8Array(Uint32Array.from([headers.length, ...lengths]).buffer);
  const texts = headers.map(([name, value]) => Buffer.from(`${name}\0${value}\0`, "latin1"));
  return Uint8Array.from(Buffer.concat([head, ...texts]));
}

/** Measures a request; returns how many segments it has. */
export function measureIn(core: Core, target: string, headers: readonly Header[], key: Uint8Array): number {
  const [bytes, block] = [Buffer.from(target, "latin1"), pairs(headers)];
  const [targetAt, blockAt] = core.put(bytes, block);
  const words = new BigUint64Array(Uint8Array.from(key).buffer);
  const where = [targetAt!, bytes.length, blockAt!, block.length, words[0]!, words[1]!, core.number("attackTable")];
  return Number(core.call("measureRequest", ...where));
}

/** Rows of the request measured last. */
export function segmentsIn(core: Core): CoreSegment[] {
  return Array.from({ length: core.number("segmentCount") }, (_, i) => {
    const row = new DataView(core.bytes(core.number("segmentAt", i), 16).buffer);
    const level = row.getInt16(8, true);
    return {
      key: row.getBigUint64(0, true),
      level: level === NO_LEVEL ? null : level,
      classes: row.getUint16(10, true),
      length: row.getUint8(12),
      kind: row.getUint8(13),
      index: row.getUint16(14, true),
    };
  });
}

/** Name that is told of a segment. */
export function nameIn(core: Core, kind: number, index: number): string {
  core.call("locateSegment", kind, index);
  const name = core.bytes(core.number("locatedName"), core.number("locatedNameLength"));
  return Buffer.from(name).toString("latin1");
}
