// Chance, injected: tests pass a seeded one.

import { randomBytes } from "node:crypto";

export interface Random {
  /** `size` bytes that nobody can guess. */
  bytes(size: number): Uint8Array;
  /** Uniform in [0, 1), for jitter only. */
  unit(): number;
}

export class SystemRandom implements Random {
  bytes(size: number): Uint8Array {
    return new Uint8Array(randomBytes(size));
  }

  unit(): number {
    return randomBytes(4).readUInt32LE(0) / 2 ** 32;
  }
}
