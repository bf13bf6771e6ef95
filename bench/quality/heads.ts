// The heads of the detector, and what is left of a trained model when some of them are silent: the one place in the
// bench that knows them by name. Models are silenced before they are published, so that histograms and thresholds are
// those of the heads that are left, and get the id of their changed numbers.

import type { Core } from "../../control-plane/core.ts";
import type { Model } from "../../control-plane/domain.ts";
import { named } from "../../control-plane/train/model.ts";

/** In the order of the design. */
export const HEADS = ["content", "attack", "structure"] as const;

export type Head = (typeof HEADS)[number];

/** Who may speak; all where nothing is said. */
export interface Voices {
  /** Only this one. */
  head?: Head | undefined;
  /** All but this one. */
  without?: Head | undefined;
}

/**
 * Of the law, section 11: a context is a row of 16 bytes, a kind one of 4. Routes are a kind among the others: without
 * its surprise none of them adds anything, whichever are listed.
 */
const ROW_BYTES = 16;
const KIND_BYTES = 4;
const ROW_BASE = 8;
const ROW_SURPRISES = [14, 15];
const KIND_SURPRISE = 2;
/** The highest level there is: nothing exceeds it. */
const BASE_MAX = 0x7fff;

type Numbers = Omit<Model, "modelId">;
type Law = Pick<Core, "sha256">;

const SILENCERS: Readonly<Record<Head, (model: Numbers) => Numbers>> = {
  content: (model) => ({ ...model, factor: new Int8Array(model.factor.length) }),
  attack: ({ contexts, kinds, ...rest }) => ({
    ...rest,
    contexts: edited(contexts, ROW_BYTES, (row) => row.setInt16(ROW_BASE, BASE_MAX, true)),
    kinds: edited(kinds, KIND_BYTES, (kind) => kind.setInt16(0, BASE_MAX, true)),
  }),
  structure: ({ contexts, kinds, ...rest }) => ({
    ...rest,
    contexts: edited(contexts, ROW_BYTES, (row) => {
      for (const at of ROW_SURPRISES) row.setUint8(at, 0);
    }),
    kinds: edited(kinds, KIND_BYTES, (kind) => kind.setUint8(KIND_SURPRISE, 0)),
  }),
};

/** The model with all other heads silent. */
export function only(model: Model, head: Head, core: Law): Model {
  return HEADS.filter((other) => other !== head).reduce((left, other) => without(left, other, core), model);
}

/** The model with one head silent. */
export function without({ modelId: _, ...model }: Model, head: Head, core: Law): Model {
  return named(SILENCERS[head](model), core);
}

/** What is left of a model when these may speak. */
export function silenced(model: Model, { head, without: silent }: Voices, core: Law): Model {
  const left = head === undefined ? model : only(model, head, core);
  return silent === undefined ? left : without(left, silent, core);
}

/** A copy of rows of one size, each changed. */
function edited(rows: Uint8Array, size: number, edit: (row: DataView) => void): Uint8Array {
  const copy = rows.slice();
  for (let at = 0; at < copy.length; at += size) edit(new DataView(copy.buffer, copy.byteOffset + at, size));
  return copy;
}
