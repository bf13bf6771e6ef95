// The nouns of the control plane, free of protobuf: server/ translates at the edge, everything behind it speaks these.
// Counts are integers below 2^53; keys and boot ids are 16 lower-case hex digits; times are Unix milliseconds of the
// injected clock.

export type Mode = "off" | "learn" | "shadow" | "enforce";
export type CallerClass = "attested" | "header" | "address";

/** `namespace/name`. */
export type Target = string;

/** Identity of a stream: a SPIFFE id, or `local` on a loopback listener without TLS. */
export type Identity = string;

/** What an operator may do; server/access.ts says which method is for whom. */
export type Role = "viewer" | "rule-editor" | "mode-editor" | "admin";

/** Who makes a change, and by which call; for its audit entry. */
export interface Author {
  /** `certificate:…`, `oidc:…`, `kubernetes:…`, or `local`. */
  identity: string;
  /** `SetWorkloadMode`. */
  method: string;
}

/** An identity that is refused whatever it shows. */
export interface Ban {
  identity: string;
  reason: string;
  author: string;
  createdAtMs: number;
}

/** What was done or refused; `AuditEntry` adds its place in the chain. */
export interface AuditRecord {
  outcome: "done" | "refused";
  /** Who, as verified; empty where nobody was. */
  identity: string;
  method: string;
  /** `workloads/…`, `rules/…`, `bans/…`; empty where the call reached none. */
  resource: string;
  /** Name of the gRPC code; `OK` for what was done. */
  code: string;
  detail: string;
  /** State of the resource in JSON before and after; empty where there was none. */
  before: string;
  after: string;
  /** Refusals since the last that were too many to be entered. */
  suppressed: number;
}

export interface AuditEntry extends AuditRecord {
  /** From 1, without gaps. */
  seq: number;
  timeMs: number;
  /** SHA-256 in hex: of the entry before, and of that hash and this entry. */
  previousHash: string;
  hash: string;
}

/** Sums of one caller group: 32 sums, 528 products; filter/core/README.md section 4. */
export interface Moments {
  n: number;
  sums: number[];
  products: number[];
}

export interface Counts {
  seen: number;
  scored: number;
  learnt: number;
  allowed: number;
  deniedByRule: number;
  deniedByModel: number;
  shadowDenied: number;
  alerted: number;
  retries: number;
  answeredBefore: number;
  /** By class 1xx to 5xx. */
  responses: number[];
  /** By SkipReason number. */
  skipped: Record<string, number>;
  /** By BoundReason number. */
  bounds: Record<string, number>;
  /** Passed, and not learnt from: too much like an attack. */
  held: number;
}

export interface RouteSums {
  name: string;
  n: number;
  sums: number[];
  failures: number;
}

export interface CallerCount {
  name: string;
  class: CallerClass;
  group: number;
  n: number;
}

export interface EdgeCount {
  n: number;
  denied: number;
  failures: number;
}

/** Segments of one path place, parameter or header; filter/core/README.md section 11. */
export interface ContextSums {
  /** SegmentKind number: path segment, parameter, header. */
  kind: 1 | 2 | 3;
  n: number;
  /** How many had each of 11 classes. */
  classes: number[];
  /** Counts of 25 length bins, and of 32 bins of the attack level. */
  lengths: number[];
  levels: number[];
  /** Caller groups that had a part in each of these counts: bit g for group g. */
  classGroups: number[];
  lengthGroups: number[];
  levelGroups: number[];
}

/** What merges: a window's content, a stratum of a day, the whole of a target. */
export interface Statistics {
  counts: Counts;
  /** By caller group 0 to 7. */
  moments: Record<string, Moments>;
  /** Counts of 128 buckets by model id. */
  scores: Record<string, number[]>;
  /** By route key. */
  routes: Record<string, RouteSums>;
  /** By caller key. */
  callers: Record<string, CallerCount>;
  /** By `callerKey/routeKey`. */
  edges: Record<string, EdgeCount>;
  /** By context key. */
  contexts: Record<string, ContextSums>;
}

export interface WindowReport {
  identity: Identity;
  node: string;
  vmBootId: string;
  windowSeq: number;
  startMs: number;
  endMs: number;
  target: Target;
  hashKeyId: number;
  /** Total of this VM since its boot. */
  windowsDropped: number;
  statistics: Statistics;
}

export type WindowOutcome = "merged" | "duplicate" | "expired" | "invalid";

/** Weights of text features; filter/core/README.md section 10. */
export interface AttackTable {
  /** Of the content; 16 hex digits. */
  tableId: string;
  /** 32,768 x i8, in 1/32 nat. */
  weights: Uint8Array;
  /** In 1/32 nat. */
  bias: number;
}

/** The integer model; filter/core/README.md sections 5 and 11. */
export interface Model {
  modelId: string;
  mean: Int16Array;
  factor: Int8Array;
  scale: Uint32Array;
  /** Largest deviation of each feature that counts, in 1/64 bin. */
  clip: Int16Array;
  /** Rows of 16 bytes, at most 1,024, ascending by key. */
  contexts: Uint8Array;
  /** 16 bytes; none: the attack and structure heads are silent. */
  kinds: Uint8Array;
  /** Keys of 8 bytes, at most 1,024, ascending. */
  routes: Uint8Array;
  /** In 1/16 nat, 0 to 255. */
  structureBase: number;
  /** Table that it was made with; zeros without one. */
  attackId: string;
  /** 0 = not calibrated. */
  alertThreshold: number;
  denyThreshold: number;
}

export interface RuleMatch {
  caller: string;
  callerGroup: number | null;
  method: string;
  route: string;
  scoreMin: number;
}

export interface Rule {
  id: number;
  action: "allow" | "deny";
  target: Target;
  match: RuleMatch;
  expiresAtMs: number;
  owner: string;
  reason: string;
  createdAtMs: number;
}

/** An immutable, published whole: bytes as they go to the filter. */
export interface Snapshot {
  target: Target;
  epoch: number;
  version: number;
  /** SHA-256 of the manifest, hex. */
  digest: string;
  manifest: Uint8Array;
  signature: Uint8Array;
  sections: SnapshotSection[];
}

export interface SnapshotSection {
  kind: "settings" | "model" | "rules";
  digest: string;
  content: Uint8Array;
}
