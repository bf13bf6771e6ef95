// SHA-256 (FIPS 180-4), in one call or piece by piece. One digest at a time: the state is static.

const ROUNDS = memory.data<u32>([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
  0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
  0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
  0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
  0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
  0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
  0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
  0xc67178f2,
]);

const STATE = memory.data(32, 16);
const SCHEDULE = memory.data(256, 16);
const BLOCK = memory.data(64, 16);
let blockLen: i32 = 0;
let total: u64 = 0;

function state(i: i32): u32 {
  return load<u32>(STATE + ((<usize>i) << 2));
}

function addState(i: i32, value: u32): void {
  store<u32>(STATE + ((<usize>i) << 2), state(i) + value);
}

function expand(block: usize): void {
  for (let i: usize = 0; i < 64; i += 4) store<u32>(SCHEDULE + i, bswap<u32>(load<u32>(block + i)));
  for (let i: usize = 64; i < 256; i += 4) {
    const w15 = load<u32>(SCHEDULE + i - 60);
    const w2 = load<u32>(SCHEDULE + i - 8);
    const s0 = rotr<u32>(w15, 7) ^ rotr<u32>(w15, 18) ^ (w15 >> 3);
    const s1 = rotr<u32>(w2, 17) ^ rotr<u32>(w2, 19) ^ (w2 >> 10);
    store<u32>(SCHEDULE + i, load<u32>(SCHEDULE + i - 64) + s0 + load<u32>(SCHEDULE + i - 28) + s1);
  }
}

function compress(block: usize): void {
  expand(block);
  let a = state(0);
  let b = state(1);
  let c = state(2);
  let d = state(3);
  let e = state(4);
  let f = state(5);
  let g = state(6);
  let h = state(7);
  for (let i: usize = 0; i < 256; i += 4) {
    const s1 = rotr<u32>(e, 6) ^ rotr<u32>(e, 11) ^ rotr<u32>(e, 25);
    const t1 = h + s1 + ((e & f) ^ (~e & g)) + load<u32>(ROUNDS + i) + load<u32>(SCHEDULE + i);
    const s0 = rotr<u32>(a, 2) ^ rotr<u32>(a, 13) ^ rotr<u32>(a, 22);
    const t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = d + t1;
    d = c;
    c = b;
    b = a;
    a = t1 + t2;
  }
  addState(0, a);
  addState(1, b);
  addState(2, c);
  addState(3, d);
  addState(4, e);
  addState(5, f);
  addState(6, g);
  addState(7, h);
}

/** Begins a digest; forgets one that was not ended. */
export function sha256Begin(): void {
  store<u64>(STATE, 0xbb67ae856a09e667);
  store<u64>(STATE, 0xa54ff53a3c6ef372, 8);
  store<u64>(STATE, 0x9b05688c510e527f, 16);
  store<u64>(STATE, 0x5be0cd191f83d9ab, 24);
  blockLen = 0;
  total = 0;
}

/** Adds `len` bytes. */
export function sha256Add(ptr: usize, len: i32): void {
  total += <u64>len;
  let at = 0;
  while (at < len) {
    if (blockLen == 0 && len - at >= 64) {
      compress(ptr + at);
      at += 64;
      continue;
    }
    const room = 64 - blockLen;
    const count = min<i32>(room, len - at);
    memory.copy(BLOCK + blockLen, ptr + at, count);
    blockLen += count;
    at += count;
    if (blockLen == 64) {
      compress(BLOCK);
      blockLen = 0;
    }
  }
}

/** Ends the digest and writes its 32 bytes at `out`. */
export function sha256End(out: usize): void {
  store<u8>(BLOCK + blockLen, 0x80);
  blockLen++;
  if (blockLen > 56) {
    memory.fill(BLOCK + blockLen, 0, 64 - blockLen);
    compress(BLOCK);
    blockLen = 0;
  }
  memory.fill(BLOCK + blockLen, 0, 56 - blockLen);
  store<u64>(BLOCK, bswap<u64>(total << 3), 56);
  compress(BLOCK);
  for (let i: usize = 0; i < 32; i += 4) store<u32>(out + i, bswap<u32>(load<u32>(STATE + i)));
  blockLen = 0;
}

/** Writes the 32 bytes of SHA-256 of `len` bytes at `out`. */
export function sha256(ptr: usize, len: i32, out: usize): void {
  sha256Begin();
  sha256Add(ptr, len);
  sha256End(out);
}
