// A typed client of the control plane's operator side: the service descriptor that protobuf-es generated, carried by
// grpc-js.

import {
  create,
  type DescMessage,
  type DescMethod,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { type ChannelCredentials, Client, credentials, type ServiceError, status } from "@grpc/grpc-js";
import type { Mode } from "../../control-plane/gen/vedette/v1/model_pb.ts";
import {
  type Node,
  OperatorService,
  type Rule,
  type RuleSchema,
  type WatchDenialsResponse,
  type Workload,
} from "../../control-plane/gen/vedette/v1/operator_pb.ts";

const DEADLINE_MS = 5_000;
const PAGE_SIZE = 1_000;
const methods = OperatorService.method;

export class Operator {
  private readonly client: Client;

  /** `address`: host:port. Plaintext unless credentials are given. */
  constructor(address: string, channel: ChannelCredentials = credentials.createInsecure()) {
    this.client = new Client(address, channel);
  }

  close(): void {
    this.client.close();
  }

  /** All of them, in the order of the service. */
  async workloads(): Promise<Workload[]> {
    return await paged(async (pageToken) => {
      const page = await this.call(methods.listWorkloads, { pageSize: PAGE_SIZE, pageToken });
      return { items: page.workloads, next: page.nextPageToken };
    });
  }

  /** `target`: namespace/name. Rejects with NOT_FOUND. */
  async workload(target: string): Promise<Workload> {
    return (await this.call(methods.getWorkload, { name: `workloads/${target}` })).workload!;
  }

  /** An etag makes it fail with ABORTED where somebody else changed the workload since. */
  async setMode(target: string, mode: Mode, etag = ""): Promise<Workload> {
    return (await this.call(methods.setWorkloadMode, { name: `workloads/${target}`, mode, etag })).workload!;
  }

  async createRule(rule: MessageInitShape<typeof RuleSchema>): Promise<Rule> {
    return (await this.call(methods.createRule, { rule })).rule!;
  }

  async rules(target?: string): Promise<Rule[]> {
    const workload = target ? `workloads/${target}` : "";
    return await paged(async (pageToken) => {
      const page = await this.call(methods.listRules, { pageSize: PAGE_SIZE, pageToken, workload });
      return { items: page.rules, next: page.nextPageToken };
    });
  }

  async deleteRule(name: string): Promise<void> {
    await this.call(methods.deleteRule, { name });
  }

  async nodes(): Promise<Node[]> {
    return await paged(async (pageToken) => {
      const page = await this.call(methods.listNodes, { pageSize: PAGE_SIZE, pageToken });
      return { items: page.nodes, next: page.nextPageToken };
    });
  }

  /**
   * Denials from now on, of one workload or of all. `onEnd` is told once why it ended: undefined where the server or
   * the returned function ended it, else the error.
   */
  watchDenials(
    onDenial: (response: WatchDenialsResponse) => void,
    onEnd: (error: ServiceError | undefined) => void,
    target?: string,
  ): () => void {
    const method = methods.watchDenials;
    const { serialize, deserialize } = codec(method);
    const request = create(method.input, { workload: target ? `workloads/${target}` : "" });
    const stream = this.client.makeServerStreamRequest(pathOf(method), serialize, deserialize, request);
    const read = async () => {
      for await (const response of stream) onDenial(response);
    };
    read().then(
      () => onEnd(undefined),
      (error: ServiceError) => onEnd(error.code === status.CANCELLED ? undefined : error),
    );
    return () => stream.cancel();
  }

  private call<I extends DescMessage, O extends DescMessage>(
    method: Method<I, O>,
    request: MessageInitShape<I>,
  ): Promise<MessageShape<O>> {
    const { serialize, deserialize } = codec(method);
    const message = create(method.input, request);
    const options = { deadline: Date.now() + DEADLINE_MS };
    return new Promise((resolve, reject) => {
      this.client.makeUnaryRequest(pathOf(method), serialize, deserialize, message, options, (error, response) => {
        if (response) resolve(response);
        else reject(error ?? new Error(`${method.name}: no answer`));
      });
    });
  }
}

type Method<I extends DescMessage, O extends DescMessage> = DescMethod & { input: I; output: O };

function codec<I extends DescMessage, O extends DescMessage>({ input, output }: Method<I, O>) {
  return {
    serialize: (message: MessageShape<I>) => Buffer.from(toBinary(input, message)),
    deserialize: (bytes: Buffer) => fromBinary(output, bytes),
  };
}

function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

async function paged<T>(page: (token: string) => Promise<{ items: T[]; next: string }>): Promise<T[]> {
  const all: T[] = [];
  let token = "";
  do {
    const { items, next } = await page(token);
    all.push(...items);
    token = next;
  } while (token !== "");
  return all;
}
