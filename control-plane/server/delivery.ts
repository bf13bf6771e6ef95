// Snapshots to one sidecar stream. One update is in flight; newer ones replace the one that waits for the same target,
// so a slow sidecar costs one reference and never a queue. What the sidecar already holds is left out. The VM that owns
// the stream decides when an update is answered; the answers of the other VMs are matched with the last update sent,
// and older nonces are stale.

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Snapshot, SnapshotSection, Target } from "../domain.ts";
import { SectionKind } from "../gen/vedette/v1/model_pb.ts";
import type { UpdateSchema } from "../gen/vedette/v1/sidecar_pb.ts";
import type { Clock } from "../ports/clock.ts";

/** An update that the owner does not answer for this long is given up: the next one may go. */
export const ANSWER_MS = 30_000;
/** The field of a nack for a section that the sidecar turned out not to hold. */
const MISSING_SECTION = "manifest.digest";
const KINDS = { settings: SectionKind.SETTINGS, model: SectionKind.MODEL, rules: SectionKind.RULES } as const;

export type Update = MessageInitShape<typeof UpdateSchema>;

/** What the owner holds for a target. */
export interface Held {
  epoch: number;
  version: number;
  /** SHA-256 of the sections, hex. */
  digests: ReadonlySet<string>;
}

export interface Answer {
  nonce: bigint;
  target: Target;
  epoch: number;
  version: number;
  /** From the VM that owns the stream. */
  owner: boolean;
  /** The field that was refused; undefined for an ack. */
  refused: string | undefined;
}

export interface DeliveryLinks {
  clock: Clock;
  /** Never gives the same one twice. */
  nextNonce(): bigint;
  send(update: Update, snapshot: Snapshot): void;
  /** The sidecar holds this already: nothing is sent. */
  alreadyHeld(snapshot: Snapshot): void;
}

interface Sent {
  nonce: bigint;
  snapshot: Snapshot;
  sentAtMs: number;
  /** No section was left out. */
  whole: boolean;
}

export class Delivery {
  private readonly held = new Map<Target, Held>();
  private readonly waiting = new Map<Target, Snapshot>();
  /** The last update of each target. */
  private readonly last = new Map<Target, Sent>();
  private readonly expected = new Map<Target, Snapshot>();
  private inFlight: Sent | undefined;

  constructor(private readonly links: DeliveryLinks) {}

  /** What the owner says it holds. */
  hold(target: Target, held: Held): void {
    const known = this.held.get(target);
    if (known !== undefined && known.epoch === held.epoch && known.version === held.version) return;
    this.held.set(target, held);
  }

  /** The snapshot in force now. Sent at once, or when what is in flight has been answered. */
  offer(snapshot: Snapshot): void {
    this.waiting.set(snapshot.target, snapshot);
    this.pump();
  }

  /** False for a stale answer: to another update than the last of its target. */
  answer(answer: Answer): boolean {
    const sent = this.last.get(answer.target);
    if (sent === undefined || sent.nonce !== answer.nonce) return false;
    const { snapshot } = sent;
    const acked = answer.refused === undefined;
    // Who refuses may not even have read the version.
    if (acked && (snapshot.epoch !== answer.epoch || snapshot.version !== answer.version)) return false;
    if (!answer.owner) return true;
    if (acked) this.held.set(answer.target, heldOf(snapshot));
    const again = answer.refused === MISSING_SECTION && !sent.whole;
    if (this.inFlight === sent) {
      this.inFlight = undefined;
      if (again && !this.waiting.has(answer.target)) this.send(snapshot, true);
      else this.pump();
    }
    return true;
  }

  /** Gives up an update that is not answered. True if there was one. */
  sweep(): boolean {
    if (this.inFlight === undefined || this.links.clock.nowMs() - this.inFlight.sentAtMs < ANSWER_MS) return false;
    this.inFlight = undefined;
    this.pump();
    return true;
  }

  /** What the sidecar should hold: the last snapshot that was sent to it, or that it turned out to hold. */
  current(target: Target): Snapshot | undefined {
    return this.expected.get(target);
  }

  private pump(): void {
    for (const [target, snapshot] of this.waiting) {
      if (this.inFlight !== undefined) return;
      this.waiting.delete(target);
      this.expected.set(target, snapshot);
      if (this.holds(snapshot)) this.links.alreadyHeld(snapshot);
      else this.send(snapshot, false);
    }
  }

  private send(snapshot: Snapshot, whole: boolean): void {
    const { clock, nextNonce, send } = this.links;
    const held = whole ? undefined : this.held.get(snapshot.target);
    const sections = snapshot.sections.filter((section) => held === undefined || !held.digests.has(section.digest));
    const sent: Sent = {
      nonce: nextNonce(),
      snapshot,
      sentAtMs: clock.nowMs(),
      whole: sections.length === snapshot.sections.length,
    };
    this.inFlight = sent;
    this.last.set(snapshot.target, sent);
    const update: Update = {
      nonce: sent.nonce,
      serverNowMs: BigInt(sent.sentAtMs),
      manifest: snapshot.manifest,
      signature: snapshot.signature,
      sections: sections.map(toWireSection),
    };
    send(update, snapshot);
  }

  private holds(snapshot: Snapshot): boolean {
    const held = this.held.get(snapshot.target);
    if (held === undefined || held.epoch !== snapshot.epoch || held.version !== snapshot.version) return false;
    return snapshot.sections.every((section) => held.digests.has(section.digest));
  }
}

function heldOf(snapshot: Snapshot): Held {
  const { epoch, version, sections } = snapshot;
  return { epoch, version, digests: new Set(sections.map((section) => section.digest)) };
}

function toWireSection(section: SnapshotSection): { kind: SectionKind; content: Uint8Array } {
  return { kind: KINDS[section.kind], content: section.content };
}
