// Static configuration, from the environment. One table says every key with its default and bound; the parser is a pure
// function to a complete object, and control-plane/README.md prints the table. A key that is not in it, and a value out
// of bounds, is an error that names key, value and bound: a control plane that starts has been understood.

import { checkConfig } from "./config-check.ts";
import {
  type Address,
  address,
  BINDINGS_MAX,
  ConfigError,
  choice,
  integer,
  type Key,
  key,
  PREFIX,
  parseBindings,
  path,
  rate,
  text,
} from "./config-keys.ts";
import { assembleOperators, OPERATOR_KEYS, type OperatorSettings } from "./config-operators.ts";
import type { Mode } from "./domain.ts";
import { LEVELS, type Level } from "./log.ts";
import { AUDIT_ENTRIES_DEFAULT } from "./store/audit.ts";
import { TRAIN_DEFAULTS, type TrainSettings } from "./train/settings.ts";

/** Paths of PEM files. */
export interface TlsFiles {
  cert: string;
  key: string;
  /** Signers of client certificates; undefined: clients show none. */
  clientCa: string | undefined;
}

export interface Listener {
  address: Address;
  tls: TlsFiles | undefined;
}

/**
 * How sidecars are known: by their client certificate, by the `x-forwarded-client-cert` of an Envoy beside us, or not
 * at all; the latter two on loopback only.
 */
export type SidecarIdentity = "mtls" | "xfcc" | "none";

export interface Config {
  sidecar: Listener & { identity: SidecarIdentity };
  operator: Listener & OperatorSettings;
  /** Metrics and health over HTTP. */
  http: Address;
  dataDirectory: string;
  /** Newest entries of the audit trail that are kept. */
  auditEntries: number;
  mesh: string;
  trustDomain: string;
  /** From `namespace/service-account` to the targets it may speak for beyond its own. */
  bindings: ReadonlyMap<string, readonly string[]>;
  /** PEM of a P-256 private key; undefined: snapshots are not signed. */
  signingKeyFile: string | undefined;
  /** Of a workload that is seen for the first time. */
  defaultMode: Mode;
  windowMs: number;
  pulseMs: number;
  /** What is done with a request whose headers exceed the filter's bound. */
  oversize: "allow" | "deny";
  training: TrainSettings;
  trainEveryMs: number;
  logLevel: Level;
}

/** Reads one variable of the environment. */
export type Get = (name: string) => string | undefined;

const MODES: readonly Mode[] = ["off", "learn", "shadow", "enforce"];

