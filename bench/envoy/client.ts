// HTTP/1.1 over plain sockets, as little of it as the bench needs: one request at a time on a connection, answers with
// a content length. A generator that costs little disturbs little.

import { connect, type Socket } from "node:net";

const HEAD_END = "\r\n\r\n";
const TIMEOUT_MS = 30_000;

/** How often each status was answered; 0 is no answer. */
export type Tally = Map<number, number>;

/** A connection that is opened with its first request, and again after it was closed. */
export class Connection {
  busy = false;
  private socket: Socket | undefined;
  private received = "";
  private answer: ((status: number) => void) | undefined;

  constructor(readonly port: number) {}

  /** Sends a request (latin1); resolves with the status, or 0 where no whole answer came. */
  send(request: string): Promise<number> {
    if (this.busy) throw new Error(`port ${this.port}: one request at a time`);
    this.busy = true;
    this.socket ??= this.open();
    this.socket.write(request, "latin1");
    return new Promise((resolve) => {
      this.answer = (status) => {
        this.busy = false;
        this.answer = undefined;
        this.received = "";
        resolve(status);
      };
    });
  }

  close(): void {
    this.socket?.destroy();
  }

  private open(): Socket {
    const socket = connect({ port: this.port, host: "127.0.0.1", noDelay: true });
    socket.setEncoding("latin1");
    socket.setTimeout(TIMEOUT_MS, () => this.busy && socket.destroy());
    socket.on("error", () => undefined); // a close follows
    socket.on("close", () => {
      if (this.socket === socket) this.socket = undefined;
      this.answer?.(0);
    });
    socket.on("data", (part) => this.receive(String(part)));
    return socket;
  }

  private receive(part: string): void {
    this.received += part;
    const head = this.received.indexOf(HEAD_END);
    if (head < 0) return;
    const length = Number(/^content-length: (\d+)\r$/im.exec(this.received.slice(0, head + 1))?.[1] ?? 0);
    if (this.received.length >= head + HEAD_END.length + length) this.answer?.(Number(this.received.slice(9, 12)));
  }
}

/** Connections that stay open, each with one request at a time: the next is sent when the last was answered. */
export class Client {
  private readonly connections: Connection[];
  private sent = 0;

  constructor(port: number, connections = 8) {
    this.connections = Array.from({ length: connections }, () => new Connection(port));
  }

  async drive(count: number, request: (index: number) => string): Promise<Tally> {
    const tally: Tally = new Map();
    let left = count;
    const lane = async (connection: Connection) => {
      while (left-- > 0) addTo(tally, await connection.send(request(this.sent++)));
    };
    await Promise.all(this.connections.map(lane));
    return tally;
  }

  close(): void {
    for (const connection of this.connections) connection.close();
  }
}

/** Status of one request on a connection of its own. */
export async function statusOf(port: number, request: string): Promise<number> {
  const connection = new Connection(port);
  const status = await connection.send(request);
  connection.close();
  return status;
}

export function addTo(tally: Tally, status: number, count = 1): void {
  tally.set(status, (tally.get(status) ?? 0) + count);
}

export function totalOf(tally: Tally): number {
  return [...tally.values()].reduce((sum, count) => sum + count, 0);
}
