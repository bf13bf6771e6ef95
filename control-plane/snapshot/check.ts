// What leaves is code: every section goes through the filter's own decoder first, and a model is scored on vectors
// whose scores are computed here a second time. What the filter would refuse, or would score otherwise, is refused
// before it leaves.

import type { Core, SectionKind } from "../core.ts";
import type { Model } from "../domain.ts";
import { ControlPlaneError } from "../errors.ts";
import type { Models } from "./encode.ts";

/** Of the law: |z| in 1/256 standard deviation. */
const Z_MAX = (1n << 20n) - 1n;

/** Throws FAILED_PRECONDITION naming field, value and bound where the filter would not take the section. */
export function checkSection(core: Core, kind: SectionKind, content: Uint8Array): void {
  const refusal = core.refusalOf(kind, content);
  if (refusal === undefined) return;
  const { field, value, bound } = refusal;
  throw refused(field, `${value}, must be ${bound}`);
}

/** As `checkSection`, for the section that was encoded from these models; then runs the self-test vectors. */
export function checkModels(core: Core, models: Models, content: Uint8Array): void {
  checkSection(core, "model", content);
  for (const body of ["current", "candidate"] as const) {
    const model = models[body];
    if (model !== undefined) selfTest(core, body, model);
  }
}

function selfTest(core: Core, body: "current" | "candidate", model: Model): void {
  const { BIN_MAX } = core.limits;
  const usual = Uint8Array.from(model.mean, (mean) => Math.min(BIN_MAX, (mean + 32) >> 6));
  const vectors = [usual];
  for (let j = 0; j < usual.length; j++) {
    for (const bin of [0, BIN_MAX]) vectors.push(usual.with(j, bin));
  }
  for (const bins of vectors) {
    const expected = scoreOf(model, bins);
    const found = core.scoreOf(body, bins);
    if (found !== expected) throw refused(`model.${body}.score`, `${found} for bins ${bins}, must be ${expected}`);
  }
  const ordinary = scoreOf(model, usual);
  const { alertThreshold } = model;
  if (alertThreshold !== 0 && ordinary >= alertThreshold) {
    const bound = `above ${ordinary}, the score of its own mean`;
    throw refused(`model.${body}.alert_threshold`, `${alertThreshold}, must be ${bound}`);
  }
}

/** Law section 5, in words of big integers: slow, and not the code it checks. */
export function scoreOf(model: Model, bins: Uint8Array): number {
  const deltas = Array.from(bins, (bin, j) => {
    const clip = model.clip[j] ?? 0;
    return BigInt(Math.max(-clip, Math.min(clip, 64 * bin - (model.mean[j] ?? 0))));
  });
  let sum = 0n;
  for (let r = 0; r < bins.length; r++) {
    let y = 0n;
    for (const [j, delta] of deltas.entries()) y += BigInt(model.factor[r * bins.length + j] ?? 0) * delta;
    const z = (y * BigInt(model.scale[r] ?? 0)) >> 16n;
    const clipped = z > Z_MAX ? Z_MAX : z < -Z_MAX ? -Z_MAX : z;
    sum += clipped * clipped;
  }
  const score = sum >> 8n;
  return score > 0x7fff_ffffn ? 0x7fff_ffff : Number(score);
}

function refused(field: string, detail: string): ControlPlaneError {
  return new ControlPlaneError("FAILED_PRECONDITION", `${field}: ${detail}`, { field });
}
