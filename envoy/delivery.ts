// What `npm run pack:oci` delivers: the OCI layout, the module for a web server, and every manifest that names the
// module, with the place it is fetched from and the sha256 that it must have. Pure but for writing files.

import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseDocument, stringify } from "yaml";
import { type Form, type Layout, layoutOf, sha256, tagOf, writeLayout } from "./oci.ts";

const ISTIO = resolve(import.meta.dirname, "istio");
const NAMES_MODULE = /-(wasm-plugin|traffic-extension)\.yaml$/;

/** Where the filter will be fetched from. */
export type Source =
  /** `repository`: host/path of a registry, without a tag. */
  | { by: Form; repository: string }
  /** `url`: folder of a web server, http or https. */
  | { by: "http"; url: string };

/** What a WasmPlugin says of its module. */
export interface Module {
  url: string;
  /** Of the manifest in a registry, of the module itself on a web server; hexadecimal. */
  sha256: string;
}

export interface Delivery {
  module: Module;
  layout: Layout;
}

/** What manifests have to name; throws where `source` is no repository, or no URL. */
export function moduleOf(wasm: Uint8Array, version: string, source: Source): Delivery {
  const layout = layoutOf(wasm, version);
  if (source.by === "http") {
    if (!/^https?:\/\/[^\s?#]+$/.test(source.url)) throw new Error(`url ${source.url}: must be http:// or https://`);
    const hex = sha256(wasm);
    return { module: { url: `${source.url.replace(/\/$/, "")}/${fileNameOf(wasm)}`, sha256: hex }, layout };
  }
  if (!/^[a-z0-9.-]+(:\d+)?(\/[a-z0-9._-]+)+$/.test(source.repository)) {
    throw new Error(`repository ${source.repository}: must be host/path in lower case, without a tag`);
  }
  const digest = layout.manifests[source.by].digest.slice("sha256:".length);
  return { module: { url: `oci://${source.repository}:${tagOf(version, source.by)}`, sha256: digest }, layout };
}

/** Name of the module on a web server: another content has another name, so that no cache can be wrong. */
export function fileNameOf(wasm: Uint8Array): string {
  return `vedette-${sha256(wasm).slice(0, 16)}.wasm`;
}

/** A WasmPlugin or TrafficExtension with the module put in; all else, comments too, stays. Throws for other kinds. */
export function withModule(manifest: string, module: Module): string {
  const document = parseDocument(manifest);
  const paths: Record<string, string[]> = { WasmPlugin: ["spec"], TrafficExtension: ["spec", "wasm"] };
  const kind = String(document.get("kind"));
  const path = paths[kind];
  if (document.errors[0] || !path) throw document.errors[0] ?? new Error(`kind ${kind}: names no module`);
  document.setIn([...path, "url"], module.url);
  document.setIn([...path, "sha256"], module.sha256);
  return document.toString({ lineWidth: 0 });
}

/** Writes `oci/`, `http/`, `istio/` and `helm-values.yaml` into `folder`, which is emptied first. */
export async function deliver(wasm: Uint8Array, { module, layout }: Delivery, folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await writeLayout(layout, join(folder, "oci"));
  await mkdir(join(folder, "http"));
  await writeFile(join(folder, "http", fileNameOf(wasm)), wasm);
  await mkdir(join(folder, "istio"));
  for (const name of await readdir(ISTIO)) {
    if (!NAMES_MODULE.test(name)) continue;
    await writeFile(join(folder, "istio", name), withModule(await readFile(join(ISTIO, name), "utf8"), module));
  }
  await writeFile(join(folder, "helm-values.yaml"), stringify({ filter: { url: module.url, sha256: module.sha256 } }));
}
