// Operators of tests: certificates of an authority of their own, with a URI that names the role they have; tokens of an
// issuer of their own, with a subject that does.

import { type ChannelCredentials, credentials } from "@grpc/grpc-js";
import { exportJWK, generateKeyPair, type JWTHeaderParameters, SignJWT } from "jose";
import { ROLES } from "../../control-plane/config-operators.ts";
import { Authority, type Pair, uris } from "./certificates.ts";

export const ISSUER = "https://issuer.test";
export const AUDIENCE = "vedette";
export const OVERRIDE = { "grpc.ssl_target_name_override": "control-plane" };

const authority = new Authority("operators");
const server = authority.issue([{ type: "dns", value: "control-plane" }]);
const keys = await generateKeyPair("RS256", { extractable: true });

/** PEM, and the public key of the issuer, by the paths that SETTINGS name. */
export const FILES = {
  "operators.pem": authority.pem,
  "operator-server.pem": server.certificate,
  "operator-server-key.pem": server.key,
  "jwks.json": JSON.stringify({ keys: [{ ...(await exportJWK(keys.publicKey)), kid: "one" }] }),
};

/** VEDETTE_ variables without the prefix: certificates, with or without tokens beside them. */
export const CERTIFICATES = {
  OPERATOR_TLS_CERT: "operator-server.pem",
  OPERATOR_TLS_KEY: "operator-server-key.pem",
  OPERATOR_TLS_CLIENT_CA: "operators.pem",
  OPERATOR_ROLES: ROLES.flatMap((role) => [
    `${role}=certificate-uri:https://people/${role}`,
    `${role}=oidc-subject:${role}`,
  ]).join(";"),
};
export const CERTIFICATES_AND_TOKENS = {
  ...CERTIFICATES,
  OPERATOR_OIDC_ISSUER: ISSUER,
  OPERATOR_OIDC_AUDIENCE: AUDIENCE,
  OPERATOR_OIDC_JWKS: "jwks.json",
};

export const issuerKeys = keys;

/** A certificate with these URIs, of the operators' authority. */
export function certificateOf(...ids: string[]): Pair {
  return authority.issue(uris(...ids));
}

/** A channel to the operator listener; without a pair no certificate is shown. */
export function channelOf(pair?: Pair): ChannelCredentials {
  const shown = pair === undefined ? [null, null] : [Buffer.from(pair.key), Buffer.from(pair.certificate)];
  return credentials.createSsl(Buffer.from(authority.pem), shown[0], shown[1]);
}

/** A token that is good at `nowMs` for ten minutes, but for what is changed; an undefined claim is left out. */
export function token(
  nowMs: number,
  claims: Record<string, unknown> = {},
  header: Partial<JWTHeaderParameters> = {},
  key: Parameters<SignJWT["sign"]>[0] = keys.privateKey,
): Promise<string> {
  const seconds = Math.floor(nowMs / 1000);
  const payload = { iss: ISSUER, aud: AUDIENCE, sub: "viewer", iat: seconds, exp: seconds + 600, ...claims };
  return new SignJWT(payload).setProtectedHeader({ alg: "RS256", kid: "one", ...header }).sign(key);
}
