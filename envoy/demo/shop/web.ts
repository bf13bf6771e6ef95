// The shop's front: pages, an API for apps and partners, static files. Asks catalog and cart through its own sidecar.

import type { Faults } from "./faults.ts";
import { type Answer, HttpService, type Request } from "./service.ts";

const BUSY = 0.004;
const BROKEN = 0.002;
/** Everything of a static path but this share exists. */
const MISSING = 0.02;
const CART_COOKIE = /(?:^|;\s*)cart=([0-9a-f-]{36})/;

/** `outboundPort`: of this workload's sidecar. */
export function webService(faults: Faults, outboundPort: number): HttpService {
  const service = new HttpService("web");
  const ask = async (host: string, request: Request, method: string, path: string, body?: unknown): Promise<Answer> => {
    const { status, body: content } = await service.call(outboundPort, host, request, method, path, body);
    return status >= 500 ? { status: 502, body: { error: `${host} does not answer` } } : { status, body: content };
  };
  const route = (method: string, pattern: string, handler: (request: Request) => Answer | Promise<Answer>) => {
    service.route(method, pattern, (request) => {
      if (faults.happen(BUSY)) return { status: 503, body: { error: "busy" } };
      if (faults.happen(BROKEN)) return { status: 500, body: { error: "internal" } };
      return handler(request);
    });
  };
  const catalog = (method: string, pattern: string, path: (request: Request) => string) =>
    route(method, pattern, (request) => ask("catalog", request, "GET", path(request)));
  const key = (request: Request, name: string) => encodeURIComponent(request.parameters[name] ?? "");
  const rest = (request: Request) => (request.query.size > 0 ? `?${request.query}` : "");

  service.route("GET", "/healthz", () => ({ status: 200, body: { status: "ok" } }));
  service.route("GET", "/readyz", () => ({ status: 200, body: { status: "ready" } }));
  catalog("GET", "/", () => "/featured");
  catalog("GET", "/search", (request) => `/search${rest(request)}`);
  catalog("GET", "/suggest", (request) => `/search${rest(request)}`);
  catalog("GET", "/category/:slug", (request) => `/categories/${key(request, "slug")}${rest(request)}`);
  catalog("GET", "/products/:id", (request) => `/products/${key(request, "id")}`);
  catalog("GET", "/products/:id/reviews", (request) => `/products/${key(request, "id")}/reviews${rest(request)}`);
  catalog("GET", "/api/v1/products", (request) => `/products${rest(request)}`);
  catalog("GET", "/api/v1/products/:id", (request) => `/products/${key(request, "id")}`);
  catalog("GET", "/api/v1/availability/:sku", (request) => `/availability/${key(request, "sku")}`);
  catalog("GET", "/feeds/:name", (request) => `/export${rest(request)}`);

  route("GET", "/cart", (request) => ask("cart", request, "GET", `/carts/${cartOf(request)}`));
  route("GET", "/cart/count", (request) => ask("cart", request, "GET", `/carts/${cartOf(request)}/count`));
  route("POST", "/cart/items", (request) =>
    ask("cart", request, "POST", `/carts/${cartOf(request)}/items`, request.body),
  );
  route("DELETE", "/cart/items/:id", (request) =>
    ask("cart", request, "DELETE", `/carts/${cartOf(request)}/items/${key(request, "id")}`),
  );
  route("POST", "/checkout", (request) => ask("cart", request, "POST", `/carts/${cartOf(request)}/checkout`, {}));

  for (const page of ["/login", "/account", "/account/orders", "/account/wishlist", "/stores", "/newsletter/confirm"]) {
    route("GET", page, () => ({ status: 200, body: "<!doctype html><title>Shop</title>" }));
  }
  route("GET", "/account/orders/:id", ({ parameters }) => ({ status: 200, body: { order: parameters.id } }));
  route("GET", "/password/reset", ({ query }) => ({
    status: query.get("token") ? 200 : 400,
    body: "<title>Reset</title>",
  }));
  route("GET", "/pages/*", () => ({ status: 200, body: "<!doctype html><title>Shop</title>" }));
  route("POST", "/login", () => ({ status: 303, headers: { location: "/account" } }));
  route("POST", "/api/v1/events", () => ({ status: 204 }));
  route("GET", "/static/*", () => (faults.happen(MISSING) ? { status: 404 } : { status: 200, body: "" }));
  route("GET", "/media/*", () => (faults.happen(MISSING) ? { status: 404 } : { status: 200, body: "" }));
  for (const file of ["/robots.txt", "/favicon.ico", "/sitemap.xml", "/manifest.json"]) {
    route("GET", file, () => ({ status: 200, body: "" }));
  }
  return service;
}

function cartOf({ headers }: Request): string {
  return CART_COOKIE.exec(headers.cookie ?? "")?.[1] ?? "00000000-0000-4000-8000-000000000000";
}
