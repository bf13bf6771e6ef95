// What the kernel's scheduler and memory management tell of a process, from /proc: nanoseconds on a CPU by thread, and
// resident memory. A neighbour's work is in neither.

import { readdirSync, readFileSync } from "node:fs";

/** Envoy's first worker, which serves all requests at a concurrency of 1. */
const WORKER = "wrk:worker_0";
const KIB = 1024;

/** CPU time since their start, in ns. */
export interface CpuTimes {
  /** Of the thread that serves requests. */
  worker: number;
  /** Of all other threads of the process. */
  others: number;
  /** Of another process that the arm asks about its requests. */
  service: number;
}

/** Reads CPU times of one process. */
export type Meter = () => CpuTimes;

function schedstat(path: string): number {
  return Number(readFileSync(path, "latin1").split(" ", 1)[0]);
}

function threads(pid: number): { name: string; file: string }[] {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks).map((tid) => ({
    name: readFileSync(`${tasks}/${tid}/comm`, "utf8").trim(),
    file: `${tasks}/${tid}/schedstat`,
  }));
}

/** Of an Envoy with one worker, and of the service that it asks. Throws where it has no worker yet. */
export function envoyMeter(pid: number, servicePid?: number): Meter {
  const all = threads(pid);
  const worker = all.find(({ name }) => name === WORKER);
  if (worker === undefined) throw new Error(`process ${pid}: no thread ${WORKER}`);
  const others = all.filter((thread) => thread !== worker);
  return () => ({
    worker: schedstat(worker.file),
    others: others.reduce((sum, { file }) => sum + schedstat(file), 0),
    service: servicePid === undefined ? 0 : cpuOf(servicePid),
  });
}

/** Of a process of which every thread serves. */
export function processMeter(pid: number): Meter {
  return () => ({ worker: cpuOf(pid), others: 0, service: 0 });
}

/** CPU time of all threads of a process that live now, in ns. */
export function cpuOf(pid: number): number {
  return threads(pid).reduce((sum, { file }) => sum + schedstat(file), 0);
}

/** Resident memory in bytes. */
export function rssOf(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  if (match === null) throw new Error(`process ${pid}: it has ended`);
  return Number(match[1]) * KIB;
}

/** Child processes of a process. */
export function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim().split(" ").filter(Boolean).map(Number);
}
