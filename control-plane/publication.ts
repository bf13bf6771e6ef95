// The one way to the filters. A change of a workload (mode, models, rules) and the snapshot that follows from it are
// made in one transaction: written, flushed, and only then told. What a filter would refuse undoes the change, and what
// was in force stays. (epoch, version) of a target only grows: the epoch is counted up at each start.

import type { KeyObject } from "node:crypto";
import type { Core } from "./core.ts";
import type { AttackTable, Snapshot, Target } from "./domain.ts";
import { ControlPlaneError } from "./errors.ts";
import type { Observer } from "./events.ts";
import type { Clock } from "./ports/clock.ts";
import type { Random } from "./ports/random.ts";
import type { Snapshots } from "./seams.ts";
import { buildSnapshot, type SnapshotContent } from "./snapshot/build.ts";
import {
  adoptAttackTable,
  HISTORY_MAX,
  historyKey,
  MESH_KEY,
  type MeshRecord,
  type PublishedManifest,
  readRules,
  WORKLOADS_PREFIX,
  type WorkloadRecord,
  workloadKey,
} from "./store/records.ts";
import type { Store, Transaction } from "./store/store.ts";
import { NO_ATTACK } from "./train/attack-table.ts";

const HASH_KEY_BYTES = 16;

export interface PublicationLinks {
  store: Store;
  core: Core;
  clock: Clock;
  random: Random;
  mesh: string;
  /** Length of a window and time between pulses, in milliseconds, as the filters are told. */
  windowMs: number;
  pulseMs: number;
  oversize: "allow" | "deny";
  /** Goes out with every model section; undefined: there is none. */
  attack: AttackTable | undefined;
  /** P-256 private key; undefined: unsigned. */
  signingKey: KeyObject | undefined;
  observe?: Observer;
}

export class Publication implements Snapshots {
  /** Fencing number of this process. */
  readonly epoch: number;
  readonly #links: PublicationLinks;
  readonly #inForce = new Map<Target, Snapshot>();
  readonly #listeners = new Set<(snapshot: Snapshot) => void>();

  private constructor(links: PublicationLinks, epoch: number) {
    this.#links = links;
    this.epoch = epoch;
  }

  /**
   * Counts the epoch up, makes the hash key at the first start, and puts in force what follows from the store. Models
   * of another attack table are dropped, and contexts with them.
   */
  static async open(links: PublicationLinks): Promise<Publication> {
    const epoch = await links.store.transact((transaction) => {
      const mesh = transaction.get<MeshRecord>(MESH_KEY) ?? {
        epoch: 0,
        hashKeys: [{ id: 1, key: links.random.bytes(HASH_KEY_BYTES) }],
        nextRuleId: 1,
      };
      transaction.put(MESH_KEY, { ...mesh, epoch: mesh.epoch + 1 });
      return mesh.epoch + 1;
    });
    const publication = new Publication(links, epoch);
    const workloads = links.store.reader.range<WorkloadRecord>(WORKLOADS_PREFIX);
    for (const { value } of workloads) await publication.change(value.target, () => undefined);
    return publication;
  }

  /**
   * Runs `edit` and publishes what follows for the target; resolves with what `edit` returned, when on disk and
   * published. Rejects with what `edit` threw, or with FAILED_PRECONDITION where a filter would refuse the snapshot;
   * nothing is changed then.
   */
  async change<T>(target: Target, edit: (transaction: Transaction) => T): Promise<T> {
    const { result, snapshot } = await this.#links.store.transact((transaction) => {
      const result = edit(transaction);
      adoptAttackTable(transaction, target, this.#links.attack?.tableId ?? NO_ATTACK);
      return { result, snapshot: this.#stage(transaction, target) };
    });
    this.#release(snapshot);
    return result;
  }

  current(target: Target): Snapshot | undefined {
    return this.#inForce.get(target);
  }

  subscribe(listener: (snapshot: Snapshot) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #stage(transaction: Transaction, target: Target): Snapshot {
    const { core, mesh, signingKey, clock } = this.#links;
    const history = transaction.get<PublishedManifest[]>(historyKey(target)) ?? [];
    const previous = history.at(-1);
    const content = this.#content(transaction, target);
    const snapshot = buildSnapshot(content, { core, mesh, target, epoch: this.epoch, signingKey, previous });
    const { epoch, version, manifest } = snapshot;
    if (previous?.epoch !== epoch || previous.version !== version) {
      const entry: PublishedManifest = { epoch, version, manifest, publishedAtMs: clock.nowMs() };
      transaction.put(historyKey(target), [...history, entry].slice(-HISTORY_MAX));
    }
    return snapshot;
  }

  #content(transaction: Transaction, target: Target): SnapshotContent {
    const workload = transaction.get<WorkloadRecord>(workloadKey(target));
    const meshRecord = transaction.get<MeshRecord>(MESH_KEY);
    if (workload === undefined || meshRecord === undefined) {
      throw new ControlPlaneError("NOT_FOUND", `workload: ${target}, there is none`, { field: "workload" });
    }
    const { windowMs, pulseMs, oversize, attack } = this.#links;
    return {
      settings: { mode: workload.mode, hashKeys: meshRecord.hashKeys, windowMs, pulseMs, oversize },
      models: { current: workload.current?.model, candidate: workload.candidate?.model },
      attack,
      rules: readRules(transaction, target),
    };
  }

  /** Transactions end in order, so an older snapshot cannot follow a newer one; equal content was told before. */
  #release(snapshot: Snapshot): void {
    const { target, epoch, version } = snapshot;
    const held = this.#inForce.get(target);
    if (held !== undefined && held.digest === snapshot.digest) return;
    this.#inForce.set(target, snapshot);
    const bytes = snapshot.sections.reduce((sum, section) => sum + section.content.length, 0);
    this.#links.observe?.({ kind: "snapshot-published", target, epoch, version, bytes });
    for (const listener of this.#listeners) listener(snapshot);
  }
}
