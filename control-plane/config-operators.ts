// Configuration of who operators are: the ways to know them, and which of them has which role.

import { BINDINGS_MAX, type Key, key, PREFIX, path, text } from "./config-keys.ts";
import type { Role } from "./domain.ts";

export const ROLES: readonly Role[] = ["viewer", "rule-editor", "mode-editor", "admin"];

/** What an operator can be named by in a binding. */
export const PRINCIPALS = [
  "certificate-uri",
  "certificate-subject",
  "oidc-subject",
  "oidc-group",
  "kubernetes-user",
  "kubernetes-group",
] as const;
export type PrincipalKind = (typeof PRINCIPALS)[number];

/** From `kind:name` to its roles. */
export type RoleBindings = ReadonlyMap<string, readonly Role[]>;

/** Tokens of an OpenID Connect issuer. */
export interface OidcSettings {
  /** As the `iss` of a token says it, to the letter. */
  issuer: string;
  audience: string;
  /** Path of a JWKS file, or its https URL. */
  jwks: string;
  /** Path of the signers of that URL's certificate (PEM); undefined: those of the system. */
  ca: string | undefined;
  /** Claim that lists groups. */
  groupsClaim: string;
}

/** Tokens that the Kubernetes API is asked about. */
export interface TokenReviewSettings {
  audience: string;
  /** https URL of the API server. */
  api: string;
  /** Paths: our own token (read for each review: it rotates), and the signers of the API's certificate. */
  token: string;
  ca: string;
}

export interface OperatorSettings {
  /** `none`: everybody who reaches the listener is an admin; loopback only. */
  identity: "required" | "none";
  roles: RoleBindings;
  oidc: OidcSettings | undefined;
  kubernetes: TokenReviewSettings | undefined;
}

const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
const URL_MAX = 2048;

export const OPERATOR_KEYS = {
  operatorRoles: key(
    "OPERATOR_ROLES",
    "",
    `at most ${BINDINGS_MAX} of \`role=kind:name\`, split by \`;\``,
    `roles ${list(ROLES)}; kinds ${list(PRINCIPALS)}`,
    parseRoles,
  ),
  oidcIssuer: https("OPERATOR_OIDC_ISSUER", "", "issuer of OpenID Connect tokens, as their `iss` says it"),
  oidcAudience: text("OPERATOR_OIDC_AUDIENCE", "", /^[!-~]{0,256}$/, "at most 256 of visible ASCII", "their `aud`"),
  oidcJwks: path("OPERATOR_OIDC_JWKS", "their signers (JWKS): a file, or an `https://` URL"),
  oidcCa: path("OPERATOR_OIDC_CA", "signers of that URL's certificate (PEM); empty: those of the system"),
  oidcGroups: text("OPERATOR_OIDC_GROUPS", "groups", /^[!-~]{1,128}$/, "1 to 128 of visible ASCII", "claim of groups"),
  kubernetesAudience: text(
    "OPERATOR_KUBERNETES_AUDIENCE",
    "",
    /^[!-~]{0,256}$/,
    "at most 256 of visible ASCII",
    "audience of Kubernetes tokens, which its API is asked about (TokenReview); empty: none are taken",
  ),
  kubernetesApi: https("KUBERNETES_API", "https://kubernetes.default.svc", "the Kubernetes API"),
  kubernetesToken: path("KUBERNETES_TOKEN", "our own token for it", `${SERVICE_ACCOUNT}/token`),
  kubernetesCa: path("KUBERNETES_CA", "signers of its certificate (PEM)", `${SERVICE_ACCOUNT}/ca.crt`),
};

export interface OperatorValues {
  operatorIdentity: "required" | "none";
  operatorRoles: RoleBindings;
  oidcIssuer: string;
  oidcAudience: string;
  oidcJwks: string;
  oidcCa: string;
  oidcGroups: string;
  kubernetesAudience: string;
  kubernetesApi: string;
  kubernetesToken: string;
  kubernetesCa: string;
}

export function assembleOperators(values: OperatorValues): OperatorSettings {
  const { oidcIssuer: issuer, oidcAudience: audience, oidcJwks: jwks, oidcCa, oidcGroups } = values;
  const { kubernetesAudience, kubernetesApi: api, kubernetesToken: token, kubernetesCa: ca } = values;
  const oidc = { issuer, audience, jwks, ca: oidcCa === "" ? undefined : oidcCa, groupsClaim: oidcGroups };
  return {
    identity: values.operatorIdentity,
    roles: values.operatorRoles,
    oidc: issuer === "" && audience === "" && jwks === "" ? undefined : oidc,
    kubernetes: kubernetesAudience === "" ? undefined : { audience: kubernetesAudience, api, token, ca },
  };
}

/** What the settings must hold together; `certificates` is true where the listener asks for client certificates. */
export function operatorFaults(settings: OperatorSettings, certificates: boolean): string[] {
  const { identity, roles, oidc, kubernetes } = settings;
  const ways = certificates || oidc !== undefined || kubernetes !== undefined;
  const faults: string[] = [];
  const all = `${PREFIX}OPERATOR_TLS_CLIENT_CA, ${PREFIX}OPERATOR_OIDC_ISSUER or ${PREFIX}OPERATOR_KUBERNETES_AUDIENCE`;
  if (oidc !== undefined && (oidc.issuer === "" || oidc.audience === "" || oidc.jwks === "")) {
    const names = ["ISSUER", "AUDIENCE", "JWKS"].map((part) => `${PREFIX}OPERATOR_OIDC_${part}`).join(", ");
    faults.push(`${names}: must be set together`);
  }
  if (identity === "none" && ways) faults.push(`${PREFIX}OPERATOR_IDENTITY: none, but operators are known by ${all}`);
  if (identity === "none") return faults;
  if (!ways) {
    faults.push(`${PREFIX}OPERATOR_IDENTITY: required, needs ${all}; on loopback it may be none: all are admins then`);
  } else if (roles.size === 0) faults.push(`${PREFIX}OPERATOR_ROLES: empty, nobody could do anything`);
  return faults;
}

export function parseRoles(given: string): RoleBindings | undefined {
  const bindings = new Map<string, Role[]>();
  const pieces = given === "" ? [] : given.split(";");
  if (pieces.length > BINDINGS_MAX) return undefined;
  for (const piece of pieces) {
    const [, role, kind, name] = /^\s*([a-z-]{1,16})=([a-z-]{1,32}):(.{1,2048}?)\s*$/.exec(piece) ?? [];
    const known = ROLES.find((one) => one === role);
    if (known === undefined || name === undefined || !PRINCIPALS.some((one) => one === kind)) return undefined;
    const principal = `${kind}:${name}`;
    bindings.set(principal, [...(bindings.get(principal) ?? []), known]);
  }
  return bindings;
}

function https(name: string, fallback: string, meaning: string): Key<string> {
  return key(name, fallback, `an \`https://\` URL, at most ${URL_MAX} characters`, meaning, (given) => {
    if (given === "" && fallback === "") return given;
    return given.length <= URL_MAX && /^https:\/\/[!-~]+$/.test(given) && URL.canParse(given) ? given : undefined;
  });
}

function list(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(", ");
}
