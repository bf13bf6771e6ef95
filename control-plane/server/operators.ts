// Who an operator is, from what the call shows: a bearer token where there is one, and then only that, else the client
// certificate. A token goes to the issuer it names, or to Kubernetes; nobody else is asked. Roles come from the
// bindings of the configuration: who has none is known, and may do nothing but what anyone may.

import { X509Certificate } from "node:crypto";
import { decodeJwt } from "jose";
import type { OperatorSettings, RoleBindings } from "../config-operators.ts";
import type { Ports } from "../ports/ports.ts";
import type { Shown } from "./gate.ts";
import { LOCAL_OPERATOR, type Principal, unauthenticated, urisOf } from "./identity.ts";
import { OidcTokens } from "./oidc.ts";
import { type OperatorName, operator } from "./roles.ts";
import { TokenReviews } from "./token-review.ts";

export const TOKEN_MAX = 16_384;

export class Operators {
  private readonly oidc: OidcTokens | undefined;
  private readonly reviews: TokenReviews | undefined;

  constructor(
    private readonly settings: OperatorSettings,
    ports: Ports,
  ) {
    const { oidc, kubernetes, roles } = settings;
    this.oidc = oidc && new OidcTokens(oidc, roles, ports);
    this.reviews = kubernetes && new TokenReviews(kubernetes, roles, ports);
  }

  /** UNAUTHENTICATED where nobody is shown, or not in a way that holds; UNAVAILABLE where it cannot be checked now. */
  async identify({ certificate, metadata }: Shown): Promise<Principal> {
    if (this.settings.identity === "none") return LOCAL_OPERATOR;
    const headers = metadata.get("authorization");
    if (headers.length > 0) return await this.byToken(bearer(headers));
    if (certificate === undefined) throw unauthenticated("neither a verified client certificate nor a bearer token");
    return operatorOf(certificate, this.settings.roles);
  }

  private byToken(token: string): Promise<Principal> {
    const { oidc } = this.settings;
    if (oidc !== undefined && (this.reviews === undefined || issuerOf(token) === oidc.issuer)) {
      return (this.oidc as OidcTokens).verify(token);
    }
    if (this.reviews !== undefined) return this.reviews.review(token);
    throw unauthenticated("bearer token: none are taken here");
  }
}

/**
 * The operator behind a verified certificate (DER): its one URI, else its subject. UNAUTHENTICATED where it has several
 * URIs.
 */
export function operatorOf(certificate: Uint8Array, roles: RoleBindings): Principal {
  const parsed = new X509Certificate(certificate);
  const uris = urisOf(parsed);
  if (uris.length > 1) throw unauthenticated(`client certificate has ${uris.length} URIs, must have at most 1`);
  // One line a part; a line break or comma inside a part comes escaped.
  const subject = parsed.subject.split("\n").join(",");
  const names: OperatorName[] = [["certificate-subject", subject]];
  if (uris[0] !== undefined) names.push(["certificate-uri", uris[0]]);
  return operator(`certificate:${uris[0] ?? subject}`, names, Date.parse(parsed.validTo), roles);
}

function bearer(headers: readonly (string | Buffer)[]): string {
  const [header] = headers;
  const parts = typeof header === "string" ? /^bearer +([\w.~+/=-]+)$/i.exec(header) : null;
  const token = parts?.[1] ?? "";
  if (headers.length !== 1 || token === "" || token.length > TOKEN_MAX) {
    throw unauthenticated(`authorization: must be one bearer token of at most ${TOKEN_MAX} characters`);
  }
  return token;
}

/** As the token says itself, for the choice of who is asked. */
function issuerOf(token: string): string | undefined {
  try {
    return decodeJwt(token).iss;
  } catch {
    return undefined;
  }
}
