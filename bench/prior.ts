// Makes control-plane/train/prior.json: mean bins and covariance within services of public traffic, by the features of
// core.wasm. `node --import tsx bench/prior.ts --data DIR`, DIR holding wcp_legit_dev.jsonl.xz (fields m, u, h);
// unpacked by `xz -dc`. A service is a host with at least 20 requests; the covariance is pooled over services about
// each service's own mean.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Core, loadCore } from "../control-plane/core.ts";
import { sourceOf, writeFormatted } from "./made.ts";

/** The public traffic that the prior is made from. */
export const INPUT = "wcp_legit_dev.jsonl.xz";
const OUTPUT = new URL("../control-plane/train/prior.json", import.meta.url);
const SERVICE_REQUESTS_MIN = 20;
/** Unpacked it has 38 MB. */
const UNPACKED_BYTES_MAX = 2 ** 29;
/** Digits behind the point: far below what a bin can tell. */
const DIGITS = 6;

/** Exact integer sums of one service. */
export interface Sums {
  n: number;
  sums: number[];
  products: number[];
}

export interface PriorEstimate {
  /** What it was made from. */
  requests: number;
  services: number;
  mean: number[];
  covariance: number[][];
}

/** Text of a file packed by xz. */
function unpack(path: string): string {
  const { stdout, status, stderr, error } = spawnSync("xz", ["-dc", path], { maxBuffer: UNPACKED_BYTES_MAX });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`xz -dc ${path}: status ${status}: ${stderr}`);
  return stdout.toString("utf8");
}

/** In lower case; empty without one. */
export function hostOf(headers: Record<string, string>): string {
  const found = Object.entries(headers).find(([name]) => name.toLowerCase() === "host");
  return (found?.[1] ?? "").toLowerCase();
}

/** Sums of the traffic at `path` by host, lower-case, and the number of its rows. */
export function trafficOf(path: string, core: Core): { services: Map<string, Sums>; rows: number } {
  const lines = unpack(path).trimEnd().split("\n");
  return { services: sumsByService(lines, core), rows: lines.length };
}

function sumsByService(lines: readonly string[], core: Core): Map<string, Sums> {
  const { FEATURES, PRODUCTS } = core.limits;
  const services = new Map<string, Sums>();
  for (const line of lines) {
    const { u, h } = JSON.parse(line) as { u: string; h: Record<string, string> };
    const host = hostOf(h);
    const held = services.get(host);
    const service = held ?? { n: 0, sums: zeros(FEATURES), products: zeros(PRODUCTS) };
    if (held === undefined) services.set(host, service);
    add(service, core.binsOf(Buffer.from(u, "utf8")));
  }
  return services;
}

function add(service: Sums, bins: Uint8Array): void {
  service.n++;
  let at = 0;
  for (const [i, bin] of bins.entries()) {
    service.sums[i]! += bin;
    for (let j = 0; j <= i; j++) service.products[at++]! += bin * bins[j]!;
  }
}

function zeros(length: number): number[] {
  return new Array<number>(length).fill(0);
}

/**
 * Mean over the requests of all services that have enough, and pooled scatter about the services' means by its degrees
 * of freedom; the covariance as rows of the lower triangle.
 */
export function estimate(all: Iterable<Sums>, features: number): PriorEstimate {
  const services = [...all].filter(({ n }) => n >= SERVICE_REQUESTS_MIN);
  const requests = services.reduce((sum, { n }) => sum + n, 0);
  const mean = zeros(features).map((_, i) => services.reduce((sum, { sums }) => sum + sums[i]!, 0) / requests);
  const covariance = mean.map((_, i) =>
    zeros(i + 1).map((_, j) => {
      const at = (i * (i + 1)) / 2 + j;
      const scatter = services.reduce(
        (sum, { n, sums, products }) => sum + products[at]! - (sums[i]! * sums[j]!) / n,
        0,
      );
      return scatter / (requests - services.length);
    }),
  );
  return {
    ...{ requests, services: services.length, mean: mean.map(rounded) },
    covariance: covariance.map((row) => row.map(rounded)),
  };
}

function rounded(value: number): number {
  return Number(value.toFixed(DIGITS));
}

function main(): void {
  const { values } = parseArgs({ options: { data: { type: "string" } } });
  if (values.data === undefined) throw new Error("usage: bench/prior.ts --data DIR");
  const core = loadCore();
  const path = join(values.data, INPUT);
  const traffic = trafficOf(path, core);
  const { requests, services, mean, covariance } = estimate(traffic.services.values(), core.limits.FEATURES);
  const content = {
    source: { ...sourceOf(path), unpackedBy: "xz -dc", rows: traffic.rows, requests, services },
    featureHash: core.featureHash.toString(16).padStart(16, "0"),
    ...{ mean, covariance },
  };
  writeFormatted(OUTPUT, content);
  console.log(`${requests} requests of ${services} services; variances:`);
  console.log(content.covariance.map((row, i) => `${i}: ${row[i]}`).join("  "));
}

// Its parts are also used by the quality bench, for a prior of other organisations only.
if (process.argv[1] === fileURLToPath(import.meta.url)) main();
