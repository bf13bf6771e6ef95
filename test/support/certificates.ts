// Certificates for tests of mTLS: authorities, a server for 127.0.0.1, clients with any subject alternative names and
// any validity, also those that no honest authority would sign.

import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import * as asn1 from "../../envoy/der.ts";

/** PEM. */
export interface Pair {
  certificate: string;
  key: string;
}

export interface Name {
  type: "dns" | "uri" | "ip";
  value: string;
}

export interface Validity {
  notBefore: Date;
  notAfter: Date;
}

const HOUR_MS = 3_600_000;
const GENERAL_NAME_TAGS = { dns: 2, uri: 6, ip: 7 };
const ECDSA_WITH_SHA256 = asn1.sequence(asn1.oid("1.2.840.10045.4.3.2"));

/** TLS checks validity by the wall clock. */
const now = Date.now();
export const VALID: Validity = { notBefore: new Date(now - HOUR_MS), notAfter: new Date(now + HOUR_MS) };
export const EXPIRED: Validity = { notBefore: new Date(now - 2 * HOUR_MS), notAfter: new Date(now - HOUR_MS) };

export class Authority {
  /** Its own certificate. */
  readonly pem: string;
  private readonly keys = newKeys();

  constructor(private readonly name: string) {
    const extensions = [
      extension("2.5.29.19", true, asn1.sequence(asn1.boolean(true))), // CA
      extension("2.5.29.15", true, asn1.bits(Buffer.from([0x06]), 1)), // keyCertSign, cRLSign
    ];
    this.pem = this.certificate(name, this.keys.publicKey, VALID, extensions);
  }

  /** A certificate for both ends of TLS with these subject alternative names. */
  issue(names: readonly Name[], validity: Validity = VALID): Pair {
    const keys = newKeys();
    const extensions = [
      extension("2.5.29.37", false, asn1.sequence(asn1.oid("1.3.6.1.5.5.7.3.1"), asn1.oid("1.3.6.1.5.5.7.3.2"))),
      extension("2.5.29.17", false, asn1.sequence(...names.map(generalName))),
    ];
    return {
      certificate: this.certificate("test", keys.publicKey, validity, extensions),
      key: keys.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    };
  }

  private certificate(subject: string, publicKey: KeyObject, validity: Validity, extensions: Buffer[]): string {
    const body = asn1.sequence(
      asn1.explicit(0, asn1.integer(Buffer.from([2]))), // version 3
      asn1.integer(randomBytes(16)),
      ECDSA_WITH_SHA256,
      commonName(this.name),
      asn1.sequence(asn1.time(validity.notBefore), asn1.time(validity.notAfter)),
      commonName(subject),
      publicKey.export({ type: "spki", format: "der" }),
      asn1.explicit(3, asn1.sequence(...extensions)),
    );
    const signature = asn1.bits(sign("sha256", body, this.keys.privateKey));
    const whole = asn1.sequence(body, ECDSA_WITH_SHA256, signature).toString("base64");
    const lines = whole.match(/.{1,64}/g) ?? [];
    return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
  }
}

export function uris(...ids: string[]): Name[] {
  return ids.map((value) => ({ type: "uri", value }));
}

function newKeys(): { publicKey: KeyObject; privateKey: KeyObject } {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

function generalName({ type, value }: Name): Buffer {
  const bytes = type === "ip" ? Buffer.from(value.split(".").map(Number)) : Buffer.from(value);
  return asn1.implicit(GENERAL_NAME_TAGS[type], bytes);
}

function commonName(name: string): Buffer {
  return asn1.sequence(asn1.set(asn1.sequence(asn1.oid("2.5.4.3"), asn1.utf8(name))));
}

function extension(id: string, critical: boolean, value: Uint8Array): Buffer {
  return asn1.sequence(asn1.oid(id), ...(critical ? [asn1.boolean(true)] : []), asn1.octets(value));
}
