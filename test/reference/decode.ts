// Section 1 of the law: decoding of one segment. One pass from left to right; what a pass produced is not looked at
// again by that pass.

const ESCAPE = /%(?:[uU]00)?([0-9A-Fa-f]{2})/g;

/** Decodes `%XX` and `%u00XX` once; in names and values `+` becomes a space. */
export function decode(segment: string, plusIsSpace: boolean): string {
  const spaced = plusIsSpace ? segment.replaceAll("+", " ") : segment;
  return spaced.replace(ESCAPE, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** Decodes `times` times; `+` counts the first time only. */
export function decodeTimes(segment: string, plusIsSpace: boolean, times: 1 | 2): string {
  const once = decode(segment, plusIsSpace);
  return times === 1 ? once : decode(once, false);
}

/** The bytes that the escapes of a raw text decode to, in order. */
export function escapedBytes(raw: string): number[] {
  return [...raw.matchAll(ESCAPE)].map((match) => Number.parseInt(match[1]!, 16));
}
