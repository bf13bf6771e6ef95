// How long a test of the mesh waits for what it expects: much longer than it should take on a machine of two cores that
// does other things.

import { waitFor } from "../../envoy/process.ts";

export const PATIENCE_MS = 60_000;

export function eventually<T>(what: string, condition: () => T | Promise<T>): Promise<T> {
  return waitFor(what, condition, PATIENCE_MS);
}
