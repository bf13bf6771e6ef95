// What pulses, acks and nacks say of a VM, written into its entry of the node table.

import type { Ack, Nack, Pulse, Held as WireHeld } from "../gen/vedette/v1/sidecar_pb.ts";
import type { Held } from "./delivery.ts";
import type { Vm } from "./nodes.ts";
import { printable } from "./reason.ts";
import { count, fromWireMode } from "./wire.ts";

/** `field` is the path of `held` in the frame, for the error. */
export function toHeld(field: string, held: WireHeld): Held {
  return {
    epoch: count(`${field}.epoch`, held.epoch),
    version: count(`${field}.version`, held.version),
    digests: new Set(held.sections.map((section) => Buffer.from(section.digest).toString("hex"))),
  };
}

/** `sent` is the last update of the VM's target: a VM that holds it has adopted it, also where its ack was lost. */
export function recordHeld(vm: Vm, held: Held, sent: { epoch: number; version: number } | undefined): void {
  vm.epoch = held.epoch;
  vm.version = held.version;
  if (sent !== undefined && sent.epoch === held.epoch && sent.version === held.version) markAcked(vm, sent);
}

export function recordPulse(vm: Vm, pulse: Pulse): void {
  vm.mode = fromWireMode(pulse.mode);
  vm.configError = pulse.configError;
  vm.totals = {
    seen: count("pulse.seen", pulse.seen),
    scored: count("pulse.scored", pulse.scored),
    skipped: count("pulse.skipped", pulse.skipped),
    denied: count("pulse.denied", pulse.denied),
    shadowDenied: count("pulse.shadow_denied", pulse.shadowDenied),
    windowsDropped: count("pulse.windows_dropped", pulse.windowsDropped),
    denialsDropped: count("pulse.denials_dropped", pulse.denialsDropped),
    streamsOpened: count("pulse.streams_opened", pulse.streamsOpened),
  };
}

export function markPending(vm: Vm): void {
  vm.state = "pending";
  vm.nackReason = "";
}

export function markAcked(vm: Vm, snapshot: { epoch: number; version: number }): void {
  vm.epoch = snapshot.epoch;
  vm.version = snapshot.version;
  vm.state = "acked";
  vm.nackReason = "";
}

export function recordAnswer(vm: Vm, answer: Ack | Nack): void {
  if (answer.$typeName === "vedette.v1.Ack") {
    markAcked(vm, { epoch: count("ack.epoch", answer.epoch), version: count("ack.version", answer.version) });
    return;
  }
  vm.state = "nacked";
  vm.nackReason = nackReason(answer);
}

/** For instance `model.scale: 96, bound 128 bytes`. */
export function nackReason(nack: Nack): string {
  const bound = nack.bound === "" ? "" : `, bound ${printable(nack.bound, true)}`;
  return `${printable(nack.field)}: ${nack.value}${bound}`;
}
