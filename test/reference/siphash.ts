// SipHash (Aumasson and Bernstein) with any number of rounds, on big integers. The law uses 1 compression and 3 final
// rounds; the numbers of rounds are arguments so that the published vectors of SipHash-2-4 check the same lines.
// Section 6: keys of strings.

const MASK = (1n << 64n) - 1n;

function rotateLeft(x: bigint, by: bigint): bigint {
  return ((x << by) | (x >> (64n - by))) & MASK;
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((word, byte) => (word << 8n) | BigInt(byte), 0n);
}

type State = [bigint, bigint, bigint, bigint];

function round([a, b, c, d]: State): State {
  let v0 = (a + b) & MASK;
  let v1 = rotateLeft(b, 13n) ^ v0;
  v0 = rotateLeft(v0, 32n);
  let v2 = (c + d) & MASK;
  let v3 = rotateLeft(d, 16n) ^ v2;
  v0 = (v0 + v3) & MASK;
  v3 = rotateLeft(v3, 21n) ^ v0;
  v2 = (v2 + v1) & MASK;
  v1 = rotateLeft(v1, 17n) ^ v2;
  v2 = rotateLeft(v2, 32n);
  return [v0, v1, v2, v3];
}

/** SipHash-c-d of a message under a 16-byte key; 64 bits. */
export function sipHash(c: number, d: number, key: Uint8Array, message: Uint8Array): bigint {
  if (key.length !== 16) throw new RangeError(`key: ${key.length} bytes, must be 16`);
  const k0 = littleEndian(key.subarray(0, 8));
  const k1 = littleEndian(key.subarray(8));
  let v: State = [
    k0 ^ 0x736f6d6570736575n,
    k1 ^ 0x646f72616e646f6dn,
    k0 ^ 0x6c7967656e657261n,
    k1 ^ 0x7465646279746573n,
  ];
  const padded = new Uint8Array((Math.floor(message.length / 8) + 1) * 8);
  padded.set(message);
  padded[padded.length - 1] = message.length & 0xff;
  for (let at = 0; at < padded.length; at += 8) {
    const word = littleEndian(padded.subarray(at, at + 8));
    v[3] ^= word;
    for (let i = 0; i < c; i++) v = round(v);
    v[0] ^= word;
  }
  v[2] ^= 0xffn;
  for (let i = 0; i < d; i++) v = round(v);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

export function sipHash13(key: Uint8Array, message: Uint8Array): bigint {
  return sipHash(1, 3, key, message);
}

/** Key of a string: its hash, and 1 instead of 0, because 0 is the overflow route and caller. */
export function keyOf(meshKey: Uint8Array, text: Uint8Array): bigint {
  const hash = sipHash13(meshKey, text);
  return hash === 0n ? 1n : hash;
}

/** 0 to 7. */
export function callerGroup(callerKey: bigint): number {
  return Number(callerKey & 7n);
}
