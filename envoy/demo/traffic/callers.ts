// Who calls the shop: people through the edge, an app, a partner, and the jobs and checks of the shop's own. Each
// caller has its own certificate (or comes by the edge), its own habits, and sessions that follow one another; a
// session is a list of requests.

import type { Random } from "../random.ts";
import { STOCK } from "../shop/stock.ts";
import type { Escaping } from "./urls.ts";
import * as urls from "./urls.ts";

export interface ShopRequest {
  /** The service whose sidecar it is sent to; people go by way of the edge. */
  to: "edge" | "web" | "catalog" | "cart";
  method: string;
  /** Path and query. */
  path: string;
  headers: Record<string, string>;
  body?: string;
}

export interface Caller {
  /** Service account; `edge` sends without a certificate, through the edge proxy. */
  name: string;
  /** Sessions at a time, and how much of the traffic is this caller's, relative to the others. */
  weight: number;
  session(random: Random): ShopRequest[];
}

const KHTML = "(KHTML, like Gecko)";
const BROWSERS = [
  `Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 ${KHTML} Chrome/142.0.0.0 Safari/537.36`,
  `Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 ${KHTML} Version/19.0 Safari/605.1.15`,
  "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
  `Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 ${KHTML} Version/19.1 Safari/604.1`,
  `Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 ${KHTML} Chrome/142.0.0.0 Mobile Safari/537.36`,
  "Mozilla/5.0 (compatible; Findbot/2.1; +https://findbot.example/about)",
  "curl/8.5.0",
];
const TONGUES = [
  "en-GB,en;q=0.9",
  "de-DE,de;q=0.9,en;q=0.7",
  "fr-FR,fr;q=0.8",
  "es-ES,es;q=0.9",
  "el-GR,el;q=0.8",
  "zh-CN,zh;q=0.9",
];
/** People who come back: most of the edge's sessions are theirs. */
const REGULARS = 200;

/** Every caller, the busiest first. */
export const CALLERS: readonly Caller[] = [
  { name: "edge", weight: 46, session: visit },
  { name: "mobile", weight: 20, session: appSession },
  { name: "partner", weight: 9, session: partnerSession },
  { name: "indexer", weight: 8, session: crawl },
  { name: "feeds", weight: 7, session: feedRun },
  { name: "support", weight: 4, session: supportCase },
  { name: "newsletter", weight: 4, session: mailing },
  { name: "kubelet", weight: 4, session: healthChecks },
];

/** A person with a browser: arrives, looks around, sometimes buys. */
function visit(random: Random): ShopRequest[] {
  const escaping: Escaping = random.chance(0.8) ? "form" : "component";
  const person = random.chance(0.7) ? random.integer(1, REGULARS) : random.integer(REGULARS, 1_000_000);
  const cart = random.uuid();
  const headers = {
    host: "shop.example",
    "user-agent": BROWSERS[person % BROWSERS.length]!,
    "accept-language": TONGUES[person % TONGUES.length]!,
    accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    cookie: `sid=${random.bytes(18).toString("base64url")}; cart=${cart}${random.chance(0.5) ? "; consent=1.0.1" : ""}`,
  };
  const requests: ShopRequest[] = [];
  let last = "";
  const go = (path: string, method = "GET", body?: unknown) => {
    const referer = last && random.chance(0.8) ? { referer: `https://shop.example${last}` } : {};
    requests.push(make("edge", method, path, { ...headers, ...referer }, body));
    if (method === "GET" && !path.startsWith("/static")) last = path;
  };
  go(random.chance(0.2) ? urls.mailLink(random, escaping) : random.chance(0.5) ? "/" : urls.category(random, escaping));
  for (let i = random.integer(0, 3); i > 0; i--) go(urls.asset(random));
  for (let steps = 2 + random.rare(4); steps > 0; steps--) {
    go(browse(random, escaping));
    if (random.chance(0.4)) go("/cart/count");
  }
  if (random.chance(0.35)) buy(random, escaping, go);
  if (random.chance(0.15)) go(urls.account(random, escaping));
  return requests;
}

function browse(random: Random, escaping: Escaping): string {
  return random.weighted<() => string>([
    [() => "/", 6],
    [() => urls.search(random, escaping), 26],
    [() => urls.suggest(random, escaping), 14],
    [() => urls.category(random, escaping), 12],
    [() => urls.product(random, escaping), 24],
    [() => urls.reviews(random, urls.item(random), escaping), 7],
    [() => urls.asset(random), 10],
    [() => urls.page(random), 4],
    [() => urls.stores(random, escaping), 4],
    [() => urls.login(random, escaping), 3],
  ])();
}

function buy(random: Random, escaping: Escaping, go: (path: string, method?: string, body?: unknown) => void): void {
  const items = Array.from({ length: 1 + random.rare(0.8) }, () => urls.item(random).id);
  for (const product of items) go("/cart/items", "POST", { product });
  go("/cart");
  if (random.chance(0.2)) go(`/cart/items/${random.pick(items)}`, "DELETE");
  if (random.chance(0.5)) go(urls.login(random, escaping));
  if (random.chance(0.4)) go("/login", "POST", { user: "shopper" });
  if (random.chance(0.7)) go("/checkout", "POST", {});
}

