// The certificates, read back by Node's own X.509 and tried in a TLS handshake with client certificates.

import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, createServer, type TLSSocket } from "node:tls";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CertificateAuthority, type CertificateFiles, spiffeIdOf } from "../../envoy/certificates.ts";

let folder = "";
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), "vedette-certificates-"));
});
test.after(() => rm(folder, { recursive: true, force: true }));

async function load(files: CertificateFiles) {
  const [cert, key, ca] = await Promise.all(
    [files.certificate, files.key, files.authority].map((file) => readFile(file)),
  );
  return { cert: cert!, key: key!, ca: ca! };
}

test("a leaf has its SPIFFE id and names, is signed by the authority and is none itself", async () => {
  const authority = await CertificateAuthority.create(folder, 3_600_000);
  const files = await authority.issue("web", spiffeIdOf("shop", "web"), ["web.local"]);
  const leaf = new X509Certificate(await readFile(files.certificate));
  const ca = new X509Certificate(await readFile(authority.file));
  assert.is(files.spiffeId, "spiffe://cluster.local/ns/shop/sa/web");
  assert.is(leaf.subjectAltName, "URI:spiffe://cluster.local/ns/shop/sa/web, DNS:web.local");
  assert.ok(leaf.checkIssued(ca));
  assert.ok(leaf.verify(ca.publicKey));
  assert.ok(ca.ca);
  assert.not.ok(leaf.ca);
  assert.ok(leaf.checkPrivateKey(createPrivateKey(await readFile(files.key))));
  const lifetimeMs = Date.parse(leaf.validTo) - Date.parse(leaf.validFrom);
  assert.is(lifetimeMs, 3_600_000 + 300_000, "backdated by five minutes");
});

test("the key is readable by its owner only", async () => {
  const authority = await CertificateAuthority.create(folder);
  const { key } = await authority.issue("private", spiffeIdOf("shop", "private"));
  assert.is((await stat(key)).mode & 0o777, 0o600);
});

test("two leaves of one authority shake hands both ways, one of another authority is turned away", async () => {
  const authority = await CertificateAuthority.create(folder);
  const other = await CertificateAuthority.create(folder, 3_600_000, "other-ca");
  const server = createServer({
    ...(await load(await authority.issue("server", spiffeIdOf("shop", "server")))),
    requestCert: true,
    rejectUnauthorized: true,
  });
  server.on("secureConnection", (socket: TLSSocket) => socket.end(socket.getPeerCertificate().subjectaltname ?? ""));
  server.on("tlsClientError", () => undefined);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const say = async (files: CertificateFiles) => {
    const credentials = { ...(await load(files)), ca: await readFile(authority.file) };
    return await new Promise<string>((resolve) => {
      const socket = connect({ host: "127.0.0.1", port, ...credentials, checkServerIdentity: () => undefined });
      let text = "";
      socket.on("data", (data) => {
        text += data;
      });
      socket.on("error", () => resolve("refused"));
      socket.on("close", () => resolve(text || "refused"));
    });
  };
  try {
    assert.is(
      await say(await authority.issue("client", spiffeIdOf("shop", "client"))),
      "URI:spiffe://cluster.local/ns/shop/sa/client",
    );
    assert.is(await say(await other.issue("stranger", spiffeIdOf("shop", "client"))), "refused");
  } finally {
    server.close();
  }
});

test.run();
