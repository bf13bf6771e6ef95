// The heads of the detector, and what is left of a trained model when only one of them may speak: the one place in the
// bench that knows them by name. Models are silenced before they are published, so that histograms and thresholds are
// those of the head, too.

import type { Model } from "../../control-plane/domain.ts";

/** In the order of the design. */
export const HEADS = ["content"] as const;

export type Head = (typeof HEADS)[number];

/** The model with all other heads silent. There is one head, so none is left to silence. */
export function only(model: Model, head: Head): Model {
  if (!HEADS.includes(head)) throw new Error(`head: ${head}, must be ${HEADS.join(" or ")}`);
  return model;
}
