// One run from an empty machine to results: the bed, the arms, what they learn, the blocks, and what is measured on
// processes of its own. A run whose guard fails ends there.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { findEnvoy } from "../../envoy/binary.ts";
import { RecordedSidecar } from "./adoption.ts";
import type { Arm } from "./arms.ts";
import { Bed } from "./bed.ts";
import { type Guard, guardsOf, measure, QUICK_ROUNDS, ROUNDS, requestsOf } from "./blocks.ts";
import { latencyGuard, measureLatency } from "./latency.ts";
import { lineUp } from "./line-up.ts";
import type { Options } from "./options.ts";
import { measureProcesses } from "./processes.ts";
import { prove } from "./proof.ts";
import type { Results } from "./results.ts";
import { learningSettings, teach } from "./teach.ts";

/** For counters that are told with a window; the machine may be busy. */
const PATIENCE_MS = 30_000;
/** Planted attacks of each arm: one before the blocks, one after them. */
const ATTACKS = 2;
const SHORT = {
  ...{ rounds: QUICK_ROUNDS, learnt: 400, windowMs: 1000, latencyBlocks: 1, latencySeconds: 1 },
  ...{ pairs: 1, served: 500, adoptions: 3, quietMs: 300 },
};
/** Windows are long, as in production: sealing one costs whichever arm is at turn. */
const LONG = {
  ...{ rounds: ROUNDS, learnt: 2000, windowMs: 10_000, latencyBlocks: 10, latencySeconds: 8 },
  ...{ pairs: 5, served: 5000, adoptions: 40, quietMs: 3000 },
};
/** The control plane trains again at eleven times what it learnt: not while arms are measured. */
const RETRAIN_FACTOR = 8;

/** A run that reports nothing. */
export class VoidRun extends Error {
  override readonly name = "VoidRun";

  constructor(readonly guards: Guard[]) {
    super("the A/A guard failed");
  }
}

/** Throws VoidRun, or what went wrong. `tell` is told what is being done. */
export async function run(options: Options, tell: (line: string) => void): Promise<Results> {
  const sizes = options.quick ? SHORT : LONG;
  const learnt = Math.max(sizes.learnt, Math.ceil(requestsOf(options.blocks, sizes.rounds) / RETRAIN_FACTOR));
  const binary = await findEnvoy({ log: tell });
  const bed = await Bed.open({ binary, settings: learningSettings(learnt, sizes.windowMs) });
  try {
    const { arms, proxy, skipped } = await lineUp(bed);
    const envoy = await proxy.version();
    for (const line of skipped) tell(`skipped: ${line}`);
    tell(`learning from ${learnt} requests`);
    await teach(bed.operator, arms, learnt);
    const measured = await measureArms(arms, options, tell);
    tell("processes");
    const processes = await measureProcesses(bed, sizes.pairs, sizes.served);
    tell(`adoption, ${options.pushes} updates, growth over ${options.requests} requests`);
    const recorded = await measureRecorded(bed, options);
    const filter = createHash("sha256").update(readFileSync(bed.wasm)).digest("hex");
    return { envoy, filter, ...measured, arms: arms.map(({ name }) => name), skipped, processes, ...recorded };
  } finally {
    await bed.close();
  }
}

async function measureArms(arms: readonly Arm[], options: Options, tell: (line: string) => void) {
  const { rounds, latencyBlocks, latencySeconds, windowMs } = options.quick ? SHORT : LONG;
  for (const arm of arms) await arm.attack();
  const blocks = await measure(arms, options.blocks, rounds, (block) => tell(`block ${block} of ${options.blocks}`));
  const guards = guardsOf(blocks);
  if (!options.quick && guards.some(({ holds }) => !holds)) throw new VoidRun(guards);
  tell("latency");
  const latency = await measureLatency(
    arms.filter(({ options: { slow } }) => !slow),
    latencyBlocks,
    latencySeconds,
  );
  for (const arm of arms) await arm.attack();
  const proofs = await prove(arms, ATTACKS, 4 * windowMs + PATIENCE_MS);
  return { blocks, guards, latency, latencyGuard: latencyGuard(latency), proofs };
}

async function measureRecorded(bed: Bed, options: Options) {
  const { adoptions, quietMs } = options.quick ? SHORT : LONG;
  const sidecar = await RecordedSidecar.start(bed);
  const adoption = await sidecar.adoptions(adoptions);
  const quiet = await sidecar.probe(async () => void (await sleep(quietMs)));
  const adopting = await sidecar.probe(() => sidecar.adopt(adoptions));
  let pushes: Awaited<ReturnType<typeof sidecar.pushes>> | undefined;
  const pushing = await sidecar.probe(async () => {
    pushes = await sidecar.pushes(options.pushes);
  });
  const growth = await sidecar.growth(options.requests);
  return { adoption, probes: { quiet, adopting, pushing }, pushes: pushes!, growth };
}
