// The control plane's sidecar side as a test plays it, over real gRPC: records every frame, acknowledges windows,
// sends any update, and like the real one ends the older of two streams of one process.

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Server, ServerCredentials, type ServerDuplexStream, status } from "@grpc/grpc-js";
import {
  type Ack,
  type ConnectRequest,
  ConnectRequestSchema,
  type ConnectResponse,
  ConnectResponseSchema,
  type Hello,
  type Nack,
  SidecarService,
  type Update,
  WindowAcksSchema,
  WindowOutcome,
} from "../../control-plane/gen/vedette/v1/sidecar_pb.ts";
import type { Window } from "../../control-plane/gen/vedette/v1/statistics_pb.ts";

type Call = ServerDuplexStream<ConnectRequest, ConnectResponse>;
type Frame = ConnectRequest["frame"];

export class RecordedStream {
  readonly frames: ConnectRequest[] = [];
  /** Neither side has ended it. */
  live = true;

  constructor(private readonly call: Call) {}

  get hello(): Hello | undefined {
    const first = this.frames[0]?.frame;
    return first?.case === "hello" ? first.value : undefined;
  }

  get leaseCounter(): bigint {
    return this.frames[0]?.leaseCounter ?? 0n;
  }

  send(frame: ConnectResponse["frame"]): void {
    if (this.live) this.call.write(create(ConnectResponseSchema, { frame }));
  }

  end(code: status): void {
    if (!this.live) return;
    this.live = false;
    this.call.emit("error", { code, details: "ended by the test" });
  }
}

export class Recorder {
  readonly streams: RecordedStream[] = [];
  /** Given to every new stream after its hello. */
  update: Update | undefined;
  /** Whether windows are acknowledged. */
  acks = true;
  /** Whether the older of two streams of one process is ended. */
  supersedes = true;
  /** Most streams of one process that were live at one time, after the older of two was ended. */
  liveMost = 0;
  /** How often a stream began while an older one of its process was live. */
  takeovers = 0;
  port = 0;
  private readonly server = new Server();
  private readonly known = new Set<string>();

  static async start(): Promise<Recorder> {
    const recorder = new Recorder();
    const { connect } = SidecarService.method;
    const path = `/${SidecarService.typeName}/${connect.name}`;
    recorder.server.addService(
      {
        connect: {
          path,
          requestStream: true,
          responseStream: true,
          requestSerialize: (message: ConnectRequest) => Buffer.from(toBinary(ConnectRequestSchema, message)),
          requestDeserialize: (bytes: Buffer) => fromBinary(ConnectRequestSchema, bytes),
          responseSerialize: (message: ConnectResponse) => Buffer.from(toBinary(ConnectResponseSchema, message)),
          responseDeserialize: (bytes: Buffer) => fromBinary(ConnectResponseSchema, bytes),
        },
      },
      { connect: (call: Call) => recorder.accept(call) },
    );
    recorder.port = await new Promise<number>((resolve, reject) => {
      recorder.server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
        error ? reject(error) : resolve(port),
      );
    });
    return recorder;
  }

  stop(): void {
    this.server.forceShutdown();
  }

  get live(): RecordedStream[] {
    return this.streams.filter((stream) => stream.live);
  }

  /** Sends to the live streams, and to every later one after its hello. */
  push(update: Update): void {
    this.update = update;
    for (const stream of this.live) stream.send({ case: "update", value: update });
  }

  /** All frames of one kind over all streams, in order. */
  of<C extends NonNullable<Frame["case"]>>(kind: C): Extract<Frame, { case: C }>["value"][] {
    return this.streams.flatMap((stream) =>
      stream.frames.flatMap(({ frame }) => (frame.case === kind ? [frame.value as never] : [])),
    );
  }

  acksOf(nonce: bigint): Ack[] {
    return this.of("ack").filter((ack) => ack.nonce === nonce);
  }

  nacksOf(nonce: bigint): Nack[] {
    return this.of("nack").filter((nack) => nack.nonce === nonce);
  }

  /** Every window once, whatever was sent again. */
  windows(): Window[] {
    return [...new Map(this.of("window").map((window) => [keyOf(window), window])).values()];
  }

  /** Requests told of in all windows. */
  get seen(): number {
    return this.windows().reduce((sum, { counts }) => sum + Number(counts!.seen), 0);
  }

  private accept(call: Call): void {
    const stream = new RecordedStream(call);
    this.streams.push(stream);
    const over = () => {
      stream.live = false;
    };
    call.on("error", over).on("cancelled", over).on("close", over);
    call.on("end", () => {
      over();
      call.end();
    });
    call.on("data", (frame: ConnectRequest) => {
      if (stream.live) this.receive(stream, frame);
    });
  }

  private receive(stream: RecordedStream, frame: ConnectRequest): void {
    stream.frames.push(frame);
    if (frame.frame.case === "hello") {
      this.supersede(stream, frame.frame.value);
      if (this.update !== undefined) stream.send({ case: "update", value: this.update });
    }
    if (frame.frame.case === "window" && this.acks) this.acknowledge(stream, frame.frame.value);
  }

  /** Of two streams of one process the one with the higher lease counter stays, the newer among equals. */
  private supersede(stream: RecordedStream, { processId }: Hello): void {
    const ofProcess = () => this.live.filter((other) => other.hello?.processId === processId);
    for (const other of ofProcess()) {
      if (other === stream) continue;
      this.takeovers++;
      if (!this.supersedes) continue;
      const loser = other.leaseCounter > stream.leaseCounter ? stream : other;
      loser.end(status.ABORTED);
    }
    this.liveMost = Math.max(this.liveMost, ofProcess().length);
  }

  private acknowledge(stream: RecordedStream, window: Window): void {
    const { vmBootId, windowSeq } = window;
    const outcome = this.known.has(keyOf(window)) ? WindowOutcome.DUPLICATE : WindowOutcome.MERGED;
    this.known.add(keyOf(window));
    const acks = [{ vmBootId, windowSeq, outcome }];
    stream.send({ case: "windowAcks", value: create(WindowAcksSchema, { acks }) });
  }
}

function keyOf({ vmBootId, windowSeq }: Window): string {
  return `${vmBootId}/${windowSeq}`;
}
