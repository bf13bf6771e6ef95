// A TCP proxy between a sidecar and the control plane that can lose what the server says: everything the sidecar sends
// still arrives, nothing comes back, and neither side notices.

import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

export class TcpProxy {
  port = 0;
  /** Bytes of the server that were lost. */
  lostBytes = 0;
  private answering = true;
  private readonly pairs = new Set<{ client: Socket; server: Socket }>();
  private readonly listener: Server;

  private constructor(private readonly target: number) {
    this.listener = createServer((client) => this.accept(client));
  }

  /** To a port of 127.0.0.1. */
  static async start(target: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    await new Promise<void>((resolve, reject) => {
      proxy.listener.once("error", reject);
      proxy.listener.listen(0, "127.0.0.1", resolve);
    });
    proxy.port = (proxy.listener.address() as AddressInfo).port;
    return proxy;
  }

  /** From now on what the server says is lost. */
  loseAnswers(): void {
    this.answering = false;
  }

  /** New connections are whole again. Those that lost something cannot be mended: they break. */
  mend(): void {
    this.answering = true;
    this.breakAll();
  }

  async stop(): Promise<void> {
    this.breakAll();
    await new Promise((resolve) => this.listener.close(resolve));
  }

  private breakAll(): void {
    for (const { client, server } of this.pairs) {
      client.destroy();
      server.destroy();
    }
  }

  private accept(client: Socket): void {
    const server = connect(this.target, "127.0.0.1");
    const pair = { client, server };
    this.pairs.add(pair);
    client.on("data", (bytes) => server.write(bytes));
    server.on("data", (bytes) => {
      if (this.answering) client.write(bytes);
      else this.lostBytes += bytes.length;
    });
    for (const socket of [client, server]) {
      socket.on("error", () => undefined);
      socket.on("close", () => {
        this.pairs.delete(pair);
        client.destroy();
        server.destroy();
      });
    }
  }
}
