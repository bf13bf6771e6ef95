// One stream of a sidecar process: hello first, then pulses, windows, answers and denials. Knows nothing of the other
// streams: sidecar.ts does. A frame that breaks a rule ends the stream with INVALID_ARGUMENT naming the field; only a
// window that can be named is answered INVALID instead, or the sidecar would send it for ever.

import type { Snapshot, Target } from "../domain.ts";
import { ControlPlaneError, invalid, type Violation } from "../errors.ts";
import {
  type Ack,
  type ConnectRequest,
  ConnectRequestSchema,
  type ConnectResponseSchema,
  type DenialBatch,
  type Hello,
  type Nack,
  type Pulse,
} from "../gen/vedette/v1/sidecar_pb.ts";
import type { Window } from "../gen/vedette/v1/statistics_pb.ts";
import { errorFields, type Log } from "../log.ts";
import type { Metrics, StreamEnd } from "../metrics.ts";
import type { Clock } from "../ports/clock.ts";
import type { Ingest } from "../seams.ts";
import type { Duplex } from "./call.ts";
import { Delivery, type Update } from "./delivery.ts";
import type { Denials } from "./denials.ts";
import { Gates } from "./gates.ts";
import { permitted, toIntroduction } from "./greeting.ts";
import type { Principal } from "./identity.ts";
import { Intake } from "./intake.ts";
import type { Node, Nodes, Vm } from "./nodes.ts";
import { markAcked, markPending, nackReason, recordAnswer, recordHeld, recordPulse, toHeld } from "./progress.ts";
import { printable } from "./reason.ts";
import { refuse, violations } from "./validate.ts";
import { toReport } from "./window.ts";
import { count, hexKey } from "./wire.ts";

export type Connection = Duplex<typeof ConnectRequestSchema, typeof ConnectResponseSchema>;

export interface StreamLinks {
  clock: Clock;
  ingest: Ingest;
  nodes: Nodes;
  denials: Denials;
  metrics: Metrics;
  log: Log;
  mesh: string;
  nextNonce(): bigint;
  /** Throws ABORTED where a live stream of the same process has a higher lease counter. */
  contest(stream: SidecarStream): void;
  /** The hello is accepted. */
  greeted(stream: SidecarStream): void;
  /** It is about to end with this error. */
  refused(stream: SidecarStream, error: unknown): void;
  /** The stream is over, for whatever reason. */
  closed(stream: SidecarStream): void;
  /** The disk failed: nothing may be acknowledged any more. */
  diskFailed(error: unknown): void;
}

export class SidecarStream {
  /** The highest that came: it rides in every frame. */
  leaseCounter = 0n;
  readonly peer: Principal;
  readonly openedAtMs: number;
  lastFrameMs: number;
  targets: readonly Target[] = [];
  processId = "";
  /** Identity, node and process: of two live streams with one key the older ends. Empty before hello. */
  key = "";
  node: Node | undefined;
  private ownerBootId = 0n;
  private over = false;
  private endReason: StreamEnd = "closed";
  private readonly gates: Gates;
  private readonly delivery: Delivery;
  private readonly intake: Intake;

  constructor(
    readonly connection: Connection,
    private readonly links: StreamLinks,
  ) {
    this.peer = connection.principal;
    const { clock, ingest, metrics, nextNonce } = links;
    this.openedAtMs = clock.nowMs();
    this.lastFrameMs = this.openedAtMs;
    this.gates = new Gates(connection);
    this.delivery = new Delivery({
      clock,
      nextNonce,
      send: (update, snapshot) => this.sendUpdate(update, snapshot),
      alreadyHeld: (snapshot) => this.markOwner(snapshot),
    });
    this.intake = new Intake({
      clock,
      ingest,
      metrics,
      send: (acks) => this.write({ frame: { case: "windowAcks", value: { acks } } }),
      full: (isFull) => (isFull ? this.gates.close("intake") : this.gates.open("intake")),
      failed: (error) => this.failed(error),
    });
    connection.onClose(() => this.close());
    connection.onDrain(() => this.gates.open("output"));
    connection.onHalfClose(() => void this.finish("closed"));
    connection.onMessage((frame) => this.receive(frame));
  }

