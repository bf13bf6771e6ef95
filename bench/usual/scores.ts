// Which scores are usual on rows that a model has not seen, by how much it has learnt: histograms of the test phase of
// a set of normal rows, replayed through the product. Kept by part of the organisations (bench/quality/priors.ts), and
// no service counts for much more than the others.

import type { Core } from "../../control-plane/core.ts";
import { shareMax } from "../../control-plane/train/aggregate.ts";
import type { UsualScores } from "../../control-plane/train/usual-scores.ts";
import { groupBy } from "../quality/group.ts";
import { SETTINGS } from "../quality/plane.ts";
import { PARTS, type Priors, partOf } from "../quality/priors.ts";
import { replay, type Verdict } from "../quality/replay.ts";
import { servicesOf } from "../quality/run.ts";
import { curveSchedule, protocolSchedule, type Schedule } from "../quality/schedule.ts";
import type { QualitySet } from "../quality/set.ts";

/** Learnt requests before the whole protocol: none, as many as may deny in the bench, and the tenfold. */
const LEARNT = [0, 10, 100];
/** What models have learnt that belong to none of these ages, but to the protocol's. */
const PROTOCOL_LEARNT_MIN = Math.max(...LEARNT);

export interface UsualContent {
  /** Services of each part. */
  hosts: number[];
  /** The parts. */
  folds: UsualScores[];
}

/** `priors` must not have seen the services. */
export async function usualScoresOf(set: QualitySet, core: Core, priors: Priors): Promise<UsualContent> {
  const play = async (schedule: Schedule): Promise<Verdict[]> => {
    const { verdicts, unjudged } = await replay(set.requests, schedule, { core, priorOf: priors.of });
    if (unjudged > 0) throw new Error(`usual scores: ${unjudged} rows were judged by no model`);
    return verdicts;
  };
  const ages: { learnt: number; byPart: number[][] }[] = [];
  for (const learnt of LEARNT) {
    const calibration = learnt === 0 ? 0 : SETTINGS.calibrationRequestsMin;
    ages.push({ learnt, byPart: byPartOf(set, await play(curveSchedule(set, learnt, calibration)), core) });
  }
  const grown = (await play(protocolSchedule(set))).filter(({ learnt }) => learnt > PROTOCOL_LEARNT_MIN);
  const learnt = medianOf(grown.map((verdict) => verdict.learnt));
  if (grown.length > 0) ages.push({ learnt, byPart: byPartOf(set, grown, core) });
  const hosts = servicesOf(set);
  const parts = Array.from({ length: PARTS }, (_, part) => part);
  return {
    hosts: parts.map((part) => hosts.filter((host) => partOf(host) === part).length),
    folds: parts.map((part) => ({
      ages: ages.map(({ learnt, byPart }) => ({ learnt, counts: byPart[part] as number[] })),
    })),
  };
}

/** A histogram of the services of each part. */
function byPartOf(set: QualitySet, verdicts: readonly Verdict[], core: Core): number[][] {
  const services = groupBy(verdicts, ({ row }) => set.requests[row]?.svc ?? "");
  const most = Number(shareMax([...services.values()].map(({ length }) => BigInt(length))));
  return Array.from({ length: PARTS }, (_, part) => {
    const own = [...services].filter(([host]) => partOf(host) === part);
    return pooled(
      own.map(([, rows]) => histogramOf(rows, core)),
      most,
      core.limits.SCORE_BUCKETS,
    );
  });
}

function histogramOf(verdicts: readonly Verdict[], core: Core): number[] {
  const counts = new Array<number>(core.limits.SCORE_BUCKETS).fill(0);
  for (const { score } of verdicts) (counts[core.bucketOf(score)] as number)++;
  return counts;
}

/**
 * Histograms as one; each counts for `most` scores at most. What is scaled is rounded from the highest bucket down, by
 * what has come together so far: bucket by bucket, all of a thin tail would be rounded away.
 */
export function pooled(histograms: readonly (readonly number[])[], most: number, buckets: number): number[] {
  const totals = histograms.map((counts) => counts.reduce((sum, count) => sum + count, 0));
  const counts = Array.from({ length: buckets }, (_, bucket) =>
    histograms.reduce((sum, own, i) => sum + (own[bucket] ?? 0) * Math.min(1, most / (totals[i] as number)), 0),
  );
  let [above, told] = [0, 0];
  for (let bucket = counts.length - 1; bucket >= 0; bucket--) {
    above += counts[bucket] as number;
    counts[bucket] = Math.round(above) - told;
    told += counts[bucket] as number;
  }
  return counts;
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1] ?? 0, sorted[sorted.length >> 1] ?? 0];
  return Math.round((low + high) / 2);
}
