// A sidecar as the control plane sees it: opens streams and speaks frames.

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ChannelCredentials } from "@grpc/grpc-js";
import {
  type ConnectRequestSchema,
  type ConnectResponseSchema,
  type HelloSchema,
  SidecarService,
  type Update,
  type WindowAck,
} from "../../control-plane/gen/vedette/v1/sidecar_pb.ts";
import type { WindowSchema } from "../../control-plane/gen/vedette/v1/statistics_pb.ts";
import { TestClient, type TestDuplex } from "./grpc-client.ts";

export type Frame = NonNullable<MessageInitShape<typeof ConnectRequestSchema>["frame"]>;
export type SidecarStream = TestDuplex<typeof ConnectRequestSchema, typeof ConnectResponseSchema>;

export const BOOT = 0xb001n;
export type HelloFields = Exclude<MessageInitShape<typeof HelloSchema>, { $typeName: string }>;
export type WindowFields = Exclude<MessageInitShape<typeof WindowSchema>, { $typeName: string }>;

export const HELLO: HelloFields = {
  protocolVersion: 1,
  mesh: "default",
  node: "node-1",
  processId: 0xaan,
  vmBootId: BOOT,
  targets: ["shop/cart"],
  filterVersion: "0.1.0",
};

export class TestSidecar {
  readonly client: TestClient;

  constructor(address: string, channel?: ChannelCredentials, options = {}, headers: Record<string, string> = {}) {
    this.client = new TestClient(address, channel, options, headers);
  }

  connect(): SidecarStream {
    return this.client.duplex(SidecarService.method.connect);
  }

  /** A stream that has said hello. */
  greet(changes: HelloFields = {}, leaseCounter = 1n): SidecarStream {
    const stream = this.connect();
    stream.send({ leaseCounter, frame: { case: "hello", value: { ...HELLO, ...changes } } });
    return stream;
  }

  close(): void {
    this.client.close();
  }
}

export function windowFrame(seq: number, changes: WindowFields = {}): Frame {
  const value = {
    vmBootId: BOOT,
    windowSeq: BigInt(seq),
    startMs: 1_767_225_540_000n,
    endMs: 1_767_225_600_000n,
    target: "shop/cart",
    hashKeyId: 1,
    counts: { seen: 3n, scored: 3n },
    ...changes,
  };
  return { case: "window", value };
}

export function pulseFrame(changes: object = {}): Frame {
  return { case: "pulse", value: { vmBootId: BOOT, ...changes } };
}

export async function nextUpdate(stream: SidecarStream): Promise<Update> {
  const { frame } = await stream.next();
  if (frame.case !== "update") throw new Error(`expected an update, came ${frame.case}`);
  return frame.value;
}

/** The next `count` acknowledgements, however they were batched. */
export async function nextAcks(stream: SidecarStream, count: number): Promise<WindowAck[]> {
  const acks: WindowAck[] = [];
  while (acks.length < count) {
    const { frame } = await stream.next();
    if (frame.case !== "windowAcks") throw new Error(`expected acks, came ${frame.case}`);
    acks.push(...frame.value.acks);
  }
  return acks;
}
