// Seeded order.

import type { Prng } from "../../test/support/prng.ts";

/** A copy in an order drawn from all (Fisher and Yates). */
export function shuffled<T>(list: readonly T[], prng: Prng): T[] {
  const copy = [...list];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = prng.below(i + 1);
    [copy[i], copy[j]] = [copy[j] as T, copy[i] as T];
  }
  return copy;
}
