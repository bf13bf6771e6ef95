// The other end of a sidecar's stream as a test plays it: decodes frames with the contract's own code, answers
// windows, sends updates, and, like the real one, ends the older of two streams of one process.

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type ConnectRequest,
  ConnectRequestSchema,
  type ConnectResponse,
  ConnectResponseSchema,
  type Hello,
  type Update,
  WindowAcksSchema,
  WindowOutcome,
} from "../../control-plane/gen/vedette/v1/sidecar_pb.ts";
import type { Window } from "../../control-plane/gen/vedette/v1/statistics_pb.ts";
import type { GrpcCall, GrpcClientSide, GrpcPeer, GrpcServerSide } from "./grpc.ts";

const ABORTED = 10;

export class PlaneStream implements GrpcServerSide {
  readonly call: GrpcCall;
  readonly frames: ConnectRequest[] = [];
  /** Neither side has ended it. */
  live = true;
  readonly #client: GrpcClientSide;
  readonly #plane: FakeControlPlane;

  constructor(plane: FakeControlPlane, call: GrpcCall, client: GrpcClientSide) {
    this.#plane = plane;
    this.call = call;
    this.#client = client;
  }

  get hello(): Hello | undefined {
    const first = this.frames[0]?.frame;
    return first?.case === "hello" ? first.value : undefined;
  }

  receive(bytes: Uint8Array): void {
    if (!this.live) return;
    let frame: ConnectRequest;
    try {
      frame = fromBinary(ConnectRequestSchema, bytes);
    } catch (error) {
      throw new Error(`a frame that no server can read, ${Buffer.from(bytes).toString("latin1")}: ${error}`);
    }
    this.frames.push(frame);
    this.#plane.received(this, frame);
  }

  halfClosed(): void {
    this.end(0);
  }

  reset(): void {
    this.live = false;
  }

  send(frame: ConnectResponse["frame"]): void {
    if (this.live) this.#client.message(toBinary(ConnectResponseSchema, create(ConnectResponseSchema, { frame })));
  }

  /** Sends bytes as they are. */
  sendRaw(bytes: Uint8Array): void {
    if (this.live) this.#client.message(bytes);
  }

  end(status: number): void {
    if (!this.live) return;
    this.live = false;
    this.#client.close(status);
  }
}

export class FakeControlPlane implements GrpcPeer {
  readonly streams: PlaneStream[] = [];
  /** Nobody listens: streams open and close with 14. */
  down = false;
  /** Whether windows are acknowledged. */
  acks = true;
  /** Whether the older of two streams of one process is ended. */
  supersedes = true;
  /** What a new stream is given after its hello. */
  update: Update | undefined;
  /** Most streams of one process that were live at one time, after the older one was ended. */
  liveMost = 0;
  #seen = new Set<string>();

  open(call: GrpcCall, client: GrpcClientSide): GrpcServerSide | undefined {
    if (this.down) return undefined;
    if (call.service !== "vedette.v1.SidecarService" || call.method !== "Connect") {
      throw new Error(`no such method: ${call.service}/${call.method}`);
    }
    const stream = new PlaneStream(this, call, client);
    this.streams.push(stream);
    return stream;
  }

  get live(): PlaneStream[] {
    return this.streams.filter((stream) => stream.live);
  }

  /** The only live stream. */
  get stream(): PlaneStream {
    const live = this.live;
    if (live.length !== 1) throw new Error(`${live.length} live streams, not 1`);
    return live[0]!;
  }

  received(stream: PlaneStream, frame: ConnectRequest): void {
    if (frame.frame.case === "hello") {
      this.#supersede(stream, frame.frame.value);
      if (this.update !== undefined) stream.send({ case: "update", value: this.update });
    }
    if (frame.frame.case === "window" && this.acks) this.acknowledge(stream, frame.frame.value);
  }

  #supersede(stream: PlaneStream, hello: Hello): void {
    for (const other of this.live) {
      const older = other.frames[0];
      if (!this.supersedes || other === stream || other.hello?.processId !== hello.processId || older === undefined)
        continue;
      const loser = older.leaseCounter < stream.frames[0]!.leaseCounter ? other : stream;
      loser.end(ABORTED);
    }
    const live = this.live.filter((other) => other.hello?.processId === hello.processId);
    this.liveMost = Math.max(this.liveMost, live.length);
  }

  /** Acknowledges as the real server would: merged at first, duplicate after. */
  acknowledge(stream: PlaneStream, window: Window): void {
    const key = `${window.vmBootId}/${window.windowSeq}`;
    const outcome = this.#seen.has(key) ? WindowOutcome.DUPLICATE : WindowOutcome.MERGED;
    this.#seen.add(key);
    const acks = [{ vmBootId: window.vmBootId, windowSeq: window.windowSeq, outcome }];
    stream.send({ case: "windowAcks", value: create(WindowAcksSchema, { acks }) });
  }

  /** Sends to the live stream, and to every later one after its hello. */
  push(update: Update): void {
    this.update = update;
    for (const stream of this.live) stream.send({ case: "update", value: update });
  }

  /** As after a SIGKILL: streams break, what was on its way is lost, until `down` is false again. */
  kill(): void {
    this.down = true;
    for (const stream of this.live) stream.end(13);
  }

  /** All frames of one kind over all streams, in order. */
  of<C extends NonNullable<ConnectRequest["frame"]["case"]>>(
    kind: C,
  ): Extract<ConnectRequest["frame"], { case: C }>["value"][] {
    return this.streams.flatMap((stream) =>
      stream.frames.flatMap(({ frame }) => (frame.case === kind ? [frame.value as never] : [])),
    );
  }

  /** Windows by key, each once, whatever was sent again; throws if a window was sent again with other content. */
  windows(): Window[] {
    const byKey = new Map<string, { text: string; window: Window }>();
    for (const window of this.of("window")) {
      const key = `${window.vmBootId}/${window.windowSeq}`;
      const text = JSON.stringify(window, (_, value) => (typeof value === "bigint" ? String(value) : value));
      const held = byKey.get(key);
      if (held !== undefined && held.text !== text)
        throw new Error(`window ${key} changed: ${held.text} became ${text}`);
      byKey.set(key, { text, window });
    }
    return [...byKey.values()].map(({ window }) => window);
  }
}
