// The filter as an OCI image layout, in the two forms that Istio's agent loads: an image whose only layer holds
// plugin.wasm, and an artifact of exactly two layers. Equal modules give equal bytes. Any registry tool copies the
// layout as it is, and the digest of a manifest is what a WasmPlugin names as sha256.

import { createHash } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipStored, tarOf } from "./tar.ts";

export type Form = "image" | "artifact";

/** What a registry is told of one blob. */
export interface Descriptor {
  mediaType: string;
  /** `sha256:` and 64 hexadecimal digits. */
  digest: string;
  size: number;
  annotations?: Record<string, string>;
}

export interface Layout {
  /** Path of each file in the layout, and its bytes. */
  files: Map<string, Buffer>;
  /** The manifest of each form. */
  manifests: Record<Form, Descriptor>;
}

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const INDEX = "application/vnd.oci.image.index.v1+json";
const REF_NAME = "org.opencontainers.image.ref.name";
/** What Istio's agent looks for in an image: exactly this name. */
const NAME_IN_IMAGE = "plugin.wasm";

export function sha256(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The tag of each form: an artifact's has a suffix, so that one repository holds both. */
export function tagOf(version: string, form: Form): string {
  return form === "image" ? version : `${version}-artifact`;
}

/** The layout of `wasm` under the tags of `version`. */
export function layoutOf(wasm: Uint8Array, version: string): Layout {
  const files = new Map<string, Buffer>();
  const blob = (mediaType: string, content: Uint8Array | string): Descriptor => {
    const bytes = Buffer.from(content as Uint8Array);
    const hex = sha256(bytes);
    files.set(`blobs/sha256/${hex}`, bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const manifest = (form: Form, config: Descriptor, layers: Descriptor[]): Descriptor => {
    const annotations = { "org.opencontainers.image.title": "vedette", "org.opencontainers.image.version": version };
    const body = { schemaVersion: 2, mediaType: MANIFEST, config, layers, annotations };
    return { ...blob(MANIFEST, JSON.stringify(body)), annotations: { [REF_NAME]: tagOf(version, form) } };
  };
  const tar = tarOf(NAME_IN_IMAGE, wasm);
  const manifests = {
    image: manifest("image", blob("application/vnd.oci.image.config.v1+json", imageConfig(tar)), [
      blob("application/vnd.oci.image.layer.v1.tar+gzip", gzipStored(tar)),
    ]),
    artifact: manifest("artifact", blob("application/vnd.module.wasm.config.v1+json", "{}"), [
      blob("application/vnd.module.wasm.config.v1+json", JSON.stringify({ type: "envoy_proxy" })),
      blob("application/vnd.module.wasm.content.layer.v1+wasm", wasm),
    ]),
  };
  const index = { schemaVersion: 2, mediaType: INDEX, manifests: [manifests.image, manifests.artifact] };
  files.set("index.json", Buffer.from(JSON.stringify(index)));
  files.set("oci-layout", Buffer.from(JSON.stringify({ imageLayoutVersion: "1.0.0" })));
  return { files, manifests };
}

/** Writes a layout into `folder`, which is emptied first. */
export async function writeLayout({ files }: Layout, folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, "blobs", "sha256"), { recursive: true });
  for (const [path, bytes] of files) await writeFile(join(folder, path), bytes);
}

function imageConfig(tar: Uint8Array): string {
  const rootfs = { type: "layers", diff_ids: [`sha256:${sha256(tar)}`] };
  return JSON.stringify({ architecture: "wasm", os: "wasip1", config: {}, rootfs });
}