  /** Sends the snapshot, or keeps it until what is in flight has been answered. */
  offer(snapshot: Snapshot): void {
    if (!this.over) this.delivery.offer(snapshot);
  }

  sweep(): void {
    if (this.gates.own) this.lastFrameMs = this.links.clock.nowMs();
    if (this.delivery.sweep()) this.links.metrics.update("unanswered");
  }

  end(reason: StreamEnd, error?: unknown): void {
    if (this.over) return;
    this.endReason = reason;
    this.connection.end(error);
  }

  /** Reads no more, waits for what is in processing, acknowledges it, ends with status 0. */
  async finish(reason: StreamEnd): Promise<void> {
    this.gates.close("finishing");
    await this.intake.idle();
    this.end(reason);
  }

  /** Reads nothing until `ready` resolves; where it rejects, the stream ends with that error. */
  async holdUntil(ready: Promise<unknown>): Promise<void> {
    this.gates.close("opening");
    try {
      await ready;
    } catch (error) {
      this.end("failed", error);
    }
    this.gates.open("opening");
  }

  private close(): void {
    if (this.over) return;
    this.over = true;
    this.links.metrics.streamEnd(this.endReason);
    if (this.node !== undefined) this.links.nodes.disconnect(this.node, this.processId, this);
    this.links.closed(this);
  }

  /** What was not stored is sent again on the next stream. Only a broken disk is the end of everything. */
  private failed(error: unknown): void {
    const told = ControlPlaneError.from(error);
    this.end("failed", told);
    if (told.code === "DATA_LOSS") this.links.diskFailed(error);
  }

  private write(response: Parameters<Connection["write"]>[0]): void {
    if (!this.connection.write(response)) this.gates.close("output");
  }

  private receive(request: ConnectRequest): void {
    if (this.over) return;
    this.lastFrameMs = this.links.clock.nowMs();
    if (request.leaseCounter > this.leaseCounter) this.leaseCounter = request.leaseCounter;
    try {
      const found = violations(ConnectRequestSchema, request);
      if (this.node === undefined) this.first(request, found);
      else this.dispatch(this.node, request, found);
    } catch (error) {
      this.links.log.warn("sidecar stream refused", { ...this.fields(), ...errorFields(error), stack: undefined });
      this.links.refused(this, error);
      this.end("refused", error);
    }
  }

  private first({ frame }: ConnectRequest, found: Violation[]): void {
    if (frame.case !== "hello") throw invalid("frame", `frame: ${frame.case ?? "none"}, the first must be hello`);
    refuse(found);
    this.hello(frame.value);
  }

  private dispatch(node: Node, { frame }: ConnectRequest, found: Violation[]): void {
    if (frame.case !== "window") refuse(found);
    switch (frame.case) {
      case "window":
        this.window(node, frame.value, found);
        break;
      case "pulse":
        this.pulse(node, frame.value);
        break;
      case "ack":
      case "nack":
        this.answer(node, frame.value);
        break;
      case "denials":
        this.denials(node, frame.value);
        break;
      case "hello":
        throw invalid("frame", "frame: hello, must come once");
      default:
        throw invalid("frame", "frame: none that is known");
    }
  }

  private hello(hello: Hello): void {
    const { mesh, nodes, log } = this.links;
    const { greeting, ownerBootId, held } = toIntroduction(hello, this.peer, mesh);
    this.targets = greeting.targets;
    this.processId = greeting.processId;
    this.ownerBootId = ownerBootId;
    this.key = JSON.stringify([greeting.identity, greeting.node, greeting.processId]);
    this.links.contest(this);
    this.node = nodes.connect(greeting, this);
    const vm = nodes.vm(this.node, hexKey(ownerBootId), this.processId);
    for (const { target, what } of held) {
      this.delivery.hold(target, what);
      recordHeld(vm, what, undefined);
    }
    log.info("sidecar connected", this.fields());
    this.links.greeted(this);
  }

