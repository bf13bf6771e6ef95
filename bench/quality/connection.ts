// Joins the emulated host's gRPC streams to the control plane's sidecar service: frames cross as bytes of the contract,
// decoded and encoded by the control plane's own code. Stands in for HTTP/2 and nothing else; nobody is ever behind.

import {
  type ConnectRequest,
  ConnectRequestSchema,
  type ConnectResponseSchema,
  ConnectResponseSchema as RESPONSE,
} from "../../control-plane/gen/vedette/v1/sidecar_pb.ts";
import { decode, encode } from "../../control-plane/server/call.ts";
import { LOCAL_SIDECAR } from "../../control-plane/server/identity.ts";
import type { Sidecars } from "../../control-plane/server/sidecar.ts";
import type { Connection } from "../../control-plane/server/stream.ts";
import type { GrpcClientSide, GrpcPeer, GrpcServerSide } from "../../test/host/grpc.ts";

type Response = Parameters<Connection["write"]>[0];

/** One stream. An end with an error is a fault of the bench: it is thrown at whoever asks for it. */
class WireConnection implements Connection, GrpcServerSide {
  readonly principal = LOCAL_SIDECAR;
  readonly peer = "emulated host";
  readonly #client: GrpcClientSide;
  readonly #failed: (error: unknown) => void;
  #message: (message: ConnectRequest) => void = () => undefined;
  #waiting: Uint8Array[] = [];
  #paused = false;
  #over = false;
  readonly #closers: (() => void)[] = [];

  constructor(client: GrpcClientSide, failed: (error: unknown) => void) {
    this.#client = client;
    this.#failed = failed;
  }

  receive(bytes: Uint8Array): void {
    this.#waiting.push(bytes.slice());
    this.#pump();
  }

  #pump(): void {
    while (!this.#paused && !this.#over) {
      const bytes = this.#waiting.shift();
      if (bytes === undefined) return;
      this.#message(decode(ConnectRequestSchema, bytes));
    }
  }

  write(message: Response): boolean {
    if (!this.#over) this.#client.message(encode<typeof ConnectResponseSchema>(RESPONSE, message));
    return true;
  }

  end(error?: unknown): void {
    if (this.#over) return;
    this.reset();
    if (error !== undefined) this.#failed(error);
    this.#client.close(error === undefined ? 0 : 2);
  }

  halfClosed(): void {
    this.reset();
  }

  reset(): void {
    if (this.#over) return;
    this.#over = true;
    for (const run of this.#closers.splice(0)) run();
  }

  onMessage(run: (message: ConnectRequest) => void): void {
    this.#message = run;
  }

  onClose(run: () => void): void {
    this.#closers.push(run);
  }

  onDrain(): void {}

  onHalfClose(): void {}

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#pump();
  }
}

/** The cluster `vedette` of an emulated host. `failed` hears of streams that end with an error. */
export function peerOf(sidecars: Pick<Sidecars, "connect">, failed: (error: unknown) => void): GrpcPeer {
  return {
    open: (_call, client) => {
      const connection = new WireConnection(client, failed);
      sidecars.connect(connection);
      return connection;
    },
  };
}
