// Seeded models for tests: sparse and dense factors, scales of every magnitude, the extremes at which a score is
// clipped.

import { FEATURES } from "../../filter/core/limits.ts";
import type { Model } from "../reference/model.ts";
import { Prng } from "./prng.ts";

/** As bytes in the shape of a ModelBody, and as numbers. */
export interface TestModel {
  /** 32, 0..2047. */
  mean: number[];
  /** 1,024, -128..127. */
  factor: number[];
  /** 32, 0..2^31 - 1. */
  scale: number[];
  /** 32, 1..2047. */
  clip: number[];
}

function factorEntry(prng: Prng, r: number, j: number, density: number): number {
  if (r === j) return prng.between(64, 127);
  if (j > r && density < 3) return 0;
  return prng.oneIn(4 - density) ? prng.between(-128, 127) : 0;
}

function scaleEntry(prng: Prng, magnitude: number): number {
  return prng.below(2 ** Math.min(31, magnitude + prng.below(4)));
}

/** The models of a seed; every 8th is extreme in all its numbers. */
export function testModels(seed: number, count: number): TestModel[] {
  const prng = new Prng(seed);
  return Array.from({ length: count }, (_, i) => {
    const density = i % 4;
    const magnitude = i % 8 === 7 ? 31 : prng.between(4, 16);
    const extreme = i % 8 === 7;
    return {
      mean: Array.from({ length: FEATURES }, () => (extreme ? prng.pick([0, 2047]) : prng.below(12 * 64))),
      factor: Array.from({ length: FEATURES ** 2 }, (_, at) => {
        if (extreme) return prng.pick([-128, 127]);
        return factorEntry(prng, Math.floor(at / FEATURES), at % FEATURES, density);
      }),
      scale: Array.from({ length: FEATURES }, () => (extreme ? 0x7fffffff : scaleEntry(prng, magnitude))),
      clip: Array.from({ length: FEATURES }, () => (extreme ? 2047 : prng.between(1, prng.pick([64, 512, 2047])))),
    };
  });
}

export interface ModelBytes {
  mean: Uint8Array;
  factor: Uint8Array;
  scale: Uint8Array;
  clip: Uint8Array;
}

/** The four blobs of a ModelBody. */
export function modelBytes(model: Model): ModelBytes {
  const mean = Buffer.alloc(2 * FEATURES);
  for (const [i, m] of model.mean.entries()) mean.writeInt16LE(m, 2 * i);
  const scale = Buffer.alloc(4 * FEATURES);
  for (const [i, s] of model.scale.entries()) scale.writeUInt32LE(s, 4 * i);
  const clip = Buffer.alloc(2 * FEATURES);
  for (const [i, k] of model.clip.entries()) clip.writeInt16LE(k, 2 * i);
  return { mean, clip, factor: Uint8Array.from(Int8Array.from(model.factor)), scale };
}
