// Which of the levels, classes and lengths that a context was counted with are believed to be usual (law 11). Whoever
// may send requests may teach, so it goes by evidence: what is much like an attack takes several segments, what hardly
// ever comes is left out, and where there are enough callers, one caller group alone is not believed.

import type { ContextSums } from "../domain.ts";
import { groupsIn, totalOf } from "../store/statistics.ts";

/** So many caller groups must have shown a thing, if so many are known to use the context at all. */
const QUORUM = 2;
/** Requests that a thing must have come in, and one in how many it must at least come in, more often than that. */
interface Evidence {
  count: number;
  share: number;
}

/** Of what looks usual, a level of 0 or less, one segment in 500 is not believed. */
const LOW: Evidence = { count: 1, share: 500 };
/**
 * A level above 0 is likelier in an attack than in a usual text. Where an attacker sent 5 % of what was learnt, a count
 * of 3, from a level of 64 on, loses twice as many attacks; a share of 50 loses fewer, but what honest users write once
 * in a hundred times must not be told for ever.
 */
const HIGH: Evidence = { count: 8, share: 100 };
/** Of one caller group alone, and so of a caller that is not like the others, it takes more. */
const LOW_ALONE: Evidence = { count: 8, share: 100 };
const HIGH_ALONE: Evidence = { count: 32, share: 10 };
/** Level that nothing is below: of what nothing is known of. */
export const LOWEST_LEVEL = -256;

/** How many caller groups must have had a part in what is believed of a context; one where they cannot be compared. */
export function quorumOf({ levelGroups }: ContextSums, comparable: boolean): number {
  // Sums of before groups were told name none, and are believed.
  const users = groupsIn(levelGroups.reduce((set, groups) => set | groups, 0));
  return Math.min(users, comparable ? QUORUM : 1);
}

/** The upper edge of the highest level bin that is believed. */
export function believedBase({ levels, levelGroups }: ContextSums, quorum: number): number {
  const total = totalOf(levels);
  let above = 0;
  let groups = 0;
  for (let bin = levels.length - 1; bin >= 0; bin--) {
    above += levels[bin] ?? 0;
    groups |= levelGroups[bin] ?? 0;
    const edge = levelEdge(bin);
    const [together, alone] = edge > 0 ? [HIGH, HIGH_ALONE] : [LOW, LOW_ALONE];
    if (holds(above, total, groupsIn(groups) >= quorum ? together : alone)) return edge;
  }
  return LOWEST_LEVEL;
}

/** Of classes or lengths of `n` segments: which are known. */
export function believedOf(counts: readonly number[], groups: readonly number[], quorum: number, n: number): boolean[] {
  return counts.map((count, i) => count > 0 && (groupsIn(groups[i] ?? 0) >= quorum || holds(count, n, LOW_ALONE)));
}

function holds(count: number, total: number, evidence: Evidence): boolean {
  return count >= evidence.count && count > Math.floor(total / evidence.share);
}

/** The highest level of a bin (law 10). */
function levelEdge(bin: number): number {
  return 16 * bin + LOWEST_LEVEL;
}
