// Who calls, as verified. A sidecar is the SPIFFE id of its client certificate, or of the one that the Envoy beside us
// has seen (xfcc.ts); it speaks for its own `namespace/service-account` and for what the bindings name. An operator is
// what its certificate or token says (operators.ts). Without identity, on loopback only, a caller is `local`.

import { X509Certificate } from "node:crypto";
import type { Identity, Target } from "../domain.ts";
import { ControlPlaneError } from "../errors.ts";
import type { Access } from "./access.ts";

export interface Principal {
  identity: Identity;
  roles: readonly Access[];
  /** Unix milliseconds after which the identity holds no more; Infinity for `local`. */
  expiresAtMs: number;
  /** False for operators. */
  mayServe(target: Target): boolean;
}

/** A sidecar. */
export type Peer = Pick<Principal, "identity" | "expiresAtMs" | "mayServe">;

/** From `namespace/service-account` to targets; `namespace/*` names every workload of a namespace. */
export type Bindings = ReadonlyMap<string, readonly string[]>;

const NEVER = Number.POSITIVE_INFINITY;
const SIDECAR_ROLES: readonly Access[] = ["sidecar"];

export const LOCAL_SIDECAR: Principal = {
  identity: "local",
  roles: SIDECAR_ROLES,
  expiresAtMs: NEVER,
  mayServe: () => true,
};
export const LOCAL_OPERATOR: Principal = { ...LOCAL_SIDECAR, roles: ["admin"], mayServe: () => false };

/** SPIFFE allows ids of at most 2,048 bytes. */
const SPIFFE_ID_MAX = 2048;
const NAMESPACE = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
const ACCOUNT = "[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?";
const SPIFFE_ID = new RegExp(`^spiffe://([a-z0-9._-]{1,255})/ns/(${NAMESPACE})/sa/(${ACCOUNT})$`);

/**
 * The sidecar behind a verified certificate (DER). UNAUTHENTICATED where there is none, where it has not exactly one
 * URI, or where that is no `spiffe://<trust domain>/ns/<namespace>/sa/<service account>` of this trust domain.
 */
export function peerOf(certificate: Uint8Array | undefined, trustDomain: string, bindings: Bindings): Principal {
  if (certificate === undefined) throw unauthenticated("no verified client certificate");
  const parsed = new X509Certificate(certificate);
  const peer = peerOfUris(urisOf(parsed), trustDomain, bindings);
  return { ...peer, expiresAtMs: Date.parse(parsed.validTo) };
}

/** The sidecar with these URIs in its certificate; UNAUTHENTICATED as `peerOf`. */
export function peerOfUris(uris: readonly string[], trustDomain: string, bindings: Bindings): Principal {
  const [id = ""] = uris;
  if (uris.length !== 1) throw unauthenticated(`client certificate has ${uris.length} URIs, must have exactly 1`);
  const parts = id.length <= SPIFFE_ID_MAX ? SPIFFE_ID.exec(id) : null;
  if (parts === null) throw unauthenticated("client certificate: URI is no spiffe://<trust domain>/ns/<ns>/sa/<sa>");
  if (parts[1] !== trustDomain) throw unauthenticated(`client certificate: trust domain is not ${trustDomain}`);
  const account = `${parts[2]}/${parts[3]}`;
  const bound = bindings.get(account) ?? [];
  return {
    identity: id,
    roles: SIDECAR_ROLES,
    expiresAtMs: NEVER,
    mayServe: (target) => target === account || bound.some((pattern) => covers(pattern, target)),
  };
}

/** URIs among the subject alternative names. */
export function urisOf(certificate: X509Certificate): string[] {
  const names = alternativeNames(certificate.subjectAltName ?? "");
  return names.filter((name) => name.startsWith("URI:")).map((name) => name.slice("URI:".length));
}

/**
 * Splits the text that Node makes of a subjectAltName. A value with a comma or a quote in it comes as a JSON string, so
 * a split at every comma would let a DNS name smuggle in a `URI:`. Values that came quoted stay quoted: they match no
 * grammar of ours; no space is taken off.
 */
export function alternativeNames(text: string): string[] {
  const names: string[] = [];
  let start = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (quoted && char === "\\") at++;
    else if (char === '"') quoted = !quoted;
    else if (char === "," && !quoted && text[at + 1] === " ") {
      names.push(text.slice(start, at));
      start = at + 2;
    }
  }
  if (start < text.length) names.push(text.slice(start));
  return names;
}

export function unauthenticated(message: string, cause?: unknown): ControlPlaneError {
  return new ControlPlaneError("UNAUTHENTICATED", message, { cause });
}

function covers(pattern: string, target: Target): boolean {
  return pattern.endsWith("/*") ? target.startsWith(pattern.slice(0, -1)) : pattern === target;
}
