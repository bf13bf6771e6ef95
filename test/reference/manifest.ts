// Section 8 of the law: a manifest and the sections it names, adopted whole or refused. Signatures are the host's to
// verify.

import { createHash } from "node:crypto";
import { fromBytes } from "./bytes.ts";
import { featureHash } from "./features.ts";
import { all, BYTES, bytes, FIXED64, Refusal, readFields, scalar, scalar32, VARINT } from "./protobuf.ts";

export interface SectionName {
  /** 1 settings, 2 model, 3 rules. */
  kind: number;
  digest: Uint8Array;
  size: number;
}

export interface Manifest {
  mesh: string;
  target: string;
  epoch: bigint;
  version: bigint;
  sections: SectionName[];
  featureHash: bigint;
}

/** What the node is and holds; epoch and version 0 and an empty digest before the first adoption. */
export interface Node {
  mesh: string;
  target: string;
  epoch: bigint;
  version: bigint;
  /** SHA-256 of the manifest held. */
  digest: Uint8Array;
}

export function sha256(content: Uint8Array): Uint8Array {
  return Uint8Array.from(createHash("sha256").update(content).digest());
}

const equal = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;

/** Throws Refusal of the field `manifest`. */
export function readManifest(content: Uint8Array): Manifest {
  try {
    const fields = readFields({ bytes: content, offset: 0 });
    const sections = all(fields, 5, BYTES).map((field) => {
      const ref = readFields(field.content);
      return { kind: scalar32(ref, 1), digest: bytes(ref, 2), size: scalar32(ref, 3) };
    });
    return {
      mesh: fromBytes(bytes(fields, 1)),
      target: fromBytes(bytes(fields, 2)),
      epoch: scalar(fields, 3, VARINT),
      version: scalar(fields, 4, VARINT),
      sections,
      featureHash: scalar(fields, 6, FIXED64),
    };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new Refusal("manifest", error.value, error.bound);
  }
}

/** Reads a manifest and checks it against what the node is and holds. Throws Refusal. */
export function checkManifest(content: Uint8Array, node: Node): Manifest {
  const manifest = readManifest(content);
  if (manifest.mesh !== node.mesh) throw new Refusal("manifest.mesh", 0n, node.mesh);
  if (manifest.target !== node.target) throw new Refusal("manifest.target", 0n, node.target);
  const { epoch, version } = manifest;
  const isOlder = epoch < node.epoch || (epoch === node.epoch && version < node.version);
  const isHeld = epoch === node.epoch && version === node.version;
  if (isOlder || (isHeld && node.digest.length > 0 && !equal(sha256(content), node.digest))) {
    throw new Refusal("manifest.version", version, `${node.epoch}.${node.version} is held`);
  }
  if (manifest.featureHash !== featureHash()) throw new Refusal("manifest.feature_hash", manifest.featureHash, "own");
  if (manifest.sections.map((section) => section.kind).join() !== "1,2,3") {
    throw new Refusal("manifest.sections", BigInt(manifest.sections.length), "settings, model, rules");
  }
  return manifest;
}

/** Checks contents in the order of the manifest's sections; undefined where one is missing. Throws Refusal. */
export function checkContents(manifest: Manifest, contents: readonly (Uint8Array | undefined)[]): void {
  for (const [i, { kind, digest, size }] of manifest.sections.entries()) {
    const content = contents[i];
    if (content === undefined || content.length !== size || !equal(sha256(content), digest)) {
      throw new Refusal("manifest.digest", BigInt(kind), "the SHA-256 and size named");
    }
  }
}
