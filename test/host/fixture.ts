// Sidecars that run a script, for the tests of the host itself.

import type { GrpcClientSide, GrpcPeer } from "./grpc.ts";
import { type Guest, type Script, scripted } from "./scripted-guest.ts";
import { Sidecar, type SidecarOptions } from "./sidecar.ts";

/** Where the scripts let hostcalls put what they give. */
export const OUT = 64;

const SERVICE = "\x0a\x10\x0a\x07vedette\x12\x05plane";

/** What a configure callback does at least: ticks every 100 ms. */
export function startTicking(guest: Guest): number {
  guest.call("proxy_set_tick_period_milliseconds", 100);
  return 1;
}

/** Not strict, so that statuses can be looked at. */
export function sidecar(script: Script, options: Partial<SidecarOptions> = {}): Sidecar {
  const accept: Script = { proxy_on_configure: startTicking, proxy_on_done: () => 1 };
  return new Sidecar({ strict: false, ...scripted({ ...accept, ...script }), ...options });
}

/** Runs a script once, at the first tick of the main thread, and returns what it returned. */
export function onTick<T>(run: (guest: Guest) => T, options: Partial<SidecarOptions> = {}): T {
  let result: { value: T } | undefined;
  const once = (guest: Guest) => {
    if (result === undefined) result = { value: run(guest) };
  };
  const host = sidecar({ proxy_on_tick: once }, options);
  host.configure("{}");
  host.tick(100);
  if (result === undefined) throw new Error("no tick");
  return result.value;
}

/** A server that notes what happens to its streams. */
export function peer(opened: GrpcClientSide[], received: string[]): GrpcPeer {
  return {
    open: (_call, client) => {
      opened.push(client);
      return {
        receive: (bytes) => void received.push(Buffer.from(bytes).toString()),
        halfClosed: () => void received.push("half-closed"),
        reset: () => void received.push("reset"),
      };
    },
  };
}

/** Opens a stream to the cluster `vedette`; its token is then at OUT. */
export function open(guest: Guest): number {
  return guest.call("proxy_grpc_stream", SERVICE, "spike.S", "Chat", 0, 0, OUT);
}
