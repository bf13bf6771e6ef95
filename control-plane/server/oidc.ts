// Operators by OpenID Connect: a signed JWT of the one issuer, for our audience, not expired. The algorithms are a
// fixed list of asymmetric ones, so `none` and an HMAC with a public key for its secret are refused before a key is
// sought.
import { errors, type JWTPayload, jwtVerify } from "jose";
import type { OidcSettings, RoleBindings } from "../config-operators.ts";
import { ControlPlaneError } from "../errors.ts";
import type { Ports } from "../ports/ports.ts";
import { type Principal, unauthenticated } from "./identity.ts";
import { Keys } from "./keys.ts";
import { type OperatorName, operator } from "./roles.ts";

export const ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"];
/** Clocks of issuer and control plane may differ by this many seconds. */
const TOLERANCE_S = 30;
const NAME_MAX = 1024;
const GROUPS_MAX = 1000;

export class OidcTokens {
  private readonly keys: Keys;

  constructor(
    private readonly settings: OidcSettings,
    private readonly roles: RoleBindings,
    private readonly ports: Pick<Ports, "clock" | "files" | "https">,
  ) {
    this.keys = new Keys(settings, ports);
  }

  /** UNAUTHENTICATED with a reason that names no value, or UNAVAILABLE where the issuer's signers cannot be had. */
  async verify(token: string): Promise<Principal> {
    const { issuer, audience } = this.settings;
    const { clock } = this.ports;
    let payload: JWTPayload;
    try {
      const verified = await jwtVerify(token, (header, input) => this.keys.keyFor(header, input), {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        clockTolerance: TOLERANCE_S,
        requiredClaims: ["sub", "exp"],
        currentDate: new Date(clock.nowMs()),
      });
      payload = verified.payload;
    } catch (error) {
      if (error instanceof ControlPlaneError) throw error;
      const reason = error instanceof errors.JOSEError ? error.code : "not readable";
      throw unauthenticated(`bearer token: ${reason}`, error);
    }
    return this.principal(payload);
  }

  private principal(payload: JWTPayload): Principal {
    const { sub, exp } = payload;
    if (typeof sub !== "string" || sub === "" || sub.length > NAME_MAX || exp === undefined) {
      throw unauthenticated(`bearer token: sub, must be 1 to ${NAME_MAX} characters`);
    }
    const groups = payload[this.settings.groupsClaim];
    const told: unknown[] = (Array.isArray(groups) ? groups : [groups]).slice(0, GROUPS_MAX);
    const names: OperatorName[] = [["oidc-subject", sub]];
    for (const group of told) if (typeof group === "string") names.push(["oidc-group", group]);
    return operator(`oidc:${sub}`, names, (exp + TOLERANCE_S) * 1000, this.roles);
  }
}
