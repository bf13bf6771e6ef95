// Who a sidecar is, and what it may speak for. With mTLS: the SPIFFE id of the verified client certificate, and its own
// `namespace/service-account` or what the bindings name. Without TLS (loopback only): identity `local`, which may speak
// for all.

import { X509Certificate } from "node:crypto";
import type { Identity, Target } from "../domain.ts";
import { ControlPlaneError } from "../errors.ts";
import { printable } from "./reason.ts";

export interface Peer {
  identity: Identity;
  /** Unix milliseconds after which the identity holds no more; Infinity for `local`. */
  expiresAtMs: number;
  mayServe(target: Target): boolean;
}

/** From `namespace/service-account` to targets; `namespace/*` names every workload of a namespace. */
export type Bindings = ReadonlyMap<string, readonly string[]>;

export const LOCAL: Peer = { identity: "local", expiresAtMs: Number.POSITIVE_INFINITY, mayServe: () => true };

/** SPIFFE allows ids of at most 2,048 bytes. */
const SPIFFE_ID_MAX = 2048;
const NAMESPACE = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
const ACCOUNT = "[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?";
const SPIFFE_ID = new RegExp(`^spiffe://([a-z0-9._-]{1,255})/ns/(${NAMESPACE})/sa/(${ACCOUNT})$`);

/**
 * The peer behind a verified certificate (DER). UNAUTHENTICATED where there is none, where it has not exactly one URI,
 * or where that is no `spiffe://<trust domain>/ns/<namespace>/sa/<service account>` of this trust domain.
 */
export function peerOf(certificate: Uint8Array | undefined, trustDomain: string, bindings: Bindings): Peer {
  if (certificate === undefined) throw unauthenticated("no verified client certificate");
  const parsed = new X509Certificate(certificate);
  const uris = alternativeNames(parsed.subjectAltName ?? "").filter((name) => name.startsWith("URI:"));
  if (uris.length !== 1) throw unauthenticated(`client certificate has ${uris.length} URIs, must have exactly 1`);
  const id = (uris[0] ?? "").slice("URI:".length);
  const parts = id.length <= SPIFFE_ID_MAX ? SPIFFE_ID.exec(id) : null;
  if (parts === null) throw unauthenticated("client certificate: URI is no spiffe://<trust domain>/ns/<ns>/sa/<sa>");
  if (parts[1] !== trustDomain) throw unauthenticated(`client certificate: trust domain is not ${trustDomain}`);
  const account = `${parts[2]}/${parts[3]}`;
  const bound = bindings.get(account) ?? [];
  return {
    identity: id,
    expiresAtMs: Date.parse(parsed.validTo),
    mayServe: (target) => target === account || bound.some((pattern) => covers(pattern, target)),
  };
}

/** Who an operator is, for the log: the URI of the client certificate, else its subject; `local` without one. */
export function operatorOf(certificate: Uint8Array | undefined): string {
  if (certificate === undefined) return LOCAL.identity;
  const parsed = new X509Certificate(certificate);
  const uri = alternativeNames(parsed.subjectAltName ?? "").find((name) => name.startsWith("URI:"));
  return printable(uri === undefined ? parsed.subject : uri.slice("URI:".length));
}

/**
 * Splits the text that Node makes of a subjectAltName. A value with a comma or a quote in it comes as a JSON string, so
 * a split at every comma would let a DNS name smuggle in a `URI:`. Values that came quoted stay quoted: they match no
 * grammar of ours.
 */
export function alternativeNames(text: string): string[] {
  const names: string[] = [];
  let start = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (quoted && char === "\\") at++;
    else if (char === '"') quoted = !quoted;
    else if (char === "," && !quoted) {
      names.push(text.slice(start, at).trim());
      start = at + 1;
    }
  }
  const last = text.slice(start).trim();
  if (last !== "") names.push(last);
  return names;
}

function covers(pattern: string, target: Target): boolean {
  return pattern.endsWith("/*") ? target.startsWith(pattern.slice(0, -1)) : pattern === target;
}

function unauthenticated(message: string): ControlPlaneError {
  return new ControlPlaneError("UNAUTHENTICATED", message);
}
