// `npm start -- --upstream URL`: one sidecar, open to plaintext clients of this machine, before somebody's own service.

import { join } from "node:path";
import { spiffeIdOf } from "../certificates.ts";
import type { Lifetime } from "../lifetime.ts";
import { freePorts, isFree } from "../ports.ts";
import { Sidecar } from "../sidecar.ts";
import { streamDenials } from "./denials.ts";
import type { Reporter } from "./events.ts";
import { OptionError, type Options } from "./options.ts";
import { mustLive, proxyAddress, setStage, tellStarted } from "./stage.ts";
import { settingsOf, UPSTREAM_THRESHOLDS } from "./thresholds.ts";

const NAMESPACE = "local";
const WORKLOAD = "upstream";
const TARGET = `${NAMESPACE}/${WORKLOAD}`;

export async function runUpstream(options: Options, reporter: Reporter, lifetime: Lifetime): Promise<void> {
  if (options.port && !(await isFree(options.port))) {
    throw new OptionError(`--port: ${options.port} on 127.0.0.1 is taken`);
  }
  const stage = await setStage(options, reporter, lifetime, settingsOf(UPSTREAM_THRESHOLDS));
  const [free, adminPort] = (await freePorts(2)) as [number, number];
  const port = options.port || free;
  const identity = await stage.authority.issue(WORKLOAD, spiffeIdOf(NAMESPACE, WORKLOAD));
  const accessLog = join(stage.folder, `${WORKLOAD}.access.log`);
  const sidecar = await Sidecar.start({
    node: `${WORKLOAD}-0.${NAMESPACE}`,
    namespace: NAMESPACE,
    workload: WORKLOAD,
    adminPort,
    accessLog,
    identity,
    inbound: { port, mtls: false, upstream: options.upstream! },
    filter: stage.filterOf(identity),
    folder: stage.folder,
    binary: stage.binary,
    concurrency: options.concurrency,
  });
  lifetime.onStop("sidecar", () => sidecar.stop());
  mustLive(sidecar.child, lifetime);
  const proxies = [proxyAddress(sidecar)];
  tellStarted(stage, proxies, { ...UPSTREAM_THRESHOLDS });
  lifetime.onStop("denials", streamDenials(stage.operator, reporter));
  const command = `node --import tsx envoy/demo/mode.ts ${stage.controlPlane.operatorAddress} ${TARGET}`;
  reporter.tell({
    event: "listening",
    url: `http://127.0.0.1:${port}`,
    workload: TARGET,
    proxies,
    admin: { [WORKLOAD]: adminPort },
    operator: stage.controlPlane.operatorAddress,
    metrics: stage.controlPlane.metricsUrl,
    accessLogs: { [WORKLOAD]: accessLog },
    setMode: Object.fromEntries(["shadow", "enforce", "learn", "off"].map((mode) => [mode, `${command} ${mode}`])),
  });
}