const KEYS = {
  sidecarAddress: address("SIDECAR_ADDRESS", "127.0.0.1:15051", "sidecar listener; without mTLS only on loopback"),
  sidecarIdentity: choice(
    "SIDECAR_IDENTITY",
    "mtls",
    ["mtls", "xfcc", "none"],
    "how sidecars are known: by client certificate, by the `x-forwarded-client-cert` of an Envoy beside us, or not",
  ),
  sidecarCert: path("SIDECAR_TLS_CERT", "its certificate chain (PEM)"),
  sidecarKey: path("SIDECAR_TLS_KEY", "its private key (PEM)"),
  sidecarClientCa: path(
    "SIDECAR_TLS_CLIENT_CA",
    "signers of sidecar certificates (PEM); set together with the two above",
  ),
  operatorAddress: address("OPERATOR_ADDRESS", "127.0.0.1:15052", "operator listener; without TLS only on loopback"),
  operatorIdentity: choice(
    "OPERATOR_IDENTITY",
    "required",
    ["required", "none"],
    "`none`: whoever reaches the listener, on loopback only, is an admin",
  ),
  operatorCert: path("OPERATOR_TLS_CERT", "its certificate chain (PEM)"),
  operatorKey: path("OPERATOR_TLS_KEY", "its private key (PEM)"),
  operatorClientCa: path("OPERATOR_TLS_CLIENT_CA", "signers of operator certificates (PEM); not those of the sidecars"),
  ...OPERATOR_KEYS,
  http: address("HTTP_ADDRESS", "127.0.0.1:15053", "`/metrics`, `/healthz`, `/readyz`, without identity"),
  dataDirectory: text("DATA_DIRECTORY", "vedette-data", /^.{1,4096}$/, "1 to 4,096 characters", "the store"),
  auditEntries: integer(
    "AUDIT_ENTRIES",
    AUDIT_ENTRIES_DEFAULT,
    1_000,
    1_000_000,
    "newest entries of the audit trail that are kept",
  ),
  mesh: text(
    "MESH",
    "default",
    /^[a-z0-9.-]{1,64}$/,
    "1 to 64 of `[a-z0-9.-]`",
    "id of the mesh; sidecars of another are refused",
  ),
  trustDomain: text(
    "TRUST_DOMAIN",
    "cluster.local",
    /^[a-z0-9._-]{1,255}$/,
    "1 to 255 of `[a-z0-9._-]`",
    "trust domain of the sidecars' SPIFFE ids",
  ),
  bindings: key(
    "BINDINGS",
    "",
    `at most ${BINDINGS_MAX} of \`ns/account=ns/name,ns/*\`, split by \`;\``,
    "what a service account may speak for beyond `ns/account` itself",
    parseBindings,
  ),
  signingKeyFile: path("SIGNING_KEY", "P-256 private key (PEM) that signs snapshots; empty: unsigned"),
  defaultMode: choice("DEFAULT_MODE", "learn", MODES, "mode of a workload that is new"),
  windowMs: integer("WINDOW_MS", 60_000, 1_000, 600_000, "length of a statistics window"),
  pulseMs: integer("PULSE_MS", 5_000, 500, 60_000, "time between two pulses of a VM; 3 missed end a stream"),
  oversize: choice("OVERSIZE", "allow", ["allow", "deny"], "what is done with headers beyond the filter's bound"),
  learnRequestsMin: integer(
    "LEARN_REQUESTS_MIN",
    TRAIN_DEFAULTS.learnRequestsMin,
    10,
    1e9,
    "requests learnt before a model may deny",
  ),
  calibrationRequestsMin: integer(
    "CALIBRATION_REQUESTS_MIN",
    TRAIN_DEFAULTS.calibrationRequestsMin,
    10,
    1e9,
    "requests a candidate scores before it judges, if it may deny then",
  ),
  retrainGrowthPercent: integer(
    "RETRAIN_GROWTH_PERCENT",
    TRAIN_DEFAULTS.retrainGrowthPercent,
    1,
    1_000,
    "growth of the learnt requests after which a new candidate is due",
  ),
  retrainAfterMs: integer(
    "RETRAIN_AFTER_MS",
    TRAIN_DEFAULTS.retrainAfterMs,
    1_000,
    604_800_000,
    "age of a model after which a new candidate is due",
  ),
  alertFpr: rate("ALERT_FPR", TRAIN_DEFAULTS.alertFpr, "share of normal requests that may be alerted"),
  denyFpr: rate(
    "DENY_FPR",
    TRAIN_DEFAULTS.denyFpr,
    "share of normal requests that may be denied; at most the alert share",
  ),
  trainEveryMs: integer("TRAIN_EVERY_MS", 60_000, 100, 86_400_000, "time between two trainings"),
  logLevel: choice("LOG_LEVEL", "info", LEVELS, "least level that is logged"),
};

type Values = { [K in keyof typeof KEYS]: Exclude<ReturnType<(typeof KEYS)[K]["parse"]>, undefined> };

