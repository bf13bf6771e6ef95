// How little the demos learn before they judge. Production learns for days and from many more requests (control-
// plane/config.ts has its defaults); these are chosen so that something can be seen within a minute.

/** Names as in control-plane/config.ts. */
export type Thresholds = Readonly<Record<string, number>>;

export const SHOP_THRESHOLDS = {
  learnRequestsMin: 1_000,
  calibrationRequestsMin: 3_000,
  alertFpr: 0.01,
  denyFpr: 0.0007,
  windowMs: 1_000,
  pulseMs: 500,
  trainEveryMs: 1_000,
} satisfies Thresholds;

/** One's own service is visited by hand or by its tests: more to learn from, but no hurry. */
export const UPSTREAM_THRESHOLDS = {
  learnRequestsMin: 500,
  calibrationRequestsMin: 500,
  alertFpr: 0.01,
  denyFpr: 0.0005,
  windowMs: 2_000,
  pulseMs: 1_000,
  trainEveryMs: 2_000,
} satisfies Thresholds;

/** As VEDETTE_* variables: `learnRequestsMin` is VEDETTE_LEARN_REQUESTS_MIN. */
export function settingsOf(thresholds: Thresholds): Record<string, string> {
  const name = (key: string) => `VEDETTE_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
  return Object.fromEntries(Object.entries(thresholds).map(([key, value]) => [name(key), String(value)]));
}