  private pulse(node: Node, pulse: Pulse): void {
    const vm = this.vm(node, "pulse", pulse.vmBootId);
    recordPulse(vm, pulse);
    node.configError = pulse.configError;
    if (pulse.held === undefined) return;
    const { target } = pulse.held;
    const held = toHeld("pulse.held", pulse.held);
    recordHeld(vm, held, this.delivery.current(target));
    if (pulse.vmBootId === this.ownerBootId) this.delivery.hold(target, held);
  }

  private answer(node: Node, answer: Ack | Nack): void {
    const { metrics, log } = this.links;
    const field = answer.$typeName === "vedette.v1.Ack" ? "ack" : "nack";
    const current = this.delivery.answer({
      nonce: answer.nonce,
      target: answer.target,
      epoch: count(`${field}.epoch`, answer.epoch),
      version: count(`${field}.version`, answer.version),
      owner: answer.vmBootId === this.ownerBootId,
      refused: answer.$typeName === "vedette.v1.Nack" ? answer.field : undefined,
    });
    metrics.update(current ? (field === "ack" ? "acked" : "nacked") : "stale");
    if (!current) return;
    const vm = this.vm(node, field, answer.vmBootId);
    recordAnswer(vm, answer);
    if (answer.$typeName === "vedette.v1.Ack") return;
    log.warn("update refused", { ...this.fields(), vm: vm.bootId, target: answer.target, detail: nackReason(answer) });
  }

  private window(node: Node, window: Window, found: Violation[]): void {
    const named = window.vmBootId !== 0n && window.windowSeq > 0n;
    if (!named) refuse(found);
    try {
      refuse(found);
      const report = toReport(this.peer.identity, node.name, window);
      permitted(this.peer, "window.target", report.target);
      this.links.nodes.vm(node, report.vmBootId, this.processId);
      this.intake.accept(window.vmBootId, report);
    } catch (error) {
      const told = ControlPlaneError.from(error);
      if (told.code !== "INVALID_ARGUMENT") throw told;
      this.links.log.warn("window refused", { ...this.fields(), vm: hexKey(window.vmBootId), error: told.message });
      this.intake.acknowledge(window.vmBootId, window.windowSeq, "invalid");
    }
  }

  private denials(node: Node, batch: DenialBatch): void {
    for (const [i, denial] of batch.denials.entries()) {
      permitted(this.peer, `denials.denials[${i}].target`, denial.target);
      this.links.denials.publish(node.name, denial);
    }
  }

  private vm(node: Node, frame: string, bootId: bigint): Vm {
    if (bootId === 0n) throw invalid(`${frame}.vm_boot_id`, `${frame}.vm_boot_id: 0, must not be 0`);
    return this.links.nodes.vm(node, hexKey(bootId), this.processId);
  }

  private sendUpdate(update: Update, snapshot: Snapshot): void {
    this.links.metrics.update("sent");
    for (const vm of this.node?.vms.values() ?? []) {
      if (vm.processId === this.processId) markPending(vm);
    }
    const { target, epoch, version } = snapshot;
    this.links.log.debug("update sent", { ...this.fields(), target, epoch, version, count: update.sections?.length });
    this.write({ frame: { case: "update", value: update } });
  }

  private markOwner(snapshot: Snapshot): void {
    const owner = this.node?.vms.get(hexKey(this.ownerBootId));
    if (owner !== undefined) markAcked(owner, snapshot);
  }

  private fields(): { identity: string; node: string | undefined; process: string; lease: string } {
    const node = this.node === undefined ? undefined : printable(this.node.name);
    return { identity: this.peer.identity, node, process: this.processId, lease: String(this.leaseCounter) };
  }
}
