// Makes control-plane/train/prior.json: mean bins and covariance within services of public traffic, by the features of
// core.wasm. `node --import tsx bench/prior.ts --data DIR`, DIR holding wcp_legit_dev.jsonl.xz (fields m, u, h);
// unpacked by `xz -dc`. A service is a host with at least 20 requests; the covariance is pooled over services about
// each service's own mean.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Core, loadCore } from "../control-plane/core.ts";

const INPUT = "wcp_legit_dev.jsonl.xz";
const OUTPUT = new URL("../control-plane/train/prior.json", import.meta.url);
const SERVICE_REQUESTS_MIN = 20;
/** Unpacked it has 38 MB. */
const UNPACKED_BYTES_MAX = 2 ** 29;
/** Digits behind the point: far below what a bin can tell. */
const DIGITS = 6;

/** Exact integer sums of one service. */
interface Sums {
  n: number;
  sums: number[];
  products: number[];
}

function unpack(path: string): string {
  const { stdout, status, stderr, error } = spawnSync("xz", ["-dc", path], { maxBuffer: UNPACKED_BYTES_MAX });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`xz -dc ${path}: status ${status}: ${stderr}`);
  return stdout.toString("utf8");
}

function hostOf(headers: Record<string, string>): string {
  const found = Object.entries(headers).find(([name]) => name.toLowerCase() === "host");
  return (found?.[1] ?? "").toLowerCase();
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

/** Mean over the requests of all services, and pooled scatter about the services' means by its degrees of freedom. */
function estimate(services: readonly Sums[], features: number): { mean: number[]; covariance: number[][] } {
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
  return { mean, covariance };
}

function rounded(value: number): number {
  return Number(value.toFixed(DIGITS));
}

function main(): void {
  const { values } = parseArgs({ options: { data: { type: "string" } } });
  if (values.data === undefined) throw new Error("usage: bench/prior.ts --data DIR");
  const core = loadCore();
  const path = join(values.data, INPUT);
  const lines = unpack(path).trimEnd().split("\n");
  const all = [...sumsByService(lines, core).values()];
  const services = all.filter(({ n }) => n >= SERVICE_REQUESTS_MIN);
  const requests = services.reduce((sum, { n }) => sum + n, 0);
  const { mean, covariance } = estimate(services, core.limits.FEATURES);
  const sha256 = createHash("sha256").update(readFileSync(path)).digest("hex");
  const content = {
    source: { file: INPUT, sha256, unpackedBy: "xz -dc", rows: lines.length, requests, services: services.length },
    featureHash: core.featureHash.toString(16).padStart(16, "0"),
    mean: mean.map(rounded),
    covariance: covariance.map((row) => row.map(rounded)),
  };
  writeFileSync(OUTPUT, JSON.stringify(content));
  const biome = spawnSync("npx", ["biome", "format", "--write", fileURLToPath(OUTPUT)], { stdio: "inherit" });
  if (biome.status !== 0) throw new Error(`biome format: status ${biome.status}`);
  console.log(`${requests} requests of ${services.length} services; variances:`);
  console.log(content.covariance.map((row, i) => `${i}: ${row[i]}`).join("  "));
}

main();
