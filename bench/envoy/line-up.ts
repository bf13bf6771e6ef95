// Puts up the arms: one Envoy with a listener for each of its arms, nginx beside it. A peer that is not to be had is
// left out, and said to be.

import { join } from "node:path";
import type { Json } from "../../envoy/cluster.ts";
import { vedetteCluster } from "../../envoy/filter-config.ts";
import { freePorts, isFree } from "../../envoy/ports.ts";
import { Child } from "../../envoy/process.ts";
import { AGAIN, Arm, CRS, NGINX, NONE, NOOP, OURS, type Ours, oursArm, oursFilter, targetOf } from "./arms.ts";
import type { Bed } from "./bed.ts";
import { noopFilter } from "./config.ts";
import type { EnvoyProcess } from "./envoy-process.ts";
import { Nginx, nginxLacks } from "./nginx.ts";
import { NOOP_COUNTER } from "./noop.ts";
import { PEER_COUNTERS, PEERS, peerCluster, peerFilter } from "./peers.ts";
import { envoyMeter, processMeter } from "./scheduler.ts";

export interface LineUp {
  arms: Arm[];
  /** The process of the Envoy arms. */
  proxy: EnvoyProcess;
  /** What was left out, and why. */
  skipped: string[];
}

/** An arm of the measured Envoy before it runs. */
interface Plan {
  name: string;
  filters: Json[];
  denies: boolean;
  /** Asks the service. */
  asks?: boolean;
  seen: (proxy: EnvoyProcess) => Promise<number>;
}

const prefixOf = (name: string): string => name.replaceAll(/[^a-z]+/g, "_");
const OURS_NAMES = Object.keys(OURS) as Ours[];

export async function lineUp(bed: Bed): Promise<LineUp> {
  const all = plans(bed);
  const ports = await freePorts(all.length + 1);
  const peerPort = ports[all.length]!;
  const service = await peerService(bed, peerPort);
  const proxy = await bed.proxy({
    node: "arms",
    listeners: all.map(({ name, filters }, i) => ({ name: prefixOf(name), port: ports[i]!, filters })),
    clusters: [vedetteCluster({ ...filterOptions(bed), configuration: {} }), peerCluster(peerPort)],
  });
  const [meter, askingMeter] = [envoyMeter(proxy.pid), envoyMeter(proxy.pid, service.pid)];
  const arms = all.map(({ name, denies, asks, seen }, i) => {
    return new Arm({ name, port: ports[i]!, meter: asks ? askingMeter : meter, denies, seen: () => seen(proxy) });
  });
  const others = await nginxArms(bed);
  const lineUp = { arms: [...arms, ...others.arms], proxy, skipped: others.skipped };
  bed.onClose("clients", () => {
    for (const arm of lineUp.arms) arm.close();
  });
  return lineUp;
}

function filterOptions(bed: Bed) {
  return { wasm: bed.wasm, controlPlane: bed.controlPlane() };
}

function plans(bed: Bed): Plan[] {
  const plain = (name: string): Plan => ({ name, filters: [], denies: false, seen: completed(name) });
  const noop = { filters: [noopFilter(bed.noop)], denies: false };
  const ours = OURS_NAMES.map((mode): Plan => {
    const filters = [oursFilter(mode, filterOptions(bed))];
    const seen = async () => Number((await bed.operator.workload(targetOf(mode))).counts?.seen ?? 0);
    return { name: oursArm(mode), filters, denies: mode === "enforce", seen };
  });
  const peers = PEERS.map((peer): Plan => {
    const seen = (proxy: EnvoyProcess) => proxy.counter(PEER_COUNTERS[peer]);
    return { name: peer, filters: [peerFilter(peer)], denies: false, asks: peer !== "lua", seen };
  });
  const counted = (proxy: EnvoyProcess) => proxy.counter(NOOP_COUNTER);
  return [plain(NONE), { name: NOOP, ...noop, seen: counted }, ...ours, ...peers, plain(AGAIN)];
}

/** Requests that a listener of Envoy has completed. */
function completed(name: string): (proxy: EnvoyProcess) => Promise<number> {
  return (proxy) => proxy.counter(`^http\\.${prefixOf(name)}\\.downstream_rq_completed$`);
}

async function peerService(bed: Bed, port: number): Promise<Child> {
  const child = new Child({
    ...{ name: "peer service", command: process.execPath, logFile: join(bed.folder, "peer-server.log") },
    args: ["--import", "tsx", join(import.meta.dirname, "peer-server.ts"), String(port)],
  });
  bed.onClose("peer service", () => child.stop());
  await child.until("it serves", async () => !(await isFree(port)));
  return child;
}

async function nginxArms(bed: Bed): Promise<{ arms: Arm[]; skipped: string[] }> {
  const lacks = nginxLacks();
  if (lacks !== undefined) return { arms: [], skipped: [`${NGINX} and ${CRS}: ${lacks}`] };
  const [plainPort, rulesPort] = (await freePorts(2)) as [number, number];
  const start = async (name: string, port: number, rules: boolean): Promise<Arm> => {
    const { folder, upstreamPort } = bed;
    const nginx = await Nginx.start({ name: prefixOf(name), folder, port, upstreamPort, rules });
    bed.onClose(name, () => nginx.stop());
    const meter = processMeter(nginx.workerPid);
    return new Arm({ name, port, meter, denies: rules, slow: rules, seen: () => nginx.requests() });
  };
  return { arms: [await start(NGINX, plainPort, false), await start(CRS, rulesPort, true)], skipped: [] };
}
