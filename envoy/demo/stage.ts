// What both demos stand on: a folder of their own, an Envoy, an authority for certificates, the control plane, and its
// operator client. Everything that is started here is stopped by the lifetime.

import { access, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { findEnvoy } from "../binary.ts";
import { CertificateAuthority, type CertificateFiles, spiffeIdOf } from "../certificates.ts";
import { ControlPlane } from "../control-plane.ts";
import type { FilterOptions } from "../filter-config.ts";
import type { Lifetime } from "../lifetime.ts";
import { freePorts } from "../ports.ts";
import { type Child, removeIfKilled } from "../process.ts";
import type { Sidecar } from "../sidecar.ts";
import type { ProxyAddress, Reporter } from "./events.ts";
import { Operator } from "./operator.ts";
import type { Options } from "./options.ts";
import { WorkloadWatch } from "./workloads.ts";

export const MESH = "demo";
const WASM = resolve(import.meta.dirname, "..", "..", "filter", "build", "vedette.wasm");
const CONTROL_PLANE_ID = spiffeIdOf("vedette", "control-plane");

export interface Stage {
  options: Options;
  reporter: Reporter;
  lifetime: Lifetime;
  folder: string;
  binary: string;
  authority: CertificateAuthority;
  controlPlane: ControlPlane;
  operator: Operator;
  /** The filter for a workload with this identity. */
  filterOf(identity: CertificateFiles): FilterOptions;
}

/** `settings`: thresholds for the control plane, as VEDETTE_* variables. */
export async function setStage(
  options: Options,
  reporter: Reporter,
  lifetime: Lifetime,
  settings: Record<string, string>,
): Promise<Stage> {
  await access(WASM).catch(() => {
    throw new Error("filter/build/vedette.wasm is missing: npm run build makes it");
  });
  const log = (message: string) => reporter.tell({ event: "note", message });
  const binary = await findEnvoy({ log });
  const folder = await mkdtemp(join(tmpdir(), "vedette-"));
  removeIfKilled(folder);
  lifetime.onStop("temporary folder", () => rm(folder, { recursive: true, force: true }));
  const certificates = join(folder, "certificates");
  await mkdir(certificates);
  const authority = await CertificateAuthority.create(certificates);
  const [sidecarPort, operatorPort, httpPort] = (await freePorts(3)) as [number, number, number];
  const controlPlane = await ControlPlane.start({
    folder,
    ...(options.data ? { dataFolder: resolve(options.data) } : {}),
    sidecarPort,
    operatorPort,
    httpPort,
    identity: await authority.issue("control-plane", CONTROL_PLANE_ID, ["localhost"]),
    mesh: MESH,
    settings,
  });
  lifetime.onStop("control plane", () => controlPlane.stop());
  mustLive(controlPlane.child, lifetime);
  const operator = new Operator(controlPlane.operatorAddress);
  lifetime.onStop("operator client", () => operator.close());
  const watch = new WorkloadWatch(operator, reporter);
  watch.start();
  lifetime.onStop("watch", () => watch.stop());
  const filterOf = (identity: CertificateFiles): FilterOptions => ({
    wasm: WASM,
    configuration: { mesh: MESH, authority: "vedette" },
    controlPlane: { host: "127.0.0.1", port: sidecarPort, tls: { identity, spiffeId: CONTROL_PLANE_ID } },
  });
  return { options, reporter, lifetime, folder, binary, authority, controlPlane, operator, filterOf };
}

/** Should the child end by itself, so does everything. */
export function mustLive(child: Child, lifetime: Lifetime): void {
  void child.ended.then((outcome) => {
    if (lifetime.signal.aborted) return;
    lifetime.fail(`${child.name} ended by itself (${outcome}); its last words:\n${child.lastLines()}`);
  });
}

/** Tells what runs where. */
export function tellStarted(stage: Stage, proxies: ProxyAddress[], thresholds: Record<string, number>): void {
  const { controlPlane, folder } = stage;
  stage.reporter.tell({
    event: "started",
    controlPlane: {
      pid: controlPlane.child.pid,
      operator: controlPlane.operatorAddress,
      sidecar: controlPlane.sidecarAddress,
      metrics: controlPlane.metricsUrl,
    },
    proxies,
    folder,
    thresholds,
  });
}

export function proxyAddress(sidecar: Sidecar): ProxyAddress {
  const { workload, inbound, outbound, adminPort, identity } = sidecar.options;
  const outside = outbound && `http://127.0.0.1:${outbound.port}`;
  const inside = inbound && `${inbound.mtls ? "https" : "http"}://127.0.0.1:${inbound.port}`;
  return {
    name: workload,
    pid: sidecar.child.pid,
    admin: `http://127.0.0.1:${adminPort}`,
    ...(inside && inbound.mtls ? { inbound: inside } : {}),
    ...(inside && !inbound.mtls ? { open: inside } : {}),
    ...(outside && !outbound.edge ? { outbound: outside } : {}),
    ...(outside && outbound.edge ? { open: outside } : {}),
    ...(identity ? { client: identity } : {}),
  };
}
