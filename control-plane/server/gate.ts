// The one door of a listener, before every call of every service: who calls is found out, bans and the table of access
// are asked, and a call that takes too long to make or to answer is ended. Whoever is refused is entered in the audit
// trail; what passes carries its principal, and a handler that finds none has not come through here.

import { type Metadata, ServerInterceptingCall, type ServerInterceptor } from "@grpc/grpc-js";
import { ControlPlaneError } from "../errors.ts";
import { errorFields, type Log } from "../log.ts";
import type { Clock } from "../ports/clock.ts";
import type { Audit, Bans, Refusal } from "../seams.ts";
import { ACCESS, mayCall } from "./access.ts";
import { type Principal, unauthenticated } from "./identity.ts";
import { printable } from "./reason.ts";
import { isFault, toStatus } from "./status.ts";

/** A call that is not a stream has this long, whatever deadline the caller set; a stream, to send its request. */
export const CALL_MS = 10_000;
/** Reflection is a stream in both directions; a client asks and goes. */
export const REFLECTION_MS = 60_000;
const REFLECTION = "/grpc.reflection.";

/** What a call shows of its caller. */
export interface Shown {
  /** The verified client certificate, DER; undefined for plaintext and for TLS without a verified one. */
  certificate: Uint8Array | undefined;
  metadata: Metadata;
  /** Address and port: for the log, never an identity. */
  peer: string;
}

export interface GateLinks {
  listener: Refusal["listener"];
  clock: Clock;
  bans: Pick<Bans, "has">;
  audit: Pick<Audit, "refuse">;
  log: Log;
  /** Throws UNAUTHENTICATED. */
  identify(shown: Shown): Principal | Promise<Principal>;
  /** An error that is a fault of ours. */
  onFault(error: ControlPlaneError, method: string): void;
}

type Call = Parameters<ServerInterceptor>[1];

const admitted = new WeakMap<Metadata, Principal>();

/** Who makes the call of this metadata. INTERNAL where it came past the gate. */
export function principalOf(metadata: Metadata): Principal {
  const principal = admitted.get(metadata);
  if (principal === undefined) throw new ControlPlaneError("INTERNAL", "a call without a principal");
  return principal;
}

/** Throws where a principal that was let in is to go: its certificate or token has expired, or it was banned. */
export function checkStanding(principal: Principal, now: number, bans: Pick<Bans, "has">): void {
  if (principal.expiresAtMs <= now) throw unauthenticated("client certificate or token has expired");
  if (bans.has(principal.identity)) throw new ControlPlaneError("PERMISSION_DENIED", "this identity is banned");
}

export function gate(links: GateLinks): ServerInterceptor {
  return (method, call) => {
    const limit = new Limit(links.clock, call);
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, pass) => {
            limit.start(method.path, method.requestStream, method.responseStream);
            void admit(links, method.path, call, metadata).then(
              () => pass(metadata),
              (error: unknown) => call.sendStatus(toStatus(ControlPlaneError.from(error))),
            );
          },
          onReceiveHalfClose: (pass) => {
            limit.requested();
            pass();
          },
          onCancel: () => limit.stop(),
        }),
      sendStatus: (status, next) => {
        limit.stop();
        next(status);
      },
    });
  };
}

async function admit(links: GateLinks, path: string, call: Call, metadata: Metadata): Promise<void> {
  if (ACCESS.get(path)?.includes("anyone")) return;
  let identity = "";
  try {
    const { transportSecurityType, sslPeerCertificate } = call.getAuthContext();
    // An empty context is a denial, not a default.
    const certificate = transportSecurityType === "ssl" ? sslPeerCertificate?.raw : undefined;
    const principal = await links.identify({ certificate, metadata, peer: call.getPeer() });
    ({ identity } = principal);
    checkStanding(principal, links.clock.nowMs(), links.bans);
    if (!mayCall(path, principal.roles)) throw denied(path, principal);
    admitted.set(metadata, principal);
  } catch (error) {
    throw refused(links, path, call.getPeer(), identity, ControlPlaneError.from(error));
  }
}

function refused(
  links: GateLinks,
  path: string,
  peer: string,
  identity: string,
  error: ControlPlaneError,
): ControlPlaneError {
  const { listener, audit, log, onFault } = links;
  const method = path.slice(path.lastIndexOf("/") + 1);
  if (isFault(error)) {
    onFault(error, method);
    return error;
  }
  const { code, message } = error;
  const detail = `${message}; from ${peer}`;
  if (!audit.refuse({ listener, identity, method, resource: "", code, detail })) return error;
  const shown = identity === "" ? {} : { identity: printable(identity) };
  log.warn("call refused", { listener, method, peer, ...shown, ...errorFields(error), stack: undefined });
  return error;
}

function denied(path: string, { roles }: Principal): ControlPlaneError {
  const allowed = ACCESS.get(path)?.join(", ") ?? "nobody";
  const own = roles.length === 0 ? "none" : roles.join(", ");
  return new ControlPlaneError("PERMISSION_DENIED", `${path.slice(1)}: is for ${allowed}; roles of the caller: ${own}`);
}

/** Ends a call that is late. The stream of a sidecar has limits of its own (sidecar.ts). */
class Limit {
  private readonly waiting = new AbortController();
  private endsWithRequest = false;

  constructor(
    private readonly clock: Clock,
    private readonly call: Call,
  ) {}

  start(path: string, requestStream: boolean, responseStream: boolean): void {
    if (requestStream && !path.startsWith(REFLECTION)) return;
    this.endsWithRequest = responseStream && !requestStream;
    const ms = requestStream ? REFLECTION_MS : CALL_MS;
    const text = `no end within ${ms} ms`;
    this.clock.sleep(ms, this.waiting.signal).then(
      () => this.call.sendStatus(toStatus(new ControlPlaneError("DEADLINE_EXCEEDED", text))),
      () => undefined,
    );
  }

  /** The request has come whole. */
  requested(): void {
    if (this.endsWithRequest) this.stop();
  }

  stop(): void {
    this.waiting.abort();
  }
}
