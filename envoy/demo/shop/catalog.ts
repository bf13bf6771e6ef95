// The catalog: search, products, categories, reviews, availability. Fails now and then, as services do: a sidecar's
// retry or the visitor's error page is part of normal traffic.

import type { Faults } from "./faults.ts";
import { type Answer, HttpService, type Request } from "./service.ts";
import { CATEGORIES, type Product, STOCK } from "./stock.ts";

const PAGE_SIZE = 24;
/** Share of requests answered 503 (retried by the caller's sidecar) and 500. */
const BUSY = 0.008;
const BROKEN = 0.002;

export function catalogService(faults: Faults): HttpService {
  const service = new HttpService("catalog");
  const get = (pattern: string, handler: (request: Request) => Answer) => {
    service.route("GET", pattern, (request) => {
      if (faults.happen(BUSY)) return { status: 503, body: { error: "busy" } };
      if (faults.happen(BROKEN)) return { status: 500, body: { error: "internal" } };
      return handler(request);
    });
  };
  service.route("GET", "/healthz", () => ({ status: 200, body: { status: "ok" } }));
  service.route("GET", "/readyz", () => ({ status: 200, body: { status: "ready" } }));
  get("/featured", () => ({ status: 200, body: STOCK.slice(0, 12) }));
  get("/search", ({ query }) => page(found(query), query));
  get("/categories/:slug", ({ parameters, query }) => {
    const { slug } = parameters;
    if (!CATEGORIES.some((category) => category === slug)) return { status: 404, body: { error: "no such category" } };
    return page(
      STOCK.filter((product) => product.category === slug),
      query,
    );
  });
  get("/products", ({ query }) => {
    const ids = (query.get("ids") ?? "").split(",").map(Number);
    return { status: 200, body: ids.map(byId).filter((product) => product !== undefined) };
  });
  get("/products/:id", ({ parameters }) => one(parameters.id));
  get("/products/:id/reviews", ({ parameters }) => {
    const answer = one(parameters.id);
    return answer.status === 200 ? { status: 200, body: { product: parameters.id, reviews: [] } } : answer;
  });
  get("/availability/:sku", ({ parameters }) => {
    const product = STOCK.find(({ sku }) => sku === parameters.sku);
    return product ? { status: 200, body: { sku: product.sku, left: product.id % 20 } } : { status: 404, body: {} };
  });
  get("/export", ({ query }) => page([...STOCK], query));
  return service;
}

function byId(id: number): Product | undefined {
  return STOCK.find((product) => product.id === id);
}

/** By number, or by a slug that ends in it. */
function one(key = ""): Answer {
  const product = byId(Number(/\d+$/.exec(key)?.[0]));
  return product ? { status: 200, body: product } : { status: 404, body: { error: "no such product" } };
}

function found(query: URLSearchParams): Product[] {
  const words = (query.get("q") ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  const category = query.get("category");
  return STOCK.filter(
    (product) => (!category || product.category === category) && words.some((word) => product.name.includes(word)),
  );
}

function page(products: Product[], query: URLSearchParams): Answer {
  const number = Number(query.get("page") ?? 1);
  if (!Number.isInteger(number) || number < 1) return { status: 400, body: { error: "page" } };
  const start = (number - 1) * PAGE_SIZE;
  return { status: 200, body: { total: products.length, products: products.slice(start, start + PAGE_SIZE) } };
}
