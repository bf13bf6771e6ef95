// The adapter between protobuf-es and grpc-js: a service descriptor and handlers become what grpc-js serves. Bytes
// cross grpc-js untouched; decoding and validation happen here, so that a bad message is INVALID_ARGUMENT naming the
// field. Never compresses.

import type {
  DescMessage,
  DescMethod,
  DescMethodBiDiStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import type {
  MethodDefinition,
  Server,
  ServerDuplexStream,
  ServerUnaryCall,
  ServerWritableStream,
  sendUnaryData,
  UntypedHandleCall,
} from "@grpc/grpc-js";
import { ControlPlaneError } from "../errors.ts";
import { type Caller, callerOf, type Duplex, decode, encode, type OnFault, type Outgoing, StreamCall } from "./call.ts";
import { isFault, toStatus } from "./status.ts";
import { validate } from "./validate.ts";

/** Answers one validated request; what it throws becomes the status. */
export type UnaryHandler<I extends DescMessage, O extends DescMessage> = (
  request: MessageShape<I>,
  caller: Caller,
) => MessageInitShape<O> | Promise<MessageInitShape<O>>;

/** Answers one validated request with a stream that it, or the other side, ends. */
export type StreamHandler<I extends DescMessage, O extends DescMessage> = (
  request: MessageShape<I>,
  stream: Outgoing<O>,
) => void;

/** Serves a stream of messages that it has to validate itself. */
export type DuplexHandler<I extends DescMessage, O extends DescMessage> = (stream: Duplex<I, O>) => void;

type Handler<M> =
  M extends DescMethodUnary<infer I, infer O>
    ? UnaryHandler<I, O>
    : M extends DescMethodServerStreaming<infer I, infer O>
      ? StreamHandler<I, O>
      : M extends DescMethodBiDiStreaming<infer I, infer O>
        ? DuplexHandler<I, O>
        : never;

export type Handlers<S extends DescService> = { [K in keyof S["method"]]: Handler<S["method"][K]> };

export type BytesDefinition = Record<string, MethodDefinition<Buffer, Buffer>>;

/** The service with bytes for messages, for a server or a client. */
export function bytesDefinition(service: DescService): BytesDefinition {
  const same = (bytes: Buffer): Buffer => bytes;
  const entries = service.methods.map((method) => [
    method.localName,
    {
      path: `/${service.typeName}/${method.name}`,
      requestStream: method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming",
      responseStream: method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming",
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    },
  ]);
  return Object.fromEntries(entries);
}

export function addService<S extends DescService>(
  server: Server,
  service: S,
  handlers: Handlers<S>,
  onFault: OnFault,
): void {
  const byName = handlers as Record<string, Handler<unknown>>;
  const implementation: Record<string, UntypedHandleCall> = {};
  for (const method of service.methods) {
    const handler: unknown = byName[method.localName];
    switch (method.methodKind) {
      case "unary":
        implementation[method.localName] = unary(method, handler as UnaryHandler<DescMessage, DescMessage>, onFault);
        break;
      case "server_streaming":
        implementation[method.localName] = stream(method, handler as StreamHandler<DescMessage, DescMessage>, onFault);
        break;
      case "bidi_streaming":
        implementation[method.localName] = duplex(method, handler as DuplexHandler<DescMessage, DescMessage>, onFault);
        break;
      default:
        throw new ControlPlaneError("UNIMPLEMENTED", `${method.toString()}: client streaming is not served`);
    }
  }
  server.addService(bytesDefinition(service), implementation);
}

function unary(method: DescMethod, handler: UnaryHandler<DescMessage, DescMessage>, onFault: OnFault) {
  return async (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>): Promise<void> => {
    let answer: Buffer;
    try {
      const request = decode(method.input, call.request);
      validate(method.input, request);
      answer = encode(method.output, await handler(request, callerOf(call)));
    } catch (error) {
      const told = ControlPlaneError.from(error);
      if (isFault(told)) onFault(told, method.name);
      callback(toStatus(told));
      return;
    }
    callback(null, answer);
  };
}

function stream(method: DescMethod, handler: StreamHandler<DescMessage, DescMessage>, onFault: OnFault) {
  return (raw: ServerWritableStream<Buffer, Buffer>): void => {
    const call = new StreamCall(raw, method.input, method.output, onFault, method.name);
    try {
      const request = decode(method.input, raw.request);
      validate(method.input, request);
      handler(request, call);
    } catch (error) {
      call.end(error);
    }
  };
}

function duplex(method: DescMethod, handler: DuplexHandler<DescMessage, DescMessage>, onFault: OnFault) {
  return (raw: ServerDuplexStream<Buffer, Buffer>): void => {
    const call = new StreamCall(raw, method.input, method.output, onFault, method.name);
    try {
      handler(call);
    } catch (error) {
      call.end(error);
    }
  };
}