/** The app: JSON, ids instead of slugs, carts straight at the cart service. */
function appSession(random: Random): ShopRequest[] {
  const device = {
    "user-agent": `ShopApp/${random.integer(5, 7)}.${random.integer(0, 20)} (Android 15)`,
    accept: "application/json",
  };
  const requests: ShopRequest[] = [];
  const cart = random.uuid();
  for (let steps = 2 + random.rare(4); steps > 0; steps--) {
    const path = random.weighted<() => string>([
      [() => urls.search(random, "component"), 25],
      [() => urls.suggest(random, "component"), 15],
      [() => urls.apiProducts(random, "component"), 25],
      [() => `/api/v1/products/${urls.item(random).id}`, 20],
      [() => urls.availability(random, "component"), 10],
      [() => urls.asset(random), 5],
    ])();
    requests.push(make("web", "GET", path, device));
  }
  if (random.chance(0.4)) requests.push(make("web", "POST", "/api/v1/events", device, { kind: "view" }));
  if (random.chance(0.7)) {
    const product = urls.item(random).id;
    const seen = random.chance(0.5) ? `/carts/${cart}?expand=items,prices` : `/carts/${cart}`;
    requests.push(make("cart", "POST", `/carts/${cart}/items`, device, { product }));
    requests.push(make("cart", "GET", seen, device), make("cart", "GET", `/carts/${cart}/count`, device));
    if (random.chance(0.3)) requests.push(make("cart", "DELETE", `/carts/${cart}/items/${product}`, device));
    else if (random.chance(0.5)) requests.push(make("cart", "POST", `/carts/${cart}/checkout`, device, {}));
  }
  return requests;
}

/** A partner's server that compares prices and stock. */
function partnerSession(random: Random): ShopRequest[] {
  const headers = { "user-agent": "partner-sync/2.3 (python-requests/2.32)", accept: "*/*" };
  return Array.from({ length: 2 + random.rare(3) }, () => {
    const path = random.weighted<() => string>([
      [() => urls.apiProducts(random, "form"), 50],
      [() => urls.availability(random, "form"), 25],
      [() => urls.feed(random, "/feeds/products.xml", "form"), 25],
    ])();
    return make("web", "GET", path, headers);
  });
}

/** The shop's own search indexer: walks pages and products. */
function crawl(random: Random): ShopRequest[] {
  const headers = { "user-agent": "shop-indexer/1.9", accept: "text/html, application/json" };
  return Array.from({ length: 3 + random.rare(3) }, () => {
    const item = random.pick(STOCK);
    return random.weighted([
      [make("web", "GET", `/products/${item.slug}`, headers), 35],
      [make("web", "GET", urls.category(random, "form"), headers), 20],
      [make("web", "GET", "/", headers), 6],
      [make("web", "GET", urls.page(random), headers), 10],
      [make("catalog", "GET", `/products/${item.id}`, headers), 20],
      [make("catalog", "GET", urls.feed(random, "/export", "form"), headers), 15],
    ]);
  });
}

/** A batch job that exports the assortment. */
function feedRun(random: Random): ShopRequest[] {
  const headers = { "user-agent": "feeds-job/0.4 (okhttp/4.12.0)", accept: "application/xml" };
  const name = random.pick(["products.xml", "google-merchant.xml", "prices-eur.csv", "stock.json"]);
  return Array.from({ length: 1 + random.rare(3) }, () =>
    random.chance(0.5)
      ? make("web", "GET", urls.feed(random, `/feeds/${name}`, "form"), headers)
      : make("catalog", "GET", urls.feed(random, "/export", "form"), headers),
  );
}

/** Support staff look up orders and carts for people who call. */
function supportCase(random: Random): ShopRequest[] {
  const headers = { "user-agent": BROWSERS[2]!, accept: "application/json" };
  const since = { since: urls.feed(random, "/carts", "component") };
  return [
    make("web", "GET", `/account/orders/${random.uuid()}`, headers),
    make("web", "GET", urls.search(random, "form"), headers),
    make("cart", "GET", `/carts/${random.uuid()}`, headers),
    ...(random.chance(0.4) ? [make("cart", "GET", since.since, headers)] : []),
    ...(random.chance(0.5) ? [make("catalog", "GET", `/products/${urls.item(random).id}`, headers)] : []),
  ];
}

/** The job that mails people about carts they left, and checks the links it sends. */
function mailing(random: Random): ShopRequest[] {
  const headers = { "user-agent": "newsletter/3.1", accept: "*/*" };
  return [
    make("cart", "GET", urls.feed(random, "/carts", "form"), headers),
    make("web", random.chance(0.5) ? "HEAD" : "GET", urls.mailLink(random, "component"), headers),
    make(
      "catalog",
      "GET",
      `/products?ids=${Array.from({ length: 3 }, () => urls.item(random).id).join("%2C")}`,
      headers,
    ),
  ];
}

function healthChecks(): ShopRequest[] {
  const headers = { "user-agent": "kube-probe/1.37", accept: "*/*" };
  const services = ["web", "catalog", "cart"] as const;
  return services.flatMap((to) => [make(to, "GET", "/healthz", headers), make(to, "GET", "/readyz", headers)]);
}

function make(
  to: ShopRequest["to"],
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: unknown,
): ShopRequest {
  if (body === undefined) return { to, method, path, headers };
  return { to, method, path, headers: { ...headers, "content-type": "application/json" }, body: JSON.stringify(body) };
}
