// gRPC streams as Envoy gives them to a plugin: they belong to the root context that opened them, no backpressure, no
// reconnect, and an entry that stays until the plugin itself closes it. Every delivery is a task of its own on the
// thread of the VM.

import { Status } from "./abi.ts";
import { bytesField, readFields, textField } from "./wire.ts";

/** Envoy would have ended the whole process. */
export class ProcessAbort extends Error {}

export interface GrpcCall {
  cluster: string;
  authority: string;
  service: string;
  method: string;
}

/** What a server may do with a stream. */
export interface GrpcClientSide {
  message(bytes: Uint8Array): void;
  close(status: number): void;
}

/** What happens to a stream at its server. */
export interface GrpcServerSide {
  receive(bytes: Uint8Array): void;
  halfClosed(): void;
  /** Reset by the client, or its root context ended. */
  reset(): void;
}

/** An endpoint of a cluster; undefined where nobody listens. */
export interface GrpcPeer {
  open(call: GrpcCall, client: GrpcClientSide): GrpcServerSide | undefined;
}

/**
 * Reads a serialized envoy.config.core.v3.GrpcService. Throws ProcessAbort for bytes that parse and name no target; a
 * bare name is ParseFailure.
 */
export function parseGrpcService(bytes: Uint8Array): { cluster: string; authority: string } | undefined {
  let target: Uint8Array | undefined;
  try {
    target = bytesField(readFields(bytes), 1);
  } catch {
    return undefined;
  }
  if (target === undefined) throw new ProcessAbort("panic: unset oneof (GrpcService without a target)");
  const fields = readFields(target);
  return { cluster: textField(fields, 1) ?? "", authority: textField(fields, 2) ?? textField(fields, 1) ?? "" };
}

interface Stream {
  server: GrpcServerSide | undefined;
  localClosed: boolean;
  remoteClosed: boolean;
}

export interface GrpcEvents {
  /** Runs `deliver` as a task on the VM's thread, if the root context is still there by then. */
  post(deliver: () => void): void;
  receive(token: number, message: Uint8Array): void;
  close(token: number, status: number): void;
}

/** The streams of one root context. */
export class GrpcStreams {
  readonly #streams = new Map<number, Stream>();
  readonly #events: GrpcEvents;
  readonly #nextToken: () => number;

  constructor(events: GrpcEvents, nextToken: () => number) {
    this.#events = events;
    this.#nextToken = nextToken;
  }

  /** Entries the host still keeps: open ones, and closed ones that the plugin never closed itself. */
  get size(): number {
    return this.#streams.size;
  }

  /**
   * The token, or a failing status as a negative number. A missing cluster is told twice: here, and by a close for a
   * token never given.
   */
  open(call: GrpcCall, peer: GrpcPeer | undefined): number {
    const token = this.#nextToken();
    if (peer === undefined) {
      this.#events.post(() => this.#events.close(token, 14));
      return -Status.InternalFailure;
    }
    const stream: Stream = { server: undefined, localClosed: false, remoteClosed: false };
    this.#streams.set(token, stream);
    const client: GrpcClientSide = {
      message: (bytes) => this.#events.post(() => this.#deliver(token, stream, bytes)),
      close: (status) => this.#events.post(() => this.#closed(token, stream, status)),
    };
    stream.server = peer.open(call, client);
    if (stream.server === undefined) client.close(14);
    return token;
  }

  #deliver(token: number, stream: Stream, bytes: Uint8Array): void {
    if (this.#streams.get(token) === stream && !stream.remoteClosed) this.#events.receive(token, bytes);
  }

  #closed(token: number, stream: Stream, status: number): void {
    if (this.#streams.get(token) !== stream || stream.remoteClosed) return;
    stream.remoteClosed = true;
    stream.server = undefined;
    this.#events.close(token, status);
    if (stream.localClosed) this.#streams.delete(token);
  }

  send(token: number, message: Uint8Array): number {
    const stream = this.#streams.get(token);
    if (stream === undefined) return Status.NotFound;
    stream.server?.receive(message);
    return Status.Ok;
  }

  /** Half close; after a remote close it frees the entry. */
  close(token: number): number {
    const stream = this.#streams.get(token);
    if (stream === undefined) return Status.NotFound;
    if (!stream.localClosed) stream.server?.halfClosed();
    stream.localClosed = true;
    if (stream.remoteClosed) this.#streams.delete(token);
    return Status.Ok;
  }

  cancel(token: number): number {
    const stream = this.#streams.get(token);
    if (stream === undefined) return Status.NotFound;
    this.#streams.delete(token);
    stream.server?.reset();
    return Status.Ok;
  }

  /** The root context ends: streams are reset, no callback tells it. */
  end(): void {
    for (const stream of this.#streams.values()) stream.server?.reset();
    this.#streams.clear();
  }
}
