// The two containers an OCI image layer is made of, written so that equal content gives equal bytes on every machine: a
// ustar archive of one file without time or owner, and gzip with stored blocks, whose bytes no version of a compressor
// can change.

import { crc32 } from "node:zlib";

const BLOCK = 512;
/** Bytes of one stored block of deflate. */
const STORED_MAX = 65_535;

/** A ustar archive with one regular file, mode 0644, owner 0, time 0. `name`: at most 99 ASCII bytes. */
export function tarOf(name: string, content: Uint8Array): Buffer {
  if (!/^[\x21-\x7e]{1,99}$/.test(name))
    throw new Error(`name ${JSON.stringify(name)}: must be 1 to 99 visible ASCII bytes`);
  const header = Buffer.alloc(BLOCK);
  const put = (text: string, at: number) => header.write(text, at, "ascii");
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, "0");
  put(name, 0);
  put(octal(0o644, 7), 100);
  put(octal(0, 7), 108);
  put(octal(0, 7), 116);
  put(octal(content.length, 11), 124);
  put(octal(0, 11), 136);
  // The checksum is taken with blanks in its own place.
  put(" ".repeat(8), 148);
  put("0", 156);
  put("ustar\0", 257);
  put("00", 263);
  const sum = header.reduce((total, byte) => total + byte, 0);
  put(`${octal(sum, 6)}\0 `, 148);
  const padding = Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK);
  return Buffer.concat([header, content, padding, Buffer.alloc(2 * BLOCK)]);
}

/** A gzip member that holds `content` uncompressed. */
export function gzipStored(content: Uint8Array): Buffer {
  const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
  const parts: Uint8Array[] = [header];
  for (let at = 0; at === 0 || at < content.length; at += STORED_MAX) {
    const block = content.subarray(at, at + STORED_MAX);
    const head = Buffer.alloc(5);
    head[0] = at + STORED_MAX >= content.length ? 1 : 0;
    head.writeUInt16LE(block.length, 1);
    head.writeUInt16LE(~block.length & 0xffff, 3);
    parts.push(head, block);
  }
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(content), 0);
  trailer.writeUInt32LE(content.length % 2 ** 32, 4);
  return Buffer.concat([...parts, trailer]);
}
