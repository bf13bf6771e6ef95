// The signers of an issuer's tokens: a JWKS from a file or over HTTPS. Kept for ten minutes, asked anew for a key id
// that is not known, at most every ten seconds; where the source fails the last set holds for an hour, then none does.
// Only public keys of asymmetric kinds are taken: a shared secret in a JWKS would make every reader an issuer.

import { createLocalJWKSet, errors, type FlattenedJWSInput, type JSONWebKeySet, type JWSHeaderParameters } from "jose";
import { ControlPlaneError } from "../errors.ts";
import type { Ports } from "../ports/ports.ts";

export const KEYS_FRESH_MS = 600_000;
export const KEYS_RETRY_MS = 10_000;
export const KEYS_HELD_MS = 3_600_000;
const KEYS_MAX = 64;
const BYTES_MAX = 262_144;
const TIMEOUT_MS = 5_000;
const KINDS: readonly unknown[] = ["RSA", "EC", "OKP"];

type LocalKeys = ReturnType<typeof createLocalJWKSet>;

export interface KeySource {
  /** Path of a file, or an https URL. */
  jwks: string;
  ca: string | undefined;
}

export class Keys {
  private held: { keys: LocalKeys; atMs: number } | undefined;
  private triedAtMs = Number.NEGATIVE_INFINITY;
  private loading: Promise<void> | undefined;
  private failure: unknown;

  constructor(
    private readonly source: KeySource,
    private readonly ports: Pick<Ports, "clock" | "files" | "https">,
  ) {}

  /** The key of that header. Throws the errors of `jose`, and UNAVAILABLE where no set holds. */
  async keyFor(header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<Awaited<ReturnType<LocalKeys>>> {
    if (this.ageMs() >= KEYS_FRESH_MS) await this.refresh();
    try {
      return await this.current()(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await this.refresh();
      return await this.current()(header, token);
    }
  }

  private ageMs(): number {
    return this.held === undefined ? Number.POSITIVE_INFINITY : this.ports.clock.nowMs() - this.held.atMs;
  }

  private current(): LocalKeys {
    if (this.held === undefined || this.ageMs() >= KEYS_HELD_MS) {
      const text = "bearer token: the signers of its issuer cannot be had";
      throw new ControlPlaneError("UNAVAILABLE", text, { cause: this.failure });
    }
    return this.held.keys;
  }

  /** One load at a time, and not too often. */
  private async refresh(): Promise<void> {
    const now = this.ports.clock.nowMs();
    if (this.loading === undefined && now - this.triedAtMs >= KEYS_RETRY_MS) {
      this.triedAtMs = now;
      this.loading = this.load().finally(() => {
        this.loading = undefined;
      });
    }
    await this.loading;
  }

  private async load(): Promise<void> {
    try {
      this.held = { keys: createLocalJWKSet(parseKeys(await this.read())), atMs: this.ports.clock.nowMs() };
      this.failure = undefined;
    } catch (error) {
      this.failure = error;
    }
  }

  private async read(): Promise<string> {
    const { files, https } = this.ports;
    const { jwks, ca } = this.source;
    if (!jwks.startsWith("https://")) return files.read(jwks).toString("utf8");
    const answer = await https.send({
      url: jwks,
      method: "GET",
      headers: { accept: "application/json" },
      ca: ca === undefined ? undefined : files.read(ca),
      timeoutMs: TIMEOUT_MS,
      bytesMax: BYTES_MAX,
    });
    if (answer.status !== 200) throw new Error(`${jwks}: status ${answer.status}, must be 200`);
    return answer.body;
  }
}

function parseKeys(text: string): JSONWebKeySet {
  const { keys } = JSON.parse(text) as Partial<JSONWebKeySet>;
  if (!Array.isArray(keys) || keys.length > KEYS_MAX) throw new Error(`JWKS: must be at most ${KEYS_MAX} keys`);
  return { keys: keys.filter((key) => KINDS.includes(key?.kty) && key.d === undefined) };
}
