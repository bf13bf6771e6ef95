// Failures that the services have by chance, as real ones do, and one switch for all of them.

import type { Random } from "../random.ts";

export class Faults {
  enabled = true;

  constructor(private readonly random: Random) {}

  /** True with that probability, never while switched off. */
  happen(probability: number): boolean {
    return this.random.chance(probability) && this.enabled;
  }
}
