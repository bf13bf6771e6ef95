// A certificate authority of one run and leaf certificates with SPIFFE ids, as a mesh issues them to its workloads:
// P-256, short lived, one file each for certificate, key and authority in a folder of the caller's. For the demo and
// the tests, not for a mesh that lives: the authority's key exists only in this process's memory.

import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as asn1 from "./der.ts";

export const TRUST_DOMAIN = "cluster.local";
/** Certificates begin to hold this long before they are made: clocks differ. */
const BACKDATED_MS = 300_000;

/**
 * Paths of PEM files: a certificate, its key (readable by the owner only), and the authority that peers are checked
 * against.
 */
export interface CertificateFiles {
  spiffeId: string;
  certificate: string;
  key: string;
  authority: string;
}

/** `spiffe://cluster.local/ns/<namespace>/sa/<serviceAccount>`. */
export function spiffeIdOf(namespace: string, serviceAccount: string): string {
  return `spiffe://${TRUST_DOMAIN}/ns/${namespace}/sa/${serviceAccount}`;
}

export class CertificateAuthority {
  /** Path of the authority's own certificate, PEM. */
  readonly file: string;
  private readonly keys = newKeys();

  private constructor(
    private readonly folder: string,
    private readonly name: string,
    private readonly lifetimeMs: number,
  ) {
    this.file = join(folder, `${name}.pem`);
  }

  /**
   * Makes an authority whose certificates hold for `lifetimeMs` (a day unless told), and writes `<name>.pem` into
   * `folder`.
   */
  static async create(folder: string, lifetimeMs = 86_400_000, name = "ca"): Promise<CertificateAuthority> {
    const authority = new CertificateAuthority(folder, name, lifetimeMs);
    const { publicKey, privateKey } = authority.keys;
    const extensions = [
      // A CA, with no CA below it.
      extension("2.5.29.19", true, asn1.sequence(asn1.boolean(true), asn1.integer(Buffer.from([0])))),
      extension("2.5.29.15", true, asn1.bits(Buffer.from([0x06]), 1)), // keyCertSign, cRLSign
      extension("2.5.29.14", false, asn1.octets(keyId(publicKey))),
    ];
    await writeFile(authority.file, certificate(name, name, publicKey, privateKey, lifetimeMs, extensions));
    return authority;
  }

  /** A leaf for both ends of TLS, as `<name>.pem` and `<name>-key.pem`. `dns` names are added to the SPIFFE id. */
  async issue(name: string, spiffeId: string, dns: string[] = []): Promise<CertificateFiles> {
    const keys = newKeys();
    const names = [asn1.implicit(6, Buffer.from(spiffeId)), ...dns.map((host) => asn1.implicit(2, Buffer.from(host)))];
    const extensions = [
      extension("2.5.29.19", true, asn1.sequence()), // no CA
      extension("2.5.29.15", true, asn1.bits(Buffer.from([0x80]), 7)), // digitalSignature
      extension("2.5.29.37", false, asn1.sequence(asn1.oid("1.3.6.1.5.5.7.3.1"), asn1.oid("1.3.6.1.5.5.7.3.2"))),
      extension("2.5.29.17", false, asn1.sequence(...names)),
      extension("2.5.29.35", false, asn1.sequence(asn1.implicit(0, keyId(this.keys.publicKey)))),
    ];
    const { publicKey, privateKey } = keys;
    const files = {
      spiffeId,
      certificate: join(this.folder, `${name}.pem`),
      key: join(this.folder, `${name}-key.pem`),
      authority: this.file,
    };
    await writeFile(
      files.certificate,
      certificate(name, this.name, publicKey, this.keys.privateKey, this.lifetimeMs, extensions),
    );
    await writeFile(files.key, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
    return files;
  }
}

function newKeys(): { publicKey: KeyObject; privateKey: KeyObject } {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

/** Method 1 of RFC 5280 section 4.2.1.2 over the whole SubjectPublicKeyInfo: any stable hash will do. */
function keyId(publicKey: KeyObject): Buffer {
  return createHash("sha1")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest();
}

function extension(id: string, critical: boolean, value: Uint8Array): Buffer {
  return asn1.sequence(asn1.oid(id), ...(critical ? [asn1.boolean(true)] : []), asn1.octets(value));
}

function distinguishedName(commonName: string): Buffer {
  const attribute = (id: string, text: string) => asn1.set(asn1.sequence(asn1.oid(id), asn1.utf8(text)));
  return asn1.sequence(attribute("2.5.4.10", "vedette"), attribute("2.5.4.3", commonName));
}

/** A signed X.509 v3 certificate as PEM. */
function certificate(
  subject: string,
  issuer: string,
  publicKey: KeyObject,
  signingKey: KeyObject,
  lifetimeMs: number,
  extensions: Buffer[],
): string {
  const ecdsaWithSha256 = asn1.sequence(asn1.oid("1.2.840.10045.4.3.2"));
  const now = Date.now();
  const body = asn1.sequence(
    asn1.explicit(0, asn1.integer(Buffer.from([2]))), // version 3
    asn1.integer(randomBytes(16)),
    ecdsaWithSha256,
    distinguishedName(issuer),
    asn1.sequence(asn1.time(new Date(now - BACKDATED_MS)), asn1.time(new Date(now + lifetimeMs))),
    distinguishedName(subject),
    publicKey.export({ type: "spki", format: "der" }),
    asn1.explicit(3, asn1.sequence(...extensions)),
  );
  const signature = asn1.bits(sign("sha256", body, signingKey));
  const lines =
    asn1
      .sequence(body, ecdsaWithSha256, signature)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}
