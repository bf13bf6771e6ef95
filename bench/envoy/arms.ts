// The arms: everything that a request may pass on its way to the one upstream. Each knows its port, whose CPU time it
// costs, whether it denies the planted attack, and a counter of its own by which it proves that it ran.

import { Mode } from "../../control-plane/gen/vedette/v1/model_pb.ts";
import type { Json } from "../../envoy/cluster.ts";
import { type FilterOptions, vedetteFilter } from "../../envoy/filter-config.ts";
import type { Tally } from "./client.ts";
import { addTo, Client, statusOf, totalOf } from "./client.ts";
import { ATTACK, requestOf } from "./requests.ts";
import type { Meter } from "./scheduler.ts";

export const NONE = "none";
/** Equal to NONE in everything. */
export const AGAIN = "none again";
export const NOOP = "noop wasm";
/** Ours, by mode; each is a workload of its own with a model of its own. */
export const OURS = { learn: Mode.LEARN, shadow: Mode.SHADOW, enforce: Mode.ENFORCE } as const;
export type Ours = keyof typeof OURS;
export const oursArm = (mode: Ours): string => `ours, ${mode}`;
export const ENFORCE = oursArm("enforce");
export const NGINX = "nginx";
export const CRS = "nginx, CRS";

export const MESH = "bench";
export const NAMESPACE = "bench";
export const targetOf = (workload: string): string => `${NAMESPACE}/${workload}`;

/** The filter for a workload, in VMs of its own: arms share a process, but nothing else. */
export function oursFilter(workload: string, options: Omit<FilterOptions, "configuration">): Json {
  const configuration = { mesh: MESH, authority: "vedette", target: targetOf(workload) };
  const filter = vedetteFilter({ ...options, configuration }) as { typed_config: { config: { vm_config: Json } } };
  filter.typed_config.config.vm_config.vm_id = `vedette-${workload}`;
  return filter as unknown as Json;
}

export interface ArmOptions {
  name: string;
  port: number;
  /** Whose CPU time its requests are. */
  meter: Meter;
  /** Denies the planted attack. */
  denies: boolean;
  /** Costs many times as much as the others. */
  slow?: boolean;
  /** Requests seen, by a counter of the arm itself; what was seen may be told later. */
  seen: () => Promise<number>;
}

export class Arm {
  /** Everything that was sent to it, by answer. */
  readonly tally: Tally = new Map();
  private readonly client: Client;

  constructor(readonly options: ArmOptions) {
    this.client = new Client(options.port);
  }

  get name(): string {
    return this.options.name;
  }

  get sent(): number {
    return totalOf(this.tally);
  }

  /** Sends so many requests, each connection the next when the last was answered. */
  async drive(count: number, request: (index: number) => string): Promise<Tally> {
    const tally = await this.client.drive(count, request);
    this.took(tally);
    return tally;
  }

  /** Counts requests that somebody else sent. */
  took(tally: Tally): void {
    for (const [status, count] of tally) addTo(this.tally, status, count);
  }

  /** Sends the planted attack; throws unless it is denied where it should be and passes elsewhere. */
  async attack(): Promise<void> {
    const status = await statusOf(this.options.port, requestOf(ATTACK, this.sent));
    this.took(new Map([[status, 1]]));
    const expected = this.options.denies ? 403 : 200;
    if (status !== expected) throw new Error(`${this.name}: the planted attack is answered ${status}, not ${expected}`);
  }

  /** Throws unless each normal request was answered 200. */
  assertServed(attacks: number): void {
    const expected = new Map([[200, this.sent - (this.options.denies ? attacks : 0)]]);
    if (this.options.denies) expected.set(403, attacks);
    const told = (tally: Tally) => JSON.stringify([...tally].filter(([, n]) => n > 0).sort(([a], [b]) => a - b));
    if (told(expected) === told(this.tally)) return;
    throw new Error(`${this.name}: answered ${told(this.tally)}, must be ${told(expected)}`);
  }

  close(): void {
    this.client.close();
  }
}
