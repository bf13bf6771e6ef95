// Structured log: one JSON object a line. Only the fields of FIELDS are ever written, so that a header value, a token
// or a key cannot get into a line by a spread object. Time is that of the injected clock.

import { type DestinationStream, pino } from "pino";
import type { Clock } from "./ports/clock.ts";

export const LEVELS = ["debug", "info", "warn", "error", "silent"] as const;
export type Level = (typeof LEVELS)[number];

/** What a line may hold besides level, time and event. Adding a name here is a decision: no content, no secrets. */
export const FIELDS = [
  "address",
  "bytes",
  "code",
  "count",
  "detail",
  "durationMs",
  "epoch",
  "error",
  "field",
  "identity",
  "lease",
  "listener",
  "mesh",
  "method",
  "mode",
  "modelId",
  "node",
  "operator",
  "outcome",
  "peer",
  "process",
  "requests",
  "rule",
  "signal",
  "stack",
  "target",
  "version",
  "vm",
  "windows",
] as const;

export type Fields = { [K in (typeof FIELDS)[number]]?: string | number | boolean | undefined };

export interface Log {
  debug(event: string, fields?: Fields): void;
  info(event: string, fields?: Fields): void;
  warn(event: string, fields?: Fields): void;
  error(event: string, fields?: Fields): void;
}

const TEXT_MAX = 1024;
const ALLOWED: ReadonlySet<string> = new Set(FIELDS);

export function createLog(level: Level, clock: Clock, destination: DestinationStream): Log {
  const logger = pino(
    {
      level,
      base: null,
      messageKey: "event",
      timestamp: () => `,"timeMs":${clock.nowMs()}`,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  return {
    debug: (event, fields) => logger.debug(allowed(fields), event),
    info: (event, fields) => logger.info(allowed(fields), event),
    warn: (event, fields) => logger.warn(allowed(fields), event),
    error: (event, fields) => logger.error(allowed(fields), event),
  };
}

/** Says nothing. */
export const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** The fields that tell an error: its code where it has one, its message, its stack, and the message of its cause. */
export function errorFields(error: unknown): Fields {
  if (!(error instanceof Error)) return { error: String(error) };
  const code = (error as { code?: unknown }).code;
  return {
    error: error.message,
    stack: error.stack,
    ...(typeof code === "string" ? { code } : {}),
    ...(error.cause === undefined ? {} : { detail: String(error.cause) }),
  };
}

function allowed(fields: Fields | undefined): Fields {
  const kept: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(fields ?? {})) {
    if (!ALLOWED.has(name) || value === undefined) continue;
    kept[name] = typeof value === "string" ? value.slice(0, TEXT_MAX) : value;
  }
  return kept;
}
