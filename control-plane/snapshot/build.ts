// Puts a snapshot together: three checked sections, a manifest that names them, a signature where a key is configured.
// Pure but for the signature. The same content as before gives the same snapshot as before: no new version.

import { createHash, type KeyObject, sign } from "node:crypto";
import type { Core } from "../core.ts";
import type { AttackTable, Rule, Snapshot, SnapshotSection, Target } from "../domain.ts";
import { checkModels, checkSection } from "./check.ts";
import { encodeManifest, encodeModels, encodeRules, encodeSettings, type Models, type Settings } from "./encode.ts";

/** What a signature covers before the manifest. */
const SIGNED_PREFIX = Buffer.from("vedette/manifest/v1\0");

export interface SnapshotContent {
  settings: Settings;
  models: Models;
  /** Of all models; undefined: their other heads are silent. */
  attack?: AttackTable | undefined;
  /** Ascending by id. */
  rules: readonly Rule[];
}

/** Where the snapshot stands: whose it is, and what went before. */
export interface SnapshotPlace {
  core: Core;
  mesh: string;
  target: Target;
  /** Of this process: higher than any before. */
  epoch: number;
  /** P-256 private key. */
  signingKey: KeyObject | undefined;
  /** The manifest published last, in this process or one before. */
  previous: { epoch: number; version: number; manifest: Uint8Array } | undefined;
}

/** Throws FAILED_PRECONDITION naming field, value and bound where a filter would refuse it. */
export function buildSnapshot(content: SnapshotContent, place: SnapshotPlace): Snapshot {
  const { core, mesh, target, epoch, signingKey, previous } = place;
  const sections = buildSections(core, content);
  const encode = (at: { epoch: number; version: number }) =>
    encodeManifest({ mesh, target, ...at, featureHash: core.featureHash, sections });
  let at = previous;
  let manifest = previous === undefined ? undefined : encode(previous);
  if (at === undefined || manifest === undefined || !same(manifest, at.manifest)) {
    const version = previous?.epoch === epoch ? previous.version + 1 : 1;
    manifest = encode({ epoch, version });
    at = { epoch, version, manifest };
  }
  return {
    target,
    epoch: at.epoch,
    version: at.version,
    digest: sha256(manifest),
    manifest,
    signature: signingKey === undefined ? new Uint8Array(0) : signManifest(manifest, signingKey),
    sections,
  };
}

function buildSections(core: Core, { settings, models, attack, rules }: SnapshotContent): SnapshotSection[] {
  const contents: Record<SnapshotSection["kind"], Uint8Array> = {
    settings: encodeSettings(settings),
    model: encodeModels(models, attack),
    rules: encodeRules(rules),
  };
  checkSection(core, "settings", contents.settings);
  checkModels(core, models, contents.model);
  checkSection(core, "rules", contents.rules);
  return (["settings", "model", "rules"] as const).map((kind) => ({
    kind,
    digest: sha256(contents[kind]),
    content: contents[kind],
  }));
}

/** ECDSA P-256 over SHA-256, DER. */
function signManifest(manifest: Uint8Array, key: KeyObject): Uint8Array {
  return new Uint8Array(sign("sha256", Buffer.concat([SIGNED_PREFIX, manifest]), key));
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