/** Throws ConfigError. `names` are those of all variables there are: an unknown one with our prefix is a fault. */
export function parseConfig(get: Get, names: readonly string[] = []): Config {
  const faults: string[] = [];
  const known = new Set(Object.values(KEYS).map(({ name }) => name));
  for (const name of names) {
    if (name.startsWith(PREFIX) && !known.has(name)) faults.push(`${name}: no such key`);
  }
  const values: Record<string, unknown> = {};
  for (const [field, { name, fallback, bound, parse }] of Object.entries<Key<unknown>>(KEYS)) {
    const given = get(name) ?? fallback;
    values[field] = parse(given);
    if (values[field] === undefined) faults.push(`${name}: ${JSON.stringify(given)}, must be ${bound}`);
  }
  if (faults.length > 0) throw new ConfigError(faults.join("\n"));
  return assemble(values as Values);
}

function assemble(values: Values): Config {
  const { sidecarAddress, sidecarCert, sidecarKey, sidecarClientCa, sidecarIdentity } = values;
  const { operatorAddress, operatorCert, operatorKey, operatorClientCa, signingKeyFile, ...rest } = values;
  const config: Config = {
    sidecar: {
      address: sidecarAddress,
      tls: tls("SIDECAR", sidecarCert, sidecarKey, sidecarClientCa),
      identity: sidecarIdentity,
    },
    operator: {
      address: operatorAddress,
      tls: tls("OPERATOR", operatorCert, operatorKey, operatorClientCa),
      ...assembleOperators(values),
    },
    http: rest.http,
    dataDirectory: rest.dataDirectory,
    auditEntries: rest.auditEntries,
    mesh: rest.mesh,
    trustDomain: rest.trustDomain,
    bindings: rest.bindings,
    signingKeyFile: signingKeyFile === "" ? undefined : signingKeyFile,
    defaultMode: rest.defaultMode,
    windowMs: rest.windowMs,
    pulseMs: rest.pulseMs,
    oversize: rest.oversize,
    training: {
      learnRequestsMin: rest.learnRequestsMin,
      calibrationRequestsMin: rest.calibrationRequestsMin,
      retrainGrowthPercent: rest.retrainGrowthPercent,
      retrainAfterMs: rest.retrainAfterMs,
      alertFpr: rest.alertFpr,
      denyFpr: rest.denyFpr,
    },
    trainEveryMs: rest.trainEveryMs,
    logLevel: rest.logLevel,
  };
  checkConfig(config);
  return config;
}

/** For what needs no more than the store. Throws ConfigError. */
export function parseDataDirectory(get: Get): string {
  const { name, fallback, bound, parse } = KEYS.dataDirectory;
  const given = get(name) ?? fallback;
  const directory = parse(given);
  if (directory === undefined) throw new ConfigError(`${name}: ${JSON.stringify(given)}, must be ${bound}`);
  return directory;
}

/** The table of control-plane/README.md. */
export function configTable(): string {
  const rows = Object.values<Key<unknown>>(KEYS).map(({ name, fallback, bound, meaning }) => {
    const shown = fallback === "" ? "" : `\`${fallback}\``;
    return `| \`${name}\` | ${shown} | ${bound} | ${meaning} |`;
  });
  return ["| key | default | bound | meaning |", "| --- | --- | --- | --- |", ...rows].join("\n");
}

/** Certificate and key go together. Sidecars without a client certificate have no identity, so there all three do. */
function tls(listener: "SIDECAR" | "OPERATOR", cert: string, key: string, clientCa: string): TlsFiles | undefined {
  if (cert === "" && key === "" && clientCa === "") return undefined;
  const complete = cert !== "" && key !== "" && (clientCa !== "" || listener === "OPERATOR");
  if (!complete) {
    const needed = listener === "SIDECAR" ? ["CERT", "KEY", "CLIENT_CA"] : ["CERT", "KEY"];
    const names = needed.map((part) => `${PREFIX}${listener}_TLS_${part}`).join(", ");
    throw new ConfigError(`${names}: must be set together`);
  }
  return { cert, key, clientCa: clientCa === "" ? undefined : clientCa };
}
