// Puts a location as the filter tells it into the form of the sets: a path segment by its place after a split at each
// slash, so that the first is 1; a parameter by its name as it stands in the request; a header by its name. The filter
// names a parameter or a header only where the name can forge nothing in a log line, else it says which one it is.

/** As in the sets; the empty text for the empty text. `u` is path and query as on the wire. */
export function locationOf(told: string, u: string): string {
  const [kind, rest] = [told.slice(0, told.indexOf(":")), told.slice(told.indexOf(":") + 1)];
  if (kind === "path") return `path:${Number(rest) + 1}`;
  if (kind !== "query") return told;
  const query = u.includes("?") ? u.slice(u.indexOf("?") + 1) : "";
  const names = query
    .split("&")
    .filter((piece) => piece !== "")
    .map((piece) => piece.split("=", 1)[0] ?? "");
  const found = names.find((name) => name === rest) ?? names.find((name) => decoded(name) === rest);
  if (found !== undefined) return `query:${found}`;
  return `query:${/^\d+$/.test(rest) ? (names[Number(rest)] ?? rest) : rest}`;
}

function decoded(name: string): string {
  return name
    .replaceAll("+", " ")
    .replace(/%([0-9a-fA-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
}
