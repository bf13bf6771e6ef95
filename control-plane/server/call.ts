// A gRPC call as the services see it: decoded messages, backpressure, one end. Hides grpc-js and its byte streams.

import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import type { ServerDuplexStream, ServerWritableStream } from "@grpc/grpc-js";
import { ControlPlaneError } from "../errors.ts";
import { principalOf } from "./gate.ts";
import type { Principal } from "./identity.ts";
import { isFault, toStatus } from "./status.ts";

/** Who calls, as the gate has let it in. */
export interface Caller {
  readonly principal: Principal;
  /** Address and port: for the log, never an identity. */
  readonly peer: string;
}

/** Called with each error that is a fault of ours. */
export type OnFault = (error: ControlPlaneError, method: string) => void;

/** The answering side of a stream. */
export interface Outgoing<O extends DescMessage> extends Caller {
  /** False where the reader is behind: wait for `onDrain`. Does nothing once the stream is over. */
  write(message: MessageInitShape<O>): boolean;
  onDrain(run: () => void): void;
  /** Ends with status 0, or with that of the error. What was written before is sent first. */
  end(error?: unknown): void;
  /** Called once, when the stream is over for whatever reason. */
  onClose(run: () => void): void;
}

/** Both sides of a stream. Messages are decoded, not validated. */
export interface Duplex<I extends DescMessage, O extends DescMessage> extends Outgoing<O> {
  /** An error thrown by `run` ends the stream with it. */
  onMessage(run: (message: MessageShape<I>) => void): void;
  /** The other side will send no more. */
  onHalfClose(run: () => void): void;
  pause(): void;
  resume(): void;
}

type RawStream = ServerWritableStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>;

/** INTERNAL where the call has not come through the gate. */
export function callerOf(call: Pick<RawStream, "metadata" | "getPeer">): Caller {
  return { principal: principalOf(call.metadata), peer: call.getPeer() };
}

/** INVALID_ARGUMENT where the bytes are no such message. */
export function decode<D extends DescMessage>(schema: D, bytes: Uint8Array): MessageShape<D> {
  try {
    return fromBinary(schema, bytes);
  } catch (cause) {
    const text = `${schema.name}: not a readable message (${bytes.length} bytes)`;
    throw new ControlPlaneError("INVALID_ARGUMENT", text, { field: schema.name, cause });
  }
}

export function encode<D extends DescMessage>(schema: D, message: MessageInitShape<D>): Buffer {
  return Buffer.from(toBinary(schema, create(schema, message)));
}

export class StreamCall<I extends DescMessage, O extends DescMessage> implements Duplex<I, O> {
  readonly principal: Principal;
  readonly peer: string;
  private readonly closers: (() => void)[] = [];
  private over = false;

  constructor(
    private readonly raw: RawStream,
    private readonly input: I,
    private readonly output: O,
    private readonly onFault: OnFault,
    private readonly method: string,
  ) {
    ({ principal: this.principal, peer: this.peer } = callerOf(raw));
    raw.once("cancelled", () => this.close());
    raw.once("close", () => this.close());
  }

  write(message: MessageInitShape<O>): boolean {
    if (this.over) return true;
    return this.raw.write(encode(this.output, message));
  }

  onDrain(run: () => void): void {
    this.raw.on("drain", run);
  }

  end(error?: unknown): void {
    if (this.over) return;
    this.close();
    if (error === undefined) {
      this.raw.end();
      return;
    }
    const told = ControlPlaneError.from(error);
    if (isFault(told)) this.onFault(told, this.method);
    this.raw.emit("error", toStatus(told));
  }

  onClose(run: () => void): void {
    if (this.over) run();
    else this.closers.push(run);
  }

  onMessage(run: (message: MessageShape<I>) => void): void {
    this.raw.on("data", (bytes: Buffer) => {
      if (this.over) return;
      try {
        run(decode(this.input, bytes));
      } catch (error) {
        this.end(error);
      }
    });
  }

  onHalfClose(run: () => void): void {
    this.raw.on("end", run);
  }

  pause(): void {
    if ("pause" in this.raw) this.raw.pause();
  }

  resume(): void {
    if ("resume" in this.raw) this.raw.resume();
  }

  private close(): void {
    if (this.over) return;
    this.over = true;
    for (const run of this.closers.splice(0)) run();
  }
}
