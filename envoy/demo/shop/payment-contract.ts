// shop.proto in TypeScript: a service definition for grpc-js, and its two messages on the wire.

import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import type { MethodDefinition } from "@grpc/grpc-js";

export interface AuthorizeRequest {
  orderId: string;
  amountCents: number;
  currency: string;
  cardToken: string;
}

export interface AuthorizeResponse {
  approved: boolean;
  authorizationId: string;
  reason: string;
}

const authorize: MethodDefinition<AuthorizeRequest, AuthorizeResponse> = {
  path: "/shop.v1.PaymentService/Authorize",
  requestStream: false,
  responseStream: false,
  requestSerialize: writeRequest,
  requestDeserialize: readRequest,
  responseSerialize: writeResponse,
  responseDeserialize: readResponse,
};

export const paymentService = { authorize };

export function writeRequest(message: AuthorizeRequest): Buffer {
  const writer = new BinaryWriter();
  writer.tag(1, 2).string(message.orderId).tag(2, 0).uint64(message.amountCents);
  writer.tag(3, 2).string(message.currency).tag(4, 2).string(message.cardToken);
  return Buffer.from(writer.finish());
}

export function readRequest(bytes: Uint8Array): AuthorizeRequest {
  const message: AuthorizeRequest = { orderId: "", amountCents: 0, currency: "", cardToken: "" };
  readFields(bytes, (field, reader) => {
    if (field === 1) message.orderId = reader.string();
    else if (field === 2) message.amountCents = Number(reader.uint64());
    else if (field === 3) message.currency = reader.string();
    else if (field === 4) message.cardToken = reader.string();
    else return false;
    return true;
  });
  return message;
}

export function writeResponse(message: AuthorizeResponse): Buffer {
  const writer = new BinaryWriter();
  writer.tag(1, 0).bool(message.approved).tag(2, 2).string(message.authorizationId).tag(3, 2).string(message.reason);
  return Buffer.from(writer.finish());
}

export function readResponse(bytes: Uint8Array): AuthorizeResponse {
  const message: AuthorizeResponse = { approved: false, authorizationId: "", reason: "" };
  readFields(bytes, (field, reader) => {
    if (field === 1) message.approved = reader.bool();
    else if (field === 2) message.authorizationId = reader.string();
    else if (field === 3) message.reason = reader.string();
    else return false;
    return true;
  });
  return message;
}

/** Calls `read` at each field; one that it leaves alone (false) is skipped, as protobuf wants unknown fields to be. */
function readFields(bytes: Uint8Array, read: (field: number, reader: BinaryReader) => boolean): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (!read(field, reader)) reader.skip(wireType, field);
  }
}
