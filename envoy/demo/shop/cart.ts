// Carts, kept in memory. A checkout asks the catalog for prices and the payment service, by gRPC, for the money: both
// through this workload's own sidecar.

import { Client, credentials, Metadata } from "@grpc/grpc-js";
import type { Random } from "../random.ts";
import { type AuthorizeResponse, paymentService } from "./payment-contract.ts";
import { type Answer, HttpService, type Request } from "./service.ts";
import type { Product } from "./stock.ts";

/** The oldest cart goes when there are more. */
const CARTS_MAX = 2_000;
const PAYMENT_TIMEOUT_MS = 10_000;

/** `outboundPort`: of this workload's sidecar. */
export function cartService(random: Random, outboundPort: number): { service: HttpService; close: () => void } {
  const service = new HttpService("cart");
  const carts = new Map<string, number[]>();
  const payment = new Client(`127.0.0.1:${outboundPort}`, credentials.createInsecure(), {
    "grpc.default_authority": "payment",
  });
  const items = (id: string) => {
    const known = carts.get(id) ?? [];
    carts.delete(id);
    carts.set(id, known);
    for (const oldest of carts.keys()) {
      if (carts.size <= CARTS_MAX) break;
      carts.delete(oldest);
    }
    return known;
  };
  service.route("GET", "/healthz", () => ({ status: 200, body: { status: "ok" } }));
  service.route("GET", "/readyz", () => ({ status: 200, body: { status: "ready" } }));
  service.route("GET", "/carts", ({ query }) => ({
    status: 200,
    body: { stale: [...carts.keys()].slice(0, 20), since: query.get("since") },
  }));
  service.route("GET", "/carts/:id", ({ parameters }) => ({ status: 200, body: { items: items(parameters.id!) } }));
  service.route("GET", "/carts/:id/count", ({ parameters }) => {
    return { status: 200, body: { count: items(parameters.id!).length } };
  });
  service.route("POST", "/carts/:id/items", ({ parameters, body }) => {
    const product = Number((body as { product?: unknown } | undefined)?.product);
    if (!Number.isInteger(product)) return { status: 400, body: { error: "product" } };
    items(parameters.id!).push(product);
    return { status: 201, body: { items: items(parameters.id!) } };
  });
  service.route("DELETE", "/carts/:id/items/:product", ({ parameters }) => {
    const held = items(parameters.id!);
    const index = held.indexOf(Number(parameters.product));
    if (index < 0) return { status: 404, body: { error: "not in the cart" } };
    held.splice(index, 1);
    return { status: 200, body: { items: held } };
  });
  service.route("POST", "/carts/:id/checkout", async (request) => {
    const held = items(request.parameters.id!);
    if (held.length === 0) return { status: 409, body: { error: "the cart is empty" } };
    const priced = await service.call(outboundPort, "catalog", request, "GET", `/products?ids=${held.join(",")}`);
    if (priced.status !== 200) return { status: 502, body: { error: "no prices" } };
    const total = (priced.body as Product[]).reduce((sum, { priceCents }) => sum + priceCents, 0);
    return await pay(payment, random.uuid(), total, request, () => held.splice(0));
  });
  return { service, close: () => payment.close() };
}

function pay(client: Client, orderId: string, amountCents: number, cause: Request, empty: () => void): Promise<Answer> {
  const { path, requestSerialize, responseDeserialize } = paymentService.authorize;
  const metadata = new Metadata();
  const requestId = cause.headers["x-request-id"];
  if (typeof requestId === "string") metadata.set("x-request-id", requestId);
  const order = { orderId, amountCents, currency: "EUR", cardToken: `tok_${orderId.slice(0, 8)}` };
  const deadline = Date.now() + PAYMENT_TIMEOUT_MS;
  return new Promise((resolve) => {
    const answered = (error: Error | null, response?: AuthorizeResponse) => {
      if (error) return resolve({ status: 502, body: { error: "payment failed" } });
      if (!response?.approved) return resolve({ status: 402, body: { error: response?.reason } });
      empty();
      return resolve({ status: 200, body: { order: orderId, authorization: response.authorizationId, amountCents } });
    };
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, order, metadata, { deadline }, answered);
  });
}
