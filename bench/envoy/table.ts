// Results for a reader: Markdown, the same on a terminal and in bench/README.md.

import { type Blocks, type Figure, paired } from "../filter/measure.ts";
import type { Row } from "../filter/rows.ts";
import { row } from "../quality/table.ts";
import type { Probe } from "./adoption.ts";
import { AGAIN, CRS, NGINX, NONE } from "./arms.ts";
import { figureName, GUARD_MAX, type Guard, type Thread } from "./blocks.ts";
import { LATENCY_GUARD_MAX, latencyAdded, latencyName, type Share } from "./latency.ts";
import { KINDS, type Kind } from "./requests.ts";
import { addedUs, type Results, ratioToNone, rowsOf } from "./results.ts";

const NS = 1000;
const KIB_PER_PAGE = 64;

function table(head: readonly string[], lines: readonly (readonly (string | number)[])[]): string {
  return [row(head), row(head.map(() => "---")), ...lines.map(row)].join("\n");
}

function told({ value, ci }: Figure, digits: number): string {
  const [low, high] = ci.map((one) => one.toFixed(digits));
  return `${value.toFixed(digits)} (${low} to ${high})`;
}

export function guardLine(guards: readonly Guard[]): string {
  const verdict = (holds: boolean) => (holds ? "holds" : `off by more than ${100 * GUARD_MAX} %`);
  const parts = guards.map(({ kind, ratio, holds }) => `${kind} ${told(ratio, 3)}, ${verdict(holds)}`);
  return `A/A guard of CPU: ${parts.join("; ")}.`;
}

export function tables(results: Results): string {
  const envoy = `Envoy ${results.envoy}; filter ${results.filter.slice(0, 12)}. ${guardLine(results.guards)}`;
  const parts = [envoy, budgetTable(rowsOf(results)), cpuTable(results), latencyTable(results)];
  const rest = [processTable(results), updateLines(results), proofTable(results)];
  const skipped = results.skipped.map((line) => `Skipped: ${line}.`);
  return [...parts, ...rest, ...skipped].join("\n\n");
}

function budgetTable(rows: readonly Row[]): string {
  const lines = rows.map(({ metric, value, ci, must, aim, holds }) => {
    const interval = ci[0] === ci[1] ? "exact" : `${ci[0]} to ${ci[1]}`;
    return [metric, value, interval, must, aim, holds ? "yes" : "**no**"];
  });
  return table(["metric", "measured", "lowest to highest block", "must", "aim", "holds"], lines);
}

/** With an Envoy without a filter. */
function isCompared(arm: string): boolean {
  return arm !== NONE && arm !== AGAIN && arm !== NGINX && arm !== CRS;
}

function us(blocks: Blocks, arm: string, kind: Kind, thread: Thread): Figure {
  return paired(blocks, [figureName(arm, kind, thread)], (ns) => ns / NS);
}

function cpuTable(results: Results): string {
  const { arms, blocks } = results;
  const lines = arms.flatMap((arm) =>
    KINDS.map((kind) => {
      const compared = isCompared(arm);
      const ratio = compared ? told(ratioToNone(results, arm, kind), 3) : "-";
      const added = compared ? told(addedUs(results, arm, kind), 1) : "-";
      const beside = (thread: Thread) => us(blocks, arm, kind, thread).value.toFixed(1);
      return [arm, kind, told(us(blocks, arm, kind, "worker"), 1), ratio, added, beside("others"), beside("service")];
    }),
  );
  const head = ["us of CPU per request", "target", "worker", "/ none", "added", "other threads", "service asked"];
  return table(head, lines);
}

function latencyTable({ arms, latency, latencyGuard: { ratio, holds } }: Results): string {
  const guard = `A/A guard of latency at p50: ${told(ratio, 3)}`;
  if (!holds) return `${guard}, off by more than ${100 * LATENCY_GUARD_MAX} %: latency is void, none is reported.`;
  const share = (arm: string, name: Share) =>
    told(
      paired(latency, [latencyName(arm, name)], (one) => one),
      0,
    );
  const added = (arm: string, name: Share) => {
    const figure = latencyAdded(latency, arm, name);
    return figure.ci[0] <= 0 && figure.ci[1] >= 0 ? "not resolvable" : told(figure, 0);
  };
  const measured = arms.filter((arm) => latency.has(latencyName(arm, "p50")));
  const lines = measured.map((arm) => {
    const differences = isCompared(arm) ? [added(arm, "p50"), added(arm, "p99")] : ["-", "-"];
    return [arm, share(arm, "p50"), share(arm, "p99"), ...differences];
  });
  const head = ["us of latency, open loop", "p50", "p99", "added at p50", "added at p99"];
  return [`${guard}, holds.`, table(head, lines)].join("\n\n");
}

function processTable({ processes }: Results): string {
  const lines = processes.flatMap(({ workers, rssAddedMib, coldRatio, ...lives }) => {
    const line = (name: "noop" | "ours", rss: string, cold: string) => {
      const { rssMib, coldCpuMs, coldWallMs } = lives[name];
      return [name, workers, told(rssMib, 1), rss, told(coldCpuMs, 0), cold, told(coldWallMs, 0)];
    };
    return [line("noop", "-", "-"), line("ours", told(rssAddedMib, 1), told(coldRatio, 2))];
  });
  const head = ["process", "workers", "RSS, MiB", "- noop", "cold start, ms of CPU", "/ noop", "ms until it works"];
  return table(head, lines);
}

function updateLines({ adoption, probes, pushes, growth }: Results): string {
  const probe = (name: string, { sent, failed, p50Us, p99Us, maxUs }: Probe) => {
    return [name, sent, failed, p50Us, p99Us, maxUs];
  };
  const { sent, adopted, coalesced, refused } = pushes;
  const { requests, pagesBefore, pagesAfter, rssKib } = growth;
  const kib = pagesAfter * KIB_PER_PAGE;
  return [
    table(
      ["probe of 1 kHz", "requests", "failed", "p50, us", "p99, us", "most, us"],
      [
        probe("nothing new", probes.quiet),
        probe("a new model each time the last was adopted", probes.adopting),
        probe(`${sent} updates in bursts`, probes.pushing),
      ],
    ),
    `A model adopted: ${told(adoption, 0)} us of the worker's CPU. Updates: ${sent} sent to 2 VMs, ${adopted} ` +
      `adopted, ${coalesced} passed over for a newer one, ${refused} refused. Memory of a VM: ${kib} KiB, ` +
      `${pagesBefore} pages before and ${pagesAfter} after ${requests} requests; the process took ` +
      `${rssKib.toFixed(0)} KiB more.`,
  ].join("\n\n");
}

function proofTable({ proofs }: Results): string {
  const lines = proofs.map(({ arm, sent, seen, attack }) => [arm, sent, seen, attack]);
  return table(["arm", "requests sent", "by its own counter", "planted attack"], lines);
}
