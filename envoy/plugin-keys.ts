// The keys of the plugin configuration, as the table in envoy/README.md prints them. A test asks the filter itself for
// every key, default and bound said here, and finds none that is missing.

export interface PluginKey {
  key: string;
  /** What the filter takes where the key is absent; markdown. */
  fallback: string;
  /** In the words of the filter's own refusal: `<key>: <value> is not <bound>`. */
  bound: string;
  meaning: string;
}

export const PLUGIN_KEYS: readonly PluginKey[] = [
  { key: "mesh", fallback: "`default`", bound: "1 to 64 bytes of [a-z0-9.-]", meaning: "id of the mesh" },
  {
    key: "target",
    fallback: "node metadata `NAMESPACE` `/` `WORKLOAD_NAME`",
    bound: "namespace/name of at most 256 bytes of [a-z0-9.-]",
    meaning: "the protected workload",
  },
  {
    key: "direction",
    fallback: "`server`",
    bound: "server or client",
    meaning: "`client` counts edges and judges nothing",
  },
  {
    key: "cluster",
    fallback: "`vedette`",
    bound: "1 to 256 bytes of [A-Za-z0-9._|:/-]",
    meaning: "Envoy cluster of the control plane; in Istio `outbound|<port>||<host>`",
  },
  {
    key: "authority",
    fallback: "`vedette`",
    bound: "1 to 256 visible ASCII bytes",
    meaning: "`:authority` of the stream",
  },
  {
    key: "publicKey",
    fallback: "empty",
    bound: "base64 of a SubjectPublicKeyInfo of at most 512 bytes",
    meaning: "P-256; where set, unsigned snapshots are refused",
  },
  {
    key: "callerHeader",
    fallback: "`false`",
    bound: "true or false",
    meaning: "take the caller from the last element of `x-forwarded-client-cert` where there is no client certificate",
  },
  { key: "tickMs", fallback: "`200`", bound: "50 to 5000", meaning: "period of the tick" },
];

/** The table in markdown. */
export function pluginKeyTable(): string {
  const cell = (text: string) => text.replaceAll("|", "\\|");
  const rows = PLUGIN_KEYS.map(({ key, fallback, bound, meaning }) => {
    return `| \`${key}\` | ${cell(fallback)} | ${cell(bound)} | ${cell(meaning)} |`;
  });
  return ["| key | default | bound | meaning |", "| --- | --- | --- | --- |", ...rows].join("\n");
}
