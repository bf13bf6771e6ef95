// What is wrong with the wasm VMs of an Envoy, by its own account: its log and its statistics.

/** What of a running Envoy is asked. */
export interface Running {
  child: { output(): string };
  options: { concurrency: number };
  /** Counters and gauges by name. */
  stats(filter: string): Promise<Map<string, number>>;
}

/** `[2026-11-24 12:00:00.000][17][error][wasm] [source/...] text`; what the filter itself logs has this form too. */
const FAULT_LINE = /^\[[^\]]+\]\[\d+\]\[(?:error|critical)\]\[wasm\] /;

/** Error lines of the wasm component in a log. */
export function faultLines(log: string): string[] {
  return log.split("\n").filter((line) => FAULT_LINE.test(line));
}

/**
 * Empty if all is well: no error line; no VM failed and was made anew; and no more VMs than an Envoy makes that is
 * given so many configurations of the filter, the first included, with the code and environment of the first.
 */
export async function wasmFaults(sidecar: Running, configurations: number): Promise<string[]> {
  const faults = faultLines(sidecar.child.output());
  const stats = await sidecar.stats("^wasm\\.");
  for (const [name, value] of stats) if (/\.vm_reload/.test(name) && value !== 0) faults.push(`${name}: ${value}`);
  // One a worker, one on the main thread, the one they are cloned from.
  const active = sidecar.options.concurrency + 2;
  const expected: [string, number][] = [
    ["wasm.wasm_vm_count", active],
    ["wasm.envoy.wasm.runtime.v8.active", active],
    // And a canary for each configuration.
    ["wasm.envoy.wasm.runtime.v8.created", active + configurations],
  ];
  for (const [name, value] of expected) {
    if (stats.get(name) !== value) faults.push(`${name}: ${stats.get(name)} instead of ${value}`);
  }
  return faults;
}
