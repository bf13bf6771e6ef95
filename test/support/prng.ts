// A seeded generator of numbers for tests: the same seed gives the same numbers on every machine (xorshift of
// Marsaglia, 128 bits).

export class Prng {
  readonly #state: Uint32Array;

  /** Any integer as seed. */
  constructor(seed: number) {
    this.#state = Uint32Array.of(seed, 0x9e3779b9, 0x243f6a88, 0xb7e15162);
    for (let i = 0; i < 16; i++) this.next();
  }

  /** 0 to 2^32 - 1. */
  next(): number {
    const state = this.#state;
    let t = state[3]!;
    const s = state[0]!;
    state.copyWithin(1, 0, 3);
    t ^= t << 11;
    t ^= t >>> 8;
    state[0] = t ^ s ^ (s >>> 19);
    return state[0]!;
  }

  /** 0 to bound - 1; bound up to 2^32. */
  below(bound: number): number {
    return Math.floor((this.next() / 2 ** 32) * bound);
  }

  /** least to most, both possible. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  /** True once in `times`. */
  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  bytes(length: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length }, () => this.next() & 0xff);
  }
}
