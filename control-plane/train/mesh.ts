// The mesh's threshold: what scores are usual over all targets. A target's own histogram holds some tens or thousands
// of scores; the rate of one in a thousand, and more so one in a hundred thousand, is not to be seen in it, and an
// attacker of one target could lift it. No target is left out of the mesh's: leaving out the fifth that scores
// highest, as the research note has it, gave 1.4 % false alarms at a target of 1 % and 0.4 % at one of 0.1 % on real
// browsing; with all of them 0.8 % and 0.1 %. So a target's thresholds lie between the mesh's and twice the mesh's:
// its own scores may raise them, within a bound, and never lower them.

import type { Core } from "../core.ts";
import type { Target } from "../domain.ts";
import { shareMax } from "./aggregate.ts";
import type { TrainSettings } from "./settings.ts";
import { type Thresholds, thresholdsOf } from "./threshold.ts";

/** With fewer targets there is nothing to compare: each has its own thresholds. */
const TARGETS_MIN = 4;
/** A target's own thresholds count up to so many times the mesh's. */
const RAISE_MAX = 2;

/** The newest score histogram of each target. */
export class MeshScores {
  readonly #histograms = new Map<Target, readonly number[]>();
  /** Of all of them; made when it is asked for, since a turn asks once a target. */
  #mesh: { counts: number[] | undefined } | undefined;

  /** Of the candidate as soon as it could be calibrated, else of the model that judges. */
  note(target: Target, counts: readonly number[]): void {
    this.#histograms.set(target, counts);
    this.#mesh = undefined;
  }

  /** For a model with these scores; undefined where they are none. */
  thresholdsOf(
    counts: readonly number[],
    settings: TrainSettings,
    core: Pick<Core, "log2" | "bucketEnd" | "limits">,
  ): Thresholds | undefined {
    const own = thresholdsOf(counts, settings, core);
    this.#mesh ??= { counts: meshCounts(this.#histograms.values()) };
    const { counts: mesh } = this.#mesh;
    if (own === undefined || mesh === undefined) return own;
    return withinMesh(own, thresholdsOf(mesh, settings, core), core.limits.SCORE_MAX);
  }
}

/**
 * The score histograms of targets as one; undefined for fewer than four. No target counts for more than twice the
 * median.
 */
export function meshCounts(histograms: Iterable<readonly number[]>): number[] | undefined {
  const held = [...histograms].map((counts) => ({ counts, total: sumOf(counts) })).filter(({ total }) => total > 0);
  if (held.length < TARGETS_MIN) return undefined;
  const most = Number(shareMax(held.map(({ total }) => BigInt(total))));
  return plus(
    held.map(({ counts, total }) =>
      total <= most ? counts : counts.map((count) => Math.floor((count * most) / total + 0.5)),
    ),
  );
}

/** Of a target with these thresholds of its own. Without a mesh they stand. */
export function withinMesh(own: Thresholds, mesh: Thresholds | undefined, scoreMax: number): Thresholds {
  if (mesh === undefined) return own;
  const within = (value: number, base: number) => Math.min(scoreMax, Math.max(base, Math.min(value, RAISE_MAX * base)));
  const alertThreshold = within(own.alertThreshold, mesh.alertThreshold);
  return { alertThreshold, denyThreshold: Math.max(alertThreshold, within(own.denyThreshold, mesh.denyThreshold)) };
}

function plus(histograms: readonly (readonly number[])[]): number[] {
  return (histograms[0] ?? []).map((_, bucket) => sumOf(histograms.map((counts) => counts[bucket] ?? 0)));
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
