// Requests over HTTPS to those whom we ask about operators: the signers of an issuer, the Kubernetes API. Follows no
// redirect, takes no other scheme, and ends at its time limit whatever the other side does.

import { request } from "node:https";

export interface HttpsRequest {
  /** `https://…` */
  url: string;
  method: "GET" | "POST";
  headers: Record<string, string>;
  body?: string;
  /** Signers of the server's certificate (PEM); undefined: those of the system. */
  ca?: Buffer | undefined;
  /** For the whole exchange. */
  timeoutMs: number;
  /** Of the answer's body. */
  bytesMax: number;
}

export interface HttpsResponse {
  status: number;
  body: string;
}

export interface Https {
  /** Rejects where there is no answer in time, or a longer one. Any status is an answer. */
  send(asked: HttpsRequest): Promise<HttpsResponse>;
}

export class SystemHttps implements Https {
  send({ url, method, headers, body, ca, timeoutMs, bytesMax }: HttpsRequest): Promise<HttpsResponse> {
    const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
    return new Promise((resolve, reject) => {
      const signal = AbortSignal.timeout(timeoutMs);
      const options = { method, headers: { ...headers, ...length }, signal, agent: false, ...(ca ? { ca } : {}) };
      const sent = request(url, options, (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > bytesMax) sent.destroy(new Error(`${url}: answer of more than ${bytesMax} bytes`));
          else chunks.push(chunk);
        });
        response.on("error", reject);
        response.on("end", () => {
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString("utf8") });
        });
      });
      sent.on("error", (cause) => {
        reject(signal.aborted ? new Error(`${url}: no answer within ${timeoutMs} ms`, { cause }) : cause);
      });
      sent.end(body);
    });
  }
}
