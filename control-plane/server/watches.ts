// Streams of operators that are open: ended when their certificate or token expires, or who reads them is banned.

import type { DescMessage } from "@bufbuild/protobuf";
import type { Clock } from "../ports/clock.ts";
import type { Bans } from "../seams.ts";
import type { Outgoing } from "./call.ts";
import { checkStanding } from "./gate.ts";

export type Watch = Pick<Outgoing<DescMessage>, "principal" | "end" | "onClose">;

/** Bounded by what opens them: see Denials. */
export class Watches {
  private readonly open = new Set<Watch>();

  constructor(
    private readonly clock: Clock,
    private readonly bans: Pick<Bans, "has">,
  ) {}

  add(watch: Watch): void {
    this.open.add(watch);
    watch.onClose(() => this.open.delete(watch));
  }

  sweep(): void {
    for (const watch of [...this.open]) {
      try {
        checkStanding(watch.principal, this.clock.nowMs(), this.bans);
      } catch (error) {
        watch.end(error);
      }
    }
  }
}
