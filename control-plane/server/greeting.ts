// The first frame of a sidecar stream: what it says, checked against what its identity may say.

import type { Target } from "../domain.ts";
import { ControlPlaneError, invalid } from "../errors.ts";
import type { Hello } from "../gen/vedette/v1/sidecar_pb.ts";
import type { Held } from "./delivery.ts";
import type { Peer } from "./identity.ts";
import type { Greeting } from "./nodes.ts";
import { toHeld } from "./progress.ts";
import { printable } from "./reason.ts";
import { checkTarget, hexKey } from "./wire.ts";

export interface Introduction {
  greeting: Greeting;
  ownerBootId: bigint;
  held: { target: Target; what: Held }[];
}

/** `hello` has passed validation. INVALID_ARGUMENT naming the field, or PERMISSION_DENIED for a target of others. */
export function toIntroduction(hello: Hello, peer: Peer, mesh: string): Introduction {
  if (hello.protocolVersion === 0) {
    throw invalid("hello.protocol_version", "hello.protocol_version: 0, must be at least 1");
  }
  if (hello.mesh !== mesh) throw invalid("hello.mesh", `hello.mesh: ${printable(hello.mesh)}, must be ${mesh}`);
  const targets = hello.targets.map((target, i) => permitted(peer, `hello.targets[${i}]`, target));
  return {
    greeting: {
      identity: peer.identity,
      node: hello.node,
      processId: hexKey(hello.processId),
      targets: [...new Set(targets)],
      filterVersion: hello.filterVersion,
      configError: hello.configError,
    },
    ownerBootId: hello.vmBootId,
    held: hello.held.map((one, i) => ({ target: one.target, what: toHeld(`hello.held[${i}]`, one) })),
  };
}

/** The target, where it is one and the peer may speak for it. */
export function permitted(peer: Peer, field: string, target: string): Target {
  checkTarget(field, target);
  if (peer.mayServe(target)) return target;
  const text = `${field}: ${target}, ${peer.identity} may not speak for it`;
  throw new ControlPlaneError("PERMISSION_DENIED", text, { field });
}
