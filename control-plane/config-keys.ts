// The kinds of configuration keys: each knows its bound in words and parses its text; addresses. Pure.

export interface Address {
  /** A name, an IPv4 address, or an IPv6 address without brackets. */
  host: string;
  /** 0 takes a free one. */
  port: number;
}

/** A configuration that cannot be used: every fault, one a line. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

export interface Key<T> {
  name: string;
  fallback: string;
  bound: string;
  meaning: string;
  /** Undefined where the text is out of bounds. */
  parse(text: string): T | undefined;
}

export const PREFIX = "VEDETTE_";
export const BINDINGS_MAX = 1000;

export function key<T>(name: string, fallback: string, bound: string, meaning: string, parse: Key<T>["parse"]): Key<T> {
  return { name: PREFIX + name, fallback, bound, meaning, parse };
}

export function text(name: string, fallback: string, pattern: RegExp, bound: string, meaning: string): Key<string> {
  return key(name, fallback, bound, meaning, (given) => (pattern.test(given) ? given : undefined));
}

export function path(name: string, meaning: string, fallback = ""): Key<string> {
  return text(name, fallback, /^.{0,4096}$/, "a path, at most 4,096 characters", meaning);
}

export function choice<T extends string>(name: string, fallback: T, all: readonly T[], meaning: string): Key<T> {
  const bound = all.map((one) => `\`${one}\``).join(", ");
  return key(name, fallback, bound, meaning, (given) => all.find((one) => one === given));
}

export function integer(name: string, fallback: number, min: number, max: number, meaning: string): Key<number> {
  const bound = `${min.toLocaleString("en")} to ${max.toLocaleString("en")}`;
  return key(name, String(fallback), bound, meaning, (given) => {
    const value = /^\d{1,16}$/.test(given) ? Number(given) : Number.NaN;
    return value >= min && value <= max ? value : undefined;
  });
}

export function rate(name: string, fallback: number, meaning: string): Key<number> {
  return key(name, String(fallback), "1e-9 to 0.1", meaning, (given) => {
    const value = /^[0-9.]{1,20}(e-\d{1,2})?$/i.test(given) ? Number(given) : Number.NaN;
    return value >= 1e-9 && value <= 0.1 ? value : undefined;
  });
}

export function address(name: string, fallback: string, meaning: string): Key<Address> {
  return key(name, fallback, "`host:port`, port 0 to 65,535", meaning, (given) => {
    const parts = /^(?:\[([0-9a-fA-F:.]{2,45})\]|([A-Za-z0-9.-]{1,253})):(\d{1,5})$/.exec(given);
    const port = Number(parts?.[3] ?? Number.NaN);
    return port <= 65_535 ? { host: parts?.[1] ?? parts?.[2] ?? "", port } : undefined;
  });
}

export function parseBindings(given: string): Map<string, string[]> | undefined {
  const label = "[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?";
  const entry = new RegExp(`^(${label}/${label})=(${label}/(?:${label}|\\*)(?:,${label}/(?:${label}|\\*))*)$`);
  const bindings = new Map<string, string[]>();
  for (const piece of given === "" ? [] : given.split(";")) {
    const parts = entry.exec(piece.trim());
    if (parts?.[1] === undefined || parts[2] === undefined) return undefined;
    bindings.set(parts[1], [...(bindings.get(parts[1]) ?? []), ...parts[2].split(",")]);
  }
  return bindings.size <= BINDINGS_MAX ? bindings : undefined;
}

export function isLoopback({ host }: Address): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

/** `host:port`, with brackets around an IPv6 address. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
