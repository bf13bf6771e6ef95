// SipHash-1-3 (Aumasson and Bernstein, 2012) over one range or two in a row, and the keys of law 6 made with it.
// Keyed, so that nobody outside the mesh can aim at a bucket or read a name back from its hash.

function byteAt(first: usize, firstLen: i32, second: usize, at: i32): u64 {
  return at < firstLen ? load<u8>(first + at) : load<u8>(second + (at - firstLen));
}

/** The 8 bytes at `at` of both ranges in a row, little-endian; fewer where `count` says so, the rest zero. */
function gather(first: usize, firstLen: i32, second: usize, at: i32, count: i32): u64 {
  let word: u64 = 0;
  for (let i = 0; i < count; i++) word |= byteAt(first, firstLen, second, at + i) << (8 * i);
  return word;
}

/** SipHash-1-3 of the first range followed by the second, with key words k0, k1. */
export function sipHashPair(first: usize, firstLen: i32, second: usize, secondLen: i32, k0: u64, k1: u64): u64 {
  let v0 = k0 ^ 0x736f6d6570736575;
  let v1 = k1 ^ 0x646f72616e646f6d;
  let v2 = k0 ^ 0x6c7967656e657261;
  let v3 = k1 ^ 0x7465646279746573;
  const len = firstLen + secondLen;
  const words = len >> 3;
  // One round a word, one for the last bytes with the length, three to finish: one loop, the finishing words are zero.
  const rounds = words + 4;
  for (let i = 0; i < rounds; i++) {
    let word: u64 = 0;
    const at = i << 3;
    if (i < words) {
      if (at >= firstLen) word = load<u64>(second + (at - firstLen));
      else word = gather(first, firstLen, second, at, 8);
    } else if (i == words) {
      word = gather(first, firstLen, second, at, len & 7) | ((<u64>len) << 56);
    } else if (i == words + 1) {
      v2 ^= 0xff;
    }
    v3 ^= word;
    v0 += v1;
    v1 = rotl<u64>(v1, 13) ^ v0;
    v0 = rotl<u64>(v0, 32);
    v2 += v3;
    v3 = rotl<u64>(v3, 16) ^ v2;
    v0 += v3;
    v3 = rotl<u64>(v3, 21) ^ v0;
    v2 += v1;
    v1 = rotl<u64>(v1, 17) ^ v2;
    v2 = rotl<u64>(v2, 32);
    v0 ^= word;
  }
  return v0 ^ v1 ^ v2 ^ v3;
}

/** SipHash-1-3 of `len` bytes with key words k0, k1. */
export function sipHash13(ptr: usize, len: i32, k0: u64, k1: u64): u64 {
  return sipHashPair(0, 0, ptr, len, k0, k1);
}

/** Key of a string (law 6): its hash, 0 taken as 1, since 0 names the overflow entry. */
export function keyOf(ptr: usize, len: i32, k0: u64, k1: u64): u64 {
  const hash = sipHash13(ptr, len, k0, k1);
  return hash == 0 ? 1 : hash;
}

/** Key of a prefix followed by a string, for instance `name:` and a parameter's name. */
export function keyOfPair(prefix: usize, prefixLen: i32, ptr: usize, len: i32, k0: u64, k1: u64): u64 {
  const hash = sipHashPair(prefix, prefixLen, ptr, len, k0, k1);
  return hash == 0 ? 1 : hash;
}

/** Caller group (law 6): 0 to 7. */
export function callerGroup(callerKey: u64): i32 {
  return <i32>(callerKey & 7);
}
