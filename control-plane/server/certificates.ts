// The certificate of a listener and the signers of its clients, from files that are read again every second: what is
// new serves the next handshake, connections that are open go on. What cannot be used (a file that is gone, a key of
// another certificate, a rotation caught half way) changes nothing: the last good ones stay, and that is told.

import { createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { ServerCredentials } from "@grpc/grpc-js";
import type { TlsFiles } from "../config.ts";
import type { Files } from "../ports/files.ts";

/** Is a client certificate asked for, and may it be missing. */
export type ClientCertificates = "required" | "optional" | "none";

const HANDSHAKE_MS = 10_000;

export class FileCredentials extends ServerCredentials {
  private content: string;
  private refusedContent = "";
  private certificate: X509Certificate;

  /** Throws what keeps the files from being used. */
  constructor(
    private readonly paths: TlsFiles,
    private readonly files: Files,
    clients: ClientCertificates,
  ) {
    const read = readAll(paths, files);
    const { options, certificate } = contextOf(read);
    const requestCert = clients !== "none";
    const asked = { requestCert, rejectUnauthorized: clients === "required", handshakeTimeout: HANDSHAKE_MS };
    super(asked, options);
    this.content = contentOf(read);
    this.certificate = certificate;
  }

  /**
   * Takes what is new. True where something was. Throws what keeps it from being used, once for each content; the last
   * good files stay in use then.
   */
  reload(): boolean {
    let content = "unreadable";
    try {
      const read = readAll(this.paths, this.files);
      content = contentOf(read);
      if (content === this.content) {
        this.refusedContent = "";
        return false;
      }
      const { options, certificate } = contextOf(read);
      this.updateSecureContextOptions(options);
      this.content = content;
      this.certificate = certificate;
      return true;
    } catch (error) {
      if (this.refusedContent === content) return false;
      this.refusedContent = content;
      throw error;
    }
  }

  /** Of the certificate in use, in Unix milliseconds. */
  get expiresAtMs(): number {
    return Date.parse(this.certificate.validTo);
  }

  override _equals(other: ServerCredentials): boolean {
    return other === this;
  }
}

interface Read {
  cert: Buffer;
  key: Buffer;
  ca: Buffer | undefined;
}

function readAll({ cert, key, clientCa }: TlsFiles, files: Files): Read {
  const ca = clientCa === undefined ? undefined : files.read(clientCa);
  return { cert: files.read(cert), key: files.read(key), ca };
}

function contentOf({ cert, key, ca }: Read): string {
  return [cert, key, ca ?? Buffer.alloc(0)].map((bytes) => bytes.toString("base64")).join(" ");
}

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

function contextOf({ cert, key, ca }: Read): { options: SecureContextOptions; certificate: X509Certificate } {
  const certificate = new X509Certificate(cert);
  if (!certificate.checkPrivateKey(createPrivateKey(key))) throw new Error("the key is not that of the certificate");
  const signers = ca?.toString("latin1").match(PEM) ?? [];
  if (ca !== undefined && signers.length === 0) throw new Error("there is no certificate among the clients' signers");
  for (const signer of signers) new X509Certificate(signer);
  const options: SecureContextOptions = {
    cert,
    key,
    minVersion: "TLSv1.2",
    ...(ca === undefined ? {} : { ca }),
  };
  createSecureContext(options);
  return { options, certificate };
}
