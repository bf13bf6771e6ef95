// The configurations in envoy/plain/ on the real Envoy: accepted as they stand, the filter and its configuration
// included.

import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { findEnvoy } from "../../envoy/binary.ts";
import { CertificateAuthority, spiffeIdOf } from "../../envoy/certificates.ts";
import { freePorts } from "../../envoy/ports.ts";
import { Child, removeIfKilled } from "../../envoy/process.ts";
import { outcomeOf } from "./chart.ts";
import { PATIENCE_MS } from "./patience.ts";

const ROOT = resolve(import.meta.dirname, "..", "..");
const HTTP_CONNECTION_MANAGER =
  "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

let folder = "";
let envoy = "";
test.before(async () => {
  envoy = await findEnvoy();
  folder = await mkdtemp(join(tmpdir(), "vedette-plain-"));
  removeIfKilled(folder);
  const authority = await CertificateAuthority.create(folder);
  await authority.issue("workload", spiffeIdOf("edge", "edge"));
  await authority.issue("server", spiffeIdOf("edge", "edge"), ["shop.example"]);
  await copyFile(join(ROOT, "filter", "build", "vedette.wasm"), join(folder, "vedette.wasm"));
});
test.after(() => rm(folder, { recursive: true, force: true }));

/** Writes a configuration of the repository with its folder for ours; resolves with the path. */
async function localized(name: string): Promise<string> {
  const text = await readFile(join(ROOT, "envoy", "plain", name), "utf8");
  await writeFile(join(folder, name), text.replaceAll("/etc/vedette/", `${folder}/`));
  return join(folder, name);
}

test("the gateway is valid as it stands", async () => {
  const { code, said } = await outcomeOf(envoy, ["--mode", "validate", "-c", await localized("gateway.yaml")]);
  assert.is(code, 0, said);
});

test("the filter alone is taken by extension discovery, and serves", async () => {
  const [port, admin] = await freePorts(2);
  const address = (number: number) => ({ socket_address: { address: "127.0.0.1", port_value: number } });
  const path = await localized("extension.yaml");
  const discovered = {
    name: "vedette",
    config_discovery: {
      config_source: { path_config_source: { path }, resource_api_version: "V3" },
      type_urls: ["type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm"],
    },
  };
  const router = {
    name: "envoy.filters.http.router",
    typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
  };
  const route = { match: { prefix: "/" }, direct_response: { status: 204 } };
  const manager = {
    "@type": HTTP_CONNECTION_MANAGER,
    stat_prefix: "in",
    route_config: { virtual_hosts: [{ name: "all", domains: ["*"], routes: [route] }] },
    http_filters: [discovered, router],
  };
  const filters = [{ name: "envoy.filters.network.http_connection_manager", typed_config: manager }];
  const bootstrap = {
    node: { id: "plain-0", cluster: "plain", metadata: { NAMESPACE: "edge", WORKLOAD_NAME: "edge" } },
    admin: { address: address(admin!) },
    static_resources: { listeners: [{ name: "in", address: address(port!), filter_chains: [{ filters }] }] },
  };
  await writeFile(join(folder, "bootstrap.json"), JSON.stringify(bootstrap));
  const args = ["-c", join(folder, "bootstrap.json"), "--concurrency", "1", "--disable-hot-restart"];
  const child = new Child({ name: "Envoy", command: envoy, args, logFile: join(folder, "envoy.log") });
  try {
    const status = () =>
      fetch(`http://127.0.0.1:${port}/`).then(
        (response) => response.status,
        () => 0,
      );
    await child.until("it answers through the filter", async () => (await status()) === 204, PATIENCE_MS);
    const stats = await (await fetch(`http://127.0.0.1:${admin}/stats?filter=vedette`)).text();
    assert.match(stats, /http_filter\.vedette\.config_reload: 1/);
    assert.match(child.output(), /vedette configured/);
  } finally {
    await child.stop();
  }
});

test.run();
