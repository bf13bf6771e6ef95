// What all VMs of one process see: shared data with compare-and-swap, shared queues, metrics. Keyed by VM id where
// the host does, so two filters with the same VM id share a map. Behaves as shared_data.cc, shared_queue.cc and
// Envoy's stats do.

import { Status } from "./abi.ts";

export class SharedData {
  readonly #maps = new Map<string, Map<string, { value: Uint8Array; cas: number }>>();
  #nextCas = 1;

  get(vmId: string, key: string): { value: Uint8Array; cas: number } | undefined {
    return this.#maps.get(vmId)?.get(key);
  }

  /** A cas of 0 writes whatever is there; so does any cas where the key is absent: there is no create-if-absent. */
  set(vmId: string, key: string, value: Uint8Array, cas: number): number {
    let map = this.#maps.get(vmId);
    if (map === undefined) {
      map = new Map();
      this.#maps.set(vmId, map);
    }
    const held = map.get(key);
    if (held !== undefined && cas !== 0 && cas !== held.cas) return Status.CasMismatch;
    map.set(key, { value: value.slice(), cas: this.#nextCas++ });
    return Status.Ok;
  }

  keys(vmId: string): string[] {
    return [...(this.#maps.get(vmId)?.keys() ?? [])];
  }
}

interface Queue {
  name: string;
  messages: Uint8Array[];
  wake: () => void;
}

/** Unbounded, as the host's are; `longest` tells a test whether a filter bounds itself. */
export class SharedQueues {
  readonly #tokens = new Map<string, number>();
  readonly #queues = new Map<number, Queue>();
  longest = 0;

  /** The last to register is the one who is woken. */
  register(vmId: string, name: string, wake: () => void): number {
    const key = `${vmId}\0${name}`;
    let token = this.#tokens.get(key);
    if (token === undefined) {
      token = this.#tokens.size + 1;
      this.#tokens.set(key, token);
      this.#queues.set(token, { name, messages: [], wake });
    }
    this.#queues.get(token)!.wake = wake;
    return token;
  }

  resolve(vmId: string, name: string): number | undefined {
    return this.#tokens.get(`${vmId}\0${name}`);
  }

  enqueue(token: number, message: Uint8Array): number {
    const queue = this.#queues.get(token);
    if (queue === undefined) return Status.NotFound;
    queue.messages.push(message.slice());
    this.longest = Math.max(this.longest, queue.messages.length);
    queue.wake();
    return Status.Ok;
  }

  dequeue(token: number): Uint8Array | number {
    const queue = this.#queues.get(token);
    if (queue === undefined) return Status.NotFound;
    return queue.messages.shift() ?? Status.Empty;
  }

  length(token: number): number {
    return this.#queues.get(token)?.messages.length ?? 0;
  }
}

export type MetricType = 0 | 1 | 2;

/** Envoy's stats: process-wide by name; an id names one definition, so defining twice gives two ids of one stat. */
export class Metrics {
  readonly #definitions: { type: MetricType; name: string }[] = [];
  readonly values = new Map<string, bigint>();

  define(type: MetricType, name: string): number {
    this.#definitions.push({ type, name });
    if (!this.values.has(name)) this.values.set(name, 0n);
    return (this.#definitions.length << 2) | type;
  }

  #find(id: number): { type: MetricType; name: string } | undefined {
    const definition = this.#definitions[(id >>> 2) - 1];
    return definition?.type === (id & 3) ? definition : undefined;
  }

  increment(id: number, by: bigint): number {
    const metric = this.#find(id);
    if (metric === undefined) return Status.NotFound;
    if (metric.type === 2 || (metric.type === 0 && by <= 0n)) return Status.BadArgument;
    this.values.set(metric.name, this.values.get(metric.name)! + by);
    return Status.Ok;
  }

  record(id: number, value: bigint): number {
    const metric = this.#find(id);
    if (metric === undefined) return Status.NotFound;
    const before = metric.type === 0 ? this.values.get(metric.name)! : 0n;
    this.values.set(metric.name, before + value);
    return Status.Ok;
  }

  /** As a number; 0 where it was never defined. */
  value(name: string): number {
    return Number(this.values.get(name) ?? 0n);
  }
}
