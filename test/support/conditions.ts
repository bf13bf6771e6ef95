// Waits for something to become true, without saying how long that should take.

/** Resolves when `condition` holds; rejects with `what` where it does not within 10 s, which means never. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const endMs = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
