// What a request costs as exact numbers, from the compiled filter on the emulated host: they do not depend on the
// machine.

import { existsSync, readFileSync } from "node:fs";
import { type Build, Mesh, quoted } from "../../test/filter/mesh.ts";
import type { Exchange, HeaderList } from "../../test/host/exchange.ts";
import { targets } from "../../test/support/requests.ts";
import { rule, rules } from "../../test/support/sections.ts";

export interface RequestCounts {
  hostcalls: number;
  /** Calls of the host into the guest. */
  entries: number;
  /** Bytes that the host copied into the guest, and in how many pieces. */
  bytes: number;
  reads: number;
}

export interface Counts {
  allowed: RequestCounts;
  /** Without a client certificate. */
  plaintext: RequestCounts;
  /** While a rule for a caller is in force. */
  withCallerRule: RequestCounts;
  denied: RequestCounts;
  /** By the compiler's runtime, over the requests below, the adoption of a model, ticks and windows. */
  allocations: number;
  /** 64 KiB pages of a worker after the first request, and after all of them. */
  pagesBefore: number;
  pagesAfter: number;
  requests: number;
  /** Bytes of the modules. */
  sizes: Record<string, number>;
}

/** 14 pairs with the pseudo-headers and those Envoy adds. */
const HEADERS: HeaderList = [
  ["user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/127.0.0.0"],
  ["accept", "application/json"],
  ["accept-encoding", "gzip, deflate, br"],
  ["accept-language", "en-GB,en;q=0.9"],
  ["content-type", "application/json"],
  ["x-envoy-expected-rq-timeout-ms", "15000"],
  ["traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
  ["cookie", "session=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
];
const PATH = "/api/v1/items?page=2&sort=price&lang=en-GB";
/** Requests between two ticks of a second. */
const TICK_EVERY = 5000;
const TARGETS = 4096;
const ALLOCATING_REQUESTS = 2000;

const MODULES = ["vedette", "vedette-scalar", "core", "core-scalar"];

function countsOf({ entries }: Exchange): RequestCounts {
  const sum = (of: (entry: Exchange["entries"][number]) => number) => entries.reduce((sum, one) => sum + of(one), 0);
  return {
    hostcalls: sum(({ hostcalls }) => hostcalls.length),
    entries: entries.length,
    bytes: sum(({ bytes }) => bytes),
    reads: sum(({ mallocs }) => mallocs),
  };
}

/** `requests` is how many the sidecar serves for growth; at least 1. */
export function takeCounts(requests: number, build: Build = "vedette"): Counts {
  const mesh = new Mesh({ build, workers: 1 }).adopt();
  const spec = { path: PATH, headers: HEADERS };
  const allowed = countsOf(mesh.request(spec));
  const pagesBefore = mesh.sidecar.worker(0).pages;
  const plaintext = countsOf(mesh.request({ ...spec, identity: undefined }));
  const exchange = mesh.request({ ...spec, path: quoted(9) });
  if (exchange.localReply === undefined) throw new Error("counts: the planted attack was not denied");
  serve(mesh, requests);
  const ruled = new Mesh({ build, workers: 1 }).adopt({ rules: rules(rule({ method: "", caller: "spiffe://x/y" })) });
  return {
    ...{ allowed, plaintext, withCallerRule: countsOf(ruled.request(spec)), denied: countsOf(exchange) },
    ...{ allocations: allocationsOf(), pagesBefore, pagesAfter: mesh.sidecar.worker(0).pages, requests },
    sizes: Object.fromEntries(MODULES.map((name) => [name, sizeOf(name)])),
  };
}

/** Mixed requests, attacks and long ones among them, with a second between batches. Throws where the filter traps. */
function serve(mesh: Mesh, requests: number): void {
  const paths = [...targets(5, TARGETS, 64)];
  for (let i = 0; i < requests; i++) {
    mesh.request({ path: paths[i % paths.length]!, headers: HEADERS });
    if (i % TICK_EVERY === TICK_EVERY - 1) {
      mesh.sidecar.tick(1000);
      // The hello stays; ten million requests would leave thousands of windows.
      for (const { frames } of mesh.plane.streams) frames.splice(1);
    }
  }
  mesh.settle();
  if (mesh.sidecar.failures.length > 0) throw new Error(`counts: ${mesh.sidecar.failures[0]}`);
}

function allocationsOf(): number {
  const mesh = new Mesh({ build: "vedette-test", workers: 1 });
  const count = () =>
    mesh.sidecar.vms.reduce((sum, vm) => sum + (vm.exported("test_allocations") as () => number)(), 0);
  const before = count();
  mesh.adopt();
  serve(mesh, ALLOCATING_REQUESTS);
  return count() - before;
}

function sizeOf(name: string): number {
  const file = new URL(`../../filter/build/${name}.wasm`, import.meta.url);
  if (!existsSync(file)) throw new Error(`filter/build/${name}.wasm is not there: npm run build`);
  return readFileSync(file).length;
}
