// What leaves is code: every section goes through the filter's own decoder first, and a model is scored on vectors
// whose distances are computed here a second time. What the filter would refuse, or would score otherwise, is refused
// before it leaves.

import type { Core, SectionKind } from "../core.ts";
import type { Model } from "../domain.ts";
import { ControlPlaneError } from "../errors.ts";
import type { Models } from "./encode.ts";

/** Of the law: |z| in 1/256 standard deviation. */
const Z_MAX = 2 ** 20 - 1;
const SCORE_MAX = 2 ** 31 - 1;

/** Throws FAILED_PRECONDITION naming field, value and bound where the filter would not take the section. */
export function checkSection(core: Core, kind: SectionKind, content: Uint8Array): void {
  const refusal = core.refusalOf(kind, content);
  if (refusal === undefined) return;
  const { field, value, bound } = refusal;
  throw refused(field, `${value}, must be ${bound}`);
}

/**
 * As `checkSection`, for the section that was encoded from these models; then runs the self-test vectors through the
 * content head. The other two heads add to what it says, and only above bases that thresholds are calibrated with.
 */
export function checkModels(core: Core, models: Models, content: Uint8Array): void {
  checkSection(core, "model", content);
  for (const body of ["current", "candidate"] as const) {
    const model = models[body];
    if (model !== undefined) selfTest(core, body, model);
  }
}

/** The usual bins, and each feature in turn at its lowest and at its highest. */
function selfTest(core: Core, body: "current" | "candidate", model: Model): void {
  const { BIN_MAX } = core.limits;
  const usual = Uint8Array.from(model.mean, (mean) => Math.min(BIN_MAX, (mean + 32) >> 6));
  const sums = sumsOf(model, usual);
  const agree = (bins: Uint8Array, expected: number) => {
    const found = core.scoreOf(body, bins);
    if (found !== expected) throw refused(`model.${body}.score`, `${found} for bins ${bins}, must be ${expected}`);
  };
  const ordinary = scoreFrom(model, sums);
  agree(usual, ordinary);
  for (let j = 0; j < usual.length; j++) {
    for (const bin of [0, BIN_MAX]) {
      agree(usual.with(j, bin), scoreFrom(model, moved(model, sums, j, usual[j] ?? 0, bin)));
    }
  }
  const { alertThreshold } = model;
  if (alertThreshold !== 0 && ordinary >= alertThreshold) {
    const bound = `above ${ordinary}, the score of its own mean`;
    throw refused(`model.${body}.alert_threshold`, `${alertThreshold}, must be ${bound}`);
  }
}

/** Law section 5, in words of doubles: not the code it checks. Each step is exact; see `scoreFrom`. */
export function scoreOf(model: Model, bins: Uint8Array): number {
  return scoreFrom(model, sumsOf(model, bins));
}

/** d of the law. */
function deltaOf(model: Model, j: number, bin: number): number {
  const clip = model.clip[j] ?? 0;
  return Math.max(-clip, Math.min(clip, 64 * bin - (model.mean[j] ?? 0)));
}

/** y of the law: 32 products of 128 and 2,047, far below 2^53. */
function sumsOf(model: Model, bins: Uint8Array): Float64Array {
  const sums = new Float64Array(bins.length);
  for (let j = 0; j < bins.length; j++) addColumn(model, sums, j, deltaOf(model, j, bins[j] ?? 0));
  return sums;
}

/** Only feature j moves, and every sum with it by its own weight. */
function moved(model: Model, sums: Float64Array, j: number, from: number, to: number): Float64Array {
  const copy = sums.slice();
  addColumn(model, copy, j, deltaOf(model, j, to) - deltaOf(model, j, from));
  return copy;
}

function addColumn(model: Model, sums: Float64Array, j: number, delta: number): void {
  const { factor } = model;
  const features = sums.length;
  for (let r = 0; r < features; r++) (sums[r] as number) += (factor[r * features + j] ?? 0) * delta;
}

/**
 * The score of sums y. y is below 2^24 and a scale below 2^31, so y s need not fit in a double; with
 * s = 2^16 high + low it is floor(y s / 2^16) = y high + floor(y low / 2^16), whose parts are below 2^40.
 */
function scoreFrom(model: Model, sums: Float64Array): number {
  let squares = 0;
  for (let r = 0; r < sums.length; r++) {
    const y = sums[r] as number;
    const scale = model.scale[r] ?? 0;
    const z = y * (scale >>> 16) + Math.floor((y * (scale & 0xffff)) / 65_536);
    const clipped = Math.max(-Z_MAX, Math.min(Z_MAX, z));
    squares += clipped * clipped;
  }
  return Math.min(SCORE_MAX, Math.floor(squares / 256));
}

function refused(field: string, detail: string): ControlPlaneError {
  return new ControlPlaneError("FAILED_PRECONDITION", `${field}: ${detail}`, { field });
}
