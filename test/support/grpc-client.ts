// A gRPC client over protobuf-es descriptors for tests: it can also send bytes that are no message, and tells how a
// call ended.

import {
  create,
  type DescMessage,
  type DescMethod,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import {
  type ChannelCredentials,
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { BadRequestSchema } from "../../control-plane/gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../control-plane/gen/google/rpc/status_pb.ts";

type Method<I extends DescMessage, O extends DescMessage> = DescMethod & { input: I; output: O };

/** How a call ended. */
export interface End {
  /** Name of the gRPC code: `OK`, `ABORTED`. */
  code: string;
  details: string;
  /** Paths of the refused fields. */
  fields: string[];
}

const DEADLINE_MS = 10_000;

export class TestClient {
  private readonly client: Client;
  private readonly metadata = new Metadata();

  /** `headers` go with every call. */
  constructor(
    address: string,
    channel: ChannelCredentials = credentials.createInsecure(),
    options = {},
    headers: Record<string, string> = {},
  ) {
    this.client = new Client(address, channel, options);
    for (const [name, value] of Object.entries(headers)) this.metadata.set(name, value);
  }

  /** Rejects with an `End`. */
  unary<I extends DescMessage, O extends DescMessage>(
    method: Method<I, O>,
    request: MessageInitShape<I>,
  ): Promise<MessageShape<O>> {
    return new Promise((resolve, reject) => {
      this.client.makeUnaryRequest(
        pathOf(method),
        (message: MessageInitShape<I>) => Buffer.from(toBinary(method.input, create(method.input, message))),
        (bytes: Buffer) => fromBinary(method.output, bytes),
        request,
        this.metadata,
        { deadline: Date.now() + DEADLINE_MS },
        (error, answer) => (error === null && answer !== undefined ? resolve(answer) : reject(toEnd(error))),
      );
    });
  }

  /** The `End` that a unary call rejects with; `OK` if it did not. */
  async refusal<I extends DescMessage, O extends DescMessage>(
    method: Method<I, O>,
    request: MessageInitShape<I>,
  ): Promise<End> {
    return await this.unary(method, request).then(
      () => toEnd(null),
      (end: End) => end,
    );
  }

  serverStream<I extends DescMessage, O extends DescMessage>(
    method: Method<I, O>,
    request: MessageInitShape<I>,
  ): TestStream<O> {
    const raw: ClientReadableStream<MessageShape<O>> = this.client.makeServerStreamRequest(
      pathOf(method),
      (message: MessageInitShape<I>) => Buffer.from(toBinary(method.input, create(method.input, message))),
      (bytes: Buffer) => fromBinary(method.output, bytes),
      request,
      this.metadata,
    );
    return new TestStream<O>(raw);
  }

  duplex<I extends DescMessage, O extends DescMessage>(method: Method<I, O>): TestDuplex<I, O> {
    const raw: ClientDuplexStream<Uint8Array, MessageShape<O>> = this.client.makeBidiStreamRequest(
      pathOf(method),
      (bytes: Uint8Array) => Buffer.from(bytes),
      (bytes: Buffer) => fromBinary(method.output, bytes),
      this.metadata,
    );
    return new TestDuplex<I, O>(raw, method.input);
  }

  close(): void {
    this.client.close();
  }
}

/** The answers of a stream, in order. */
export class TestStream<O extends DescMessage> {
  /** Resolves when the stream is over. */
  readonly ended: Promise<End>;
  private readonly answers: MessageShape<O>[] = [];
  private readonly waiters: ((answer: MessageShape<O>) => void)[] = [];

  constructor(private readonly raw: ClientReadableStream<MessageShape<O>>) {
    raw.on("data", (answer: MessageShape<O>) => {
      const waiter = this.waiters.shift();
      if (waiter === undefined) this.answers.push(answer);
      else waiter(answer);
    });
    this.ended = new Promise((resolve) => {
      raw.on("error", (error: ServiceError) => resolve(toEnd(error)));
      raw.on("end", () => resolve(toEnd(null)));
    });
  }

  /** The next answer. Rejects where the stream ends before it. */
  next(): Promise<MessageShape<O>> {
    const answer = this.answers.shift();
    if (answer !== undefined) return Promise.resolve(answer);
    return new Promise((resolve, reject) => {
      this.waiters.push(resolve);
      void this.ended.then((end) => reject(new Error(`stream ended: ${end.code} ${end.details}`)));
    });
  }

  /** Answers that came and were not taken. */
  get waiting(): number {
    return this.answers.length;
  }

  /** Takes no answers off the wire until `resume`. */
  pause(): void {
    this.raw.pause();
  }

  resume(): void {
    this.raw.resume();
  }

  cancel(): void {
    this.raw.cancel();
  }
}

export class TestDuplex<I extends DescMessage, O extends DescMessage> extends TestStream<O> {
  constructor(
    private readonly call: ClientDuplexStream<Uint8Array, MessageShape<O>>,
    private readonly input: I,
  ) {
    super(call);
  }

  send(message: MessageInitShape<I>): void {
    this.sendBytes(toBinary(this.input, create(this.input, message)));
  }

  sendBytes(bytes: Uint8Array): void {
    this.call.write(bytes);
  }

  /** No more will be sent. */
  halfClose(): void {
    this.call.end();
  }
}

function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

function toEnd(error: ServiceError | null): End {
  if (error === null) return { code: "OK", details: "", fields: [] };
  const bytes = error.metadata?.get("grpc-status-details-bin")[0];
  return { code: status[error.code] ?? String(error.code), details: error.details, fields: fieldsOf(bytes) };
}

function fieldsOf(bytes: string | Buffer | undefined): string[] {
  if (!(bytes instanceof Buffer)) return [];
  return fromBinary(StatusSchema, bytes).details.flatMap((detail) => {
    return anyUnpack(detail, BadRequestSchema)?.fieldViolations.map((violation) => violation.field) ?? [];
  });
}
