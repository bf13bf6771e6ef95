// `npm run pack:oci`: the built filter as an OCI image layout and as a file for a web server, and the Istio manifests
// with its url and sha256, all in filter/build/delivery/. `--help` tells the options.

import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { deliver, fileNameOf, moduleOf, type Source } from "./delivery.ts";
import { tagOf } from "./oci.ts";

const ROOT = resolve(import.meta.dirname, "..");
const BUILD = join(ROOT, "filter", "build");
const FOLDER = join(BUILD, "delivery");
const REPOSITORY = "registry.example.com/vedette/filter";
const HELP = `npm run pack:oci -- [options]
  --repository HOST/PATH  registry and repository that the module will be in (${REPOSITORY})
  --artifact              the manifests name the artifact instead of the image
  --http URL              the manifests name a file in this folder of a web server instead
  --tag TAG               the version in package.json unless told`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      repository: { type: "string", default: REPOSITORY },
      artifact: { type: "boolean", default: false },
      http: { type: "string" },
      tag: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const wasm = await readFile(join(BUILD, "vedette.wasm"));
  const tag =
    values.tag ?? (JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")) as { version: string }).version;
  const form = values.artifact ? "artifact" : "image";
  const source: Source = values.http ? { by: "http", url: values.http } : { by: form, repository: values.repository };
  const delivery = moduleOf(wasm, tag, source);
  await deliver(wasm, delivery, FOLDER);
  const { image, artifact } = delivery.layout.manifests;
  console.log(`filter/build/delivery/
  oci/               ${tagOf(tag, "image")} (image) ${image.digest}
                     ${tagOf(tag, "artifact")} (artifact) ${artifact.digest}
  http/              ${fileNameOf(wasm)}
  istio/             manifests that name ${delivery.module.url}
  helm-values.yaml   the same for the chart
Push it with any registry tool, for instance
  oras cp --from-oci-layout filter/build/delivery/oci:${tagOf(tag, form)} ${values.repository}:${tagOf(tag, form)}`);
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
