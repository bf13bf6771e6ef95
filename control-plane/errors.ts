// The one error of the control plane: thrown by anyone, translated to a gRPC status in server/status.ts alone. Its
// message is for the caller: it names field, value and bound. What is not one of these is a fault of ours: `from` wraps
// it as INTERNAL, and server/status.ts then says no more than "internal error" on the wire and logs the cause whole.

/** Names and numbers of gRPC, without OK. */
export const CODES = {
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

export type Code = keyof typeof CODES;

/** One field that was refused, and why. `field` is a path in the request: `rule.match.caller`. */
export interface Violation {
  field: string;
  description: string;
}

export interface ErrorDetail {
  /** Short form of one violation, described by the message. */
  field?: string;
  violations?: readonly Violation[];
  cause?: unknown;
}

export class ControlPlaneError extends Error {
  override readonly name = "ControlPlaneError";
  readonly code: Code;
  /** The first field refused, if a field was. */
  readonly field: string | undefined;
  readonly violations: readonly Violation[];

  constructor(code: Code, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.code = code;
    const own = detail.field === undefined ? [] : [{ field: detail.field, description: message }];
    this.violations = detail.violations ?? own;
    this.field = detail.field ?? this.violations[0]?.field;
  }

  /** The value itself if it is one, else an INTERNAL error with the value as its cause. */
  static from(value: unknown): ControlPlaneError {
    if (value instanceof ControlPlaneError) return value;
    const message = value instanceof Error ? value.message : String(value);
    return new ControlPlaneError("INTERNAL", message, { cause: value });
  }
}

/** Shorthand for the most common refusal. */
export function invalid(field: string, message: string): ControlPlaneError {
  return new ControlPlaneError("INVALID_ARGUMENT", message, { field });
}
