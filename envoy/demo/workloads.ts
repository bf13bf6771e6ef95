// Follows workloads through the operator API: tells how their learning goes, waits for calibrated models, sets modes
// and waits until every proxy of the workload has taken them.

import { Mode } from "../../control-plane/gen/vedette/v1/model_pb.ts";
import { Confidence, VmStatus_State, type Workload } from "../../control-plane/gen/vedette/v1/operator_pb.ts";
import { waitFor } from "../process.ts";
import type { DemoEvent, Reporter } from "./events.ts";
import type { Operator } from "./operator.ts";

const POLL_MS = 500;

/**
 * Polls until stopped. What changed since the last time is told; a poll that fails is told once, and the next tried.
 */
export class WorkloadWatch {
  private readonly told = new Map<string, string>();
  private readonly models = new Map<string, number>();
  private timer: NodeJS.Timeout | undefined;
  private failing = false;

  constructor(
    private readonly operator: Operator,
    private readonly reporter: Reporter,
  ) {}

  start(): void {
    const poll = async () => {
      await this.poll();
      if (this.timer) this.timer = setTimeout(poll, POLL_MS);
    };
    this.timer = setTimeout(poll, 0);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private async poll(): Promise<void> {
    try {
      const workloads = await this.operator.workloads();
      this.failing = false;
      for (const workload of workloads) this.tell(workload);
    } catch (error) {
      if (!this.failing && this.timer) this.note(`the operator API does not answer: ${(error as Error).message}`);
      this.failing = true;
    }
  }

  private tell(workload: Workload): void {
    const event = learning(workload);
    const text = JSON.stringify(event);
    if (this.told.get(workload.name) === text) return;
    this.told.set(workload.name, text);
    this.reporter.tell(event);
    if (isCalibrated(workload) && this.models.get(workload.name) !== workload.denyThreshold) {
      this.models.set(workload.name, workload.denyThreshold);
      this.reporter.tell(model(workload));
    }
  }

  private note(message: string): void {
    this.reporter.tell({ event: "note", message });
  }
}

/** True once there is a model that judges. */
export function isCalibrated(workload: Workload): boolean {
  const confident = workload.confidence === Confidence.CONFIDENT;
  return (confident || workload.confidence === Confidence.INSUFFICIENT_CALLERS) && workload.denyThreshold > 0;
}

/**
 * Resolves when all of them are calibrated. Rejects naming those that are not, and what they lack, after `timeoutMs`.
 */
export async function untilCalibrated(
  operator: Operator,
  targets: readonly string[],
  timeoutMs: number,
): Promise<void> {
  let lacking = "";
  const calibrated = async () => {
    const known = await operator.workloads().catch(() => []);
    const waiting = targets.filter(
      (target) => !known.some((each) => each.name === `workloads/${target}` && isCalibrated(each)),
    );
    lacking = waiting
      .map(
        (target) =>
          `${target} (${known.find(({ name }) => name.endsWith(`/${target}`))?.confidenceDetail ?? "unknown"})`,
      )
      .join(", ");
    if (waiting.length > 0) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    return waiting.length === 0;
  };
  await waitFor("calibrated models", calibrated, timeoutMs).catch((error: Error) => {
    throw new Error(`${error.message}: ${lacking}`);
  });
}

/** Sets the mode and waits until every VM that has answered lately holds it. */
export async function setModeEverywhere(
  operator: Operator,
  target: string,
  mode: Mode,
  timeoutMs = 15_000,
): Promise<void> {
  await operator.setMode(target, mode);
  await waitFor(
    `mode ${modeName(mode)} at every proxy of ${target}`,
    async () => {
      const nodes = await operator.nodes();
      const vms = nodes
        .filter((node) => node.connected && node.workloads.includes(`workloads/${target}`))
        .flatMap(({ vms }) => vms);
      return vms.length > 0 && vms.every((vm) => vm.mode === mode && vm.state === VmStatus_State.ACKED);
    },
    timeoutMs,
  );
}

/** `learn`, `insufficient-callers`: the enumeration's names as people write them. */
export function modeName(mode: Mode): string {
  return (Mode[mode] ?? "unknown").toLowerCase();
}

export function confidenceName(confidence: Confidence): string {
  return (Confidence[confidence] ?? "unknown").toLowerCase().replaceAll("_", "-");
}

export function targetOf(workload: string): string {
  return workload.replace(/^workloads\//, "");
}

function learning(workload: Workload): Extract<DemoEvent, { event: "learning" }> {
  const { counts } = workload;
  return {
    event: "learning",
    workload: targetOf(workload.name),
    confidence: confidenceName(workload.confidence),
    detail: workload.confidenceDetail,
    mode: modeName(workload.mode),
    seen: Number(counts?.seen ?? 0),
    learnt: Number(counts?.learnt ?? 0),
    scored: Number(counts?.scored ?? 0),
    callers: workload.callers.length,
    nodes: workload.nodes.length,
  };
}

function model(workload: Workload): DemoEvent {
  return {
    event: "model",
    workload: targetOf(workload.name),
    confidence: confidenceName(workload.confidence),
    digest: workload.digest,
    epoch: Number(workload.epoch),
    version: Number(workload.version),
    alertThreshold: workload.alertThreshold,
    denyThreshold: workload.denyThreshold,
  };
}
