// Requests byte by byte, for what no client library would send; and the answers, without what differs from one to the
// next.

import { connect as connectHttp2, type OutgoingHttpHeaders } from "node:http2";
import { connect } from "node:net";

const TIMEOUT_MS = 30_000;
const VOLATILE = /^(?:date|x-request-id|x-envoy-upstream-service-time):/i;

/** Writes the bytes, reads until the server closes: status line, headers and body, but nothing volatile. */
export function exchange(port: number, bytes: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`no end within ${TIMEOUT_MS} ms`)));
    socket.on("data", (part) => parts.push(part));
    // A server that refuses what it has not read through resets the connection after its answer.
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "ECONNRESET" && error.code !== "EPIPE") reject(error);
    });
    socket.on("close", () => resolve(steady(Buffer.concat(parts).toString("latin1"))));
  });
}

function steady(answer: string): string {
  const [head = "", ...body] = answer.split("\r\n\r\n");
  const lines = head.split("\r\n").filter((line) => !VOLATILE.test(line));
  return [lines.join("\n"), ...body].join("\n\n");
}

/** One request on an HTTP/2 connection of its own; where it is reset, the code. */
export function exchangeHttp2(port: number, headers: OutgoingHttpHeaders): Promise<string> {
  return new Promise((resolve) => {
    const session = connectHttp2(`http://127.0.0.1:${port}`, { settings: { enablePush: false } });
    let said = "";
    const end = (text: string) => {
      session.destroy();
      resolve(text);
    };
    session.on("error", (error: Error) => end(`${said}connection: ${error.message}`));
    session.on("goaway", (code) => {
      if (code !== 0) end(`${said}goaway ${code}`);
    });
    session.on("close", () => end(`${said}closed`));
    const stream = session.request(headers, { endStream: true });
    stream.setTimeout(TIMEOUT_MS, () => end(`no end within ${TIMEOUT_MS} ms`));
    stream.setEncoding("latin1");
    stream.on("response", (answer) => {
      const named = Object.entries(answer).map(([name, value]) => `${name}: ${value}`);
      said = `${named.filter((line) => !VOLATILE.test(line)).join("\n")}\n\n`;
    });
    stream.on("data", (part: string) => {
      said += part;
    });
    stream.on("error", () => undefined); // its code is read at the close
    stream.on("close", () => end(`${said}end ${stream.rstCode}`));
  });
}
