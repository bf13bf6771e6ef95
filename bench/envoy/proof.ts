// Proof that an arm did what it is measured for: by its own counter every request that was sent to it passed it, every
// normal one was answered 200, and the planted attack was denied where it should be and nowhere else.

import { waitFor } from "../../envoy/process.ts";
import type { Arm } from "./arms.ts";

export interface Proof {
  arm: string;
  sent: number;
  /** By the arm's own counter. */
  seen: number;
  /** Answers to the planted attacks. */
  attack: 200 | 403;
}

/** Of all arms after `attacks` planted attacks each; waits for counters that are told later. Throws naming the arm. */
export async function prove(arms: readonly Arm[], attacks: number, patienceMs: number): Promise<Proof[]> {
  const proofs: Proof[] = [];
  for (const arm of arms) {
    arm.assertServed(attacks);
    let seen = -1;
    const all = async () => {
      seen = await arm.options.seen();
      return seen >= arm.sent;
    };
    await waitFor(`${arm.name}: its own counter`, all, patienceMs).catch(() => undefined);
    if (seen !== arm.sent) throw new Error(`${arm.name}: its own counter says ${seen}, ${arm.sent} were sent`);
    proofs.push({ arm: arm.name, sent: arm.sent, seen, attack: arm.options.denies ? 403 : 200 });
  }
  return proofs;
}
