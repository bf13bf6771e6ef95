// The OCI layout, the archives in it, and the manifests that name what was packed.

import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parse } from "yaml";
import { deliver, fileNameOf, moduleOf, withModule } from "../../envoy/delivery.ts";
import { type Descriptor, type Form, layoutOf } from "../../envoy/oci.ts";
import { gzipStored, tarOf } from "../../envoy/tar.ts";

const WASM = await readFile(resolve(import.meta.dirname, "..", "..", "filter", "build", "vedette.wasm"));
const FORMS: Form[] = ["image", "artifact"];
const hexOf = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

interface Manifest {
  config: Descriptor;
  layers: Descriptor[];
}

let folder = "";
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), "vedette-oci-"));
});
test.after(() => rm(folder, { recursive: true, force: true }));

/** Reads a blob and checks it against its descriptor. */
async function blob({ digest, size }: Descriptor): Promise<Buffer> {
  const bytes = await readFile(join(folder, "oci", "blobs", ...digest.split(":")));
  assert.is(`sha256:${hexOf(bytes)}`, digest);
  assert.is(bytes.length, size);
  return bytes;
}

test("a stored gzip is read back whole, at and around the size of a block", () => {
  for (const size of [0, 1, 65_534, 65_535, 65_536, 131_070, 200_000]) {
    const content = Buffer.alloc(size, "vedette");
    assert.ok(gunzipSync(gzipStored(content)).equals(content), `${size} bytes`);
  }
});

test("a tar is a whole number of blocks, has a right checksum, and refuses a name that it cannot hold", () => {
  for (const size of [0, 1, 511, 512, 513]) {
    const tar = tarOf("plugin.wasm", Buffer.alloc(size, 1));
    assert.is(tar.length % 512, 0);
    assert.is(Number.parseInt(tar.toString("ascii", 124, 135), 8), size);
    const sum = Number.parseInt(tar.toString("ascii", 148, 154), 8);
    tar.fill(" ", 148, 156);
    assert.is(
      tar.subarray(0, 512).reduce((total, byte) => total + byte, 0),
      sum,
    );
  }
  for (const name of ["", "a".repeat(100), "a b", "ä"]) assert.throws(() => tarOf(name, Buffer.alloc(0)), /must be/);
});

test("equal modules give equal bytes, and another module another digest", () => {
  const [once, again] = [layoutOf(WASM, "1.2.3"), layoutOf(Buffer.from(WASM), "1.2.3")];
  assert.equal([...once.files.keys()], [...again.files.keys()]);
  for (const [path, bytes] of once.files) assert.ok(bytes.equals(again.files.get(path)!), path);
  const other = layoutOf(Buffer.concat([WASM, Buffer.from([0])]), "1.2.3");
  for (const form of FORMS) assert.is.not(other.manifests[form].digest, once.manifests[form].digest);
});

test("the bytes are those of every machine", () => {
  const { manifests } = layoutOf(Buffer.from("module"), "0.0.0");
  assert.is(manifests.image.digest, "sha256:72be3a060da52cbfce0335c699ef7066ca9c90850cda7f52d49db564fc12b778");
  assert.is(manifests.artifact.digest, "sha256:73a2dd695386066708912bc0a31264129b383494f6a07b025fb51be17cccc94d");
});

test("both forms hold the module: plugin.wasm in a layer, and a layer of its own in exactly two", async () => {
  await deliver(
    WASM,
    moduleOf(WASM, "1.2.3", { by: "image", repository: "registry.example.com/vedette/filter" }),
    folder,
  );
  const index = JSON.parse(await readFile(join(folder, "oci", "index.json"), "utf8")) as { manifests: Descriptor[] };
  const tags = index.manifests.map(({ annotations }) => annotations?.["org.opencontainers.image.ref.name"]);
  assert.equal(tags, ["1.2.3", "1.2.3-artifact"]);
  const [image, artifact] = await Promise.all(
    index.manifests.map(async (each) => JSON.parse((await blob(each)).toString()) as Manifest),
  );
  assert.is(image!.layers.length, 1);
  const tar = gunzipSync(await blob(image!.layers[0]!));
  assert.is(tar.toString("ascii", 0, 12), "plugin.wasm\0");
  assert.ok(tar.subarray(512, 512 + WASM.length).equals(WASM));
  const config = JSON.parse((await blob(image!.config)).toString()) as { rootfs: { diff_ids: string[] } };
  assert.equal(config.rootfs.diff_ids, [`sha256:${hexOf(tar)}`]);
  assert.is(artifact!.layers.length, 2);
  assert.is(artifact!.layers[1]!.mediaType, "application/vnd.module.wasm.content.layer.v1+wasm");
  assert.ok((await blob(artifact!.layers[1]!)).equals(WASM));
  await blob(artifact!.config);
});

test("every manifest that is delivered names the packed bytes, for each way they are fetched", async () => {
  const repository = "registry.example.com:5000/vedette/filter";
  for (const form of FORMS) {
    const delivery = moduleOf(WASM, "1.2.3", { by: form, repository });
    await deliver(WASM, delivery, folder);
    const url = `oci://${repository}:1.2.3${form === "artifact" ? "-artifact" : ""}`;
    const sha256 = delivery.layout.manifests[form].digest.slice("sha256:".length);
    await namesEverywhere({ url, sha256 });
  }
  await deliver(WASM, moduleOf(WASM, "1.2.3", { by: "http", url: "https://files.example.com/wasm/" }), folder);
  await namesEverywhere({ url: `https://files.example.com/wasm/${fileNameOf(WASM)}`, sha256: hexOf(WASM) });
  assert.ok((await readFile(join(folder, "http", fileNameOf(WASM)))).equals(WASM));
});

async function namesEverywhere(module: { url: string; sha256: string }): Promise<void> {
  const names = await readdir(join(folder, "istio"));
  assert.is(names.length, 6, "three placements, two kinds each");
  for (const name of names) {
    const { kind, spec } = parse(await readFile(join(folder, "istio", name), "utf8"));
    const { url, sha256 } = kind === "TrafficExtension" ? spec.wasm : spec;
    assert.equal({ url, sha256 }, module, name);
  }
  assert.equal(parse(await readFile(join(folder, "helm-values.yaml"), "utf8")), { filter: module });
}

test("a source that is none is refused, and so is a manifest that names no module", () => {
  for (const repository of ["", "Registry/x", "registry.example.com", "registry.example.com/x:1", "https://a/b"]) {
    assert.throws(() => moduleOf(WASM, "1", { by: "image", repository }), /must be host\/path/, repository);
  }
  for (const url of ["", "ftp://a/b", "https://a/b?c"]) {
    assert.throws(() => moduleOf(WASM, "1", { by: "http", url }), /must be http/, url);
  }
  assert.throws(() => withModule("kind: Service\n", { url: "", sha256: "" }), /names no module/);
});

test.run();
