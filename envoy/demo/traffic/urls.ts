// Paths and queries of the shop, as its pages, apps and partners make them.

import type { Random } from "../random.ts";
import { CATEGORIES, COLORS, type Product, STOCK, THINGS } from "../shop/stock.ts";
import { isoDate, isoTime, searchTerm, typedSoFar } from "./words.ts";

/**
 * How a client escapes a query: as HTML forms do (`+` for a space), or as encodeURIComponent does (`%20`, and `'()*!~`
 * left alone).
 */
export type Escaping = "form" | "component";

type Pair = readonly [string, string | number];

const SORTS = ["price_asc", "price_desc", "newest", "popular", "rating", "relevance", "-price"];
const CAMPAIGNS = [
  "autumn_sale",
  "black-friday-2026",
  "newsletter 47",
  "welcome",
  "back_to_school",
  "brand-search-de",
  "wk48",
];
const SOURCES = ["newsletter", "google", "instagram", "partner-17", "affil.example", "qr"];
const LOCALES = ["en", "de", "de-AT", "fr", "es", "el", "ru", "zh-CN", "pt-BR"];
const ASSETS = ["main", "vendor", "runtime", "search", "checkout", "product-gallery", "polyfills", "icons"];
const VIEWS = ["front", "side", "detail"];
const PAGES = [
  ...[
    "about",
    "help/returns",
    "help/shipping/international",
    "legal/privacy-policy",
    "careers",
    "blog/2026/11/how-we-test-tents",
  ],
  ...[
    "blog/2025/03/ten-gifts-under-20-euro",
    "guides/sizes/shoes",
    "press",
    "stores/berlin-mitte",
    "stores/köln",
    "guides/tea/green-tea",
  ],
];

/** Apps and partners ask for so many products at a time, and come again for more. */
const IDS_MAX = 10;

export function query(pairs: readonly Pair[], escaping: Escaping): string {
  if (pairs.length === 0) return "";
  if (escaping === "form")
    return `?${new URLSearchParams(pairs.map(([name, value]): [string, string] => [name, String(value)]))}`;
  return `?${pairs.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join("&")}`;
}

export function search(random: Random, escaping: Escaping): string {
  return `/search${query([["q", searchTerm(random)], ...narrowed(random, 0.06)], escaping)}`;
}

export function suggest(random: Random, escaping: Escaping): string {
  const pairs: Pair[] = [["q", typedSoFar(random)]];
  if (random.chance(0.5)) pairs.push(["limit", random.pick([5, 8, 10])]);
  return `/suggest${query(pairs, escaping)}`;
}

export function category(random: Random, escaping: Escaping): string {
  return `/category/${random.pick(CATEGORIES)}${query(narrowed(random, 0.08), escaping)}`;
}

/** Mostly by slug, as pages link; by number, as apps do; once in a while one that is gone. */
export function product(random: Random, escaping: Escaping): string {
  const { slug, id } = random.pick(STOCK);
  const key = random.weighted([
    [slug, 60],
    [String(id), 38],
    [String(random.integer(100, 999)), 2],
  ]);
  return `/products/${key}${query([...variant(random), ...campaign(random, 0.1)], escaping)}`;
}

export function reviews(random: Random, item: Product, escaping: Escaping): string {
  const pairs: Pair[] = [];
  if (random.chance(0.5)) pairs.push(["page", 1 + random.rare(1.5)]);
  if (random.chance(0.2)) pairs.push(["stars", random.pick(["5", "4,5", "1,2"])]);
  return `/products/${item.id}/reviews${query(pairs, escaping)}`;
}

export function asset(random: Random): string {
  const hash = random.hex(random.pick([8, 12, 20]));
  const file = random.weighted([
    [`/static/js/${random.pick(ASSETS)}.${hash}.js`, 30],
    [`/static/css/${random.pick(ASSETS)}-${hash}.css`, 18],
    [`/static/fonts/inter-v${random.integer(3, 13)}-latin-${random.pick(["regular", "500", "700"])}.woff2`, 6],
    [`/media/products/${random.pick(STOCK).id}/${random.pick(VIEWS)}@${random.pick(["1x", "2x"])}.webp`, 36],
    [`/media/cms/2026/${random.integer(10, 12)}/${random.uuid()}.jpg`, 6],
    [random.pick(["/favicon.ico", "/robots.txt", "/manifest.json", "/sitemap.xml"]), 4],
  ]);
  const sized = file.startsWith("/media/") && random.chance(0.5);
  return sized ? `${file}?w=${random.pick([320, 640, 960, 1280])}&fit=crop&q=${random.pick([70, 80])}` : file;
}

export function page(random: Random): string {
  return `/pages/${random.pick(PAGES).split("/").map(encodeURIComponent).join("/")}`;
}

/** To the login page, which sends back to where one came from: a path in a query, with a query of its own at times. */
export function login(random: Random, escaping: Escaping): string {
  const back = random.weighted([
    ["/account", 20],
    ["/cart", 20],
    [`/products/${random.pick(STOCK).slug}`, 30],
    [`/category/${random.pick(CATEGORIES)}?sort=${random.pick(SORTS)}&page=${1 + random.rare(2)}`, 18],
    [`/search?q=${random.pick(COLORS)}+${random.pick(THINGS).replace(" ", "+")}`, 12],
  ]);
  const pairs: Pair[] = [["return_to", back]];
  if (random.chance(0.25)) pairs.push(["lang", random.pick(LOCALES)]);
  return `/login${query(pairs, escaping)}`;
}

export function account(random: Random, escaping: Escaping): string {
  return random.weighted([
    ["/account", 20],
    [`/account/orders${query(period(random), escaping)}`, 30],
    [`/account/orders/${random.uuid()}`, 30],
    [`/account/wishlist${query(random.chance(0.4) ? [["share", token(random, 12)]] : [], escaping)}`, 20],
  ]);
}

/** Links out of mails: long tokens, campaign marks. */
export function mailLink(random: Random, escaping: Escaping): string {
  return random.weighted([
    [`/password/reset${query([["token", token(random, random.pick([32, 48]))]], escaping)}`, 25],
    [`/newsletter/confirm${query([["token", token(random, random.pick([32, 48]))]], escaping)}`, 25],
    [`/products/${random.pick(STOCK).slug}${query(campaign(random, 1), escaping)}`, 50],
  ]);
}

export function stores(random: Random, escaping: Escaping): string {
  return `/stores${query(
    [
      ["zip", random.integer(10_000, 99_999)],
      ["radius_km", random.pick([5, 10, 25, 50])],
    ],
    escaping,
  )}`;
}

export function apiProducts(random: Random, escaping: Escaping): string {
  const ids = Array.from({ length: random.integer(1, IDS_MAX) }, () => random.pick(STOCK).id);
  const pairs: Pair[] = [["ids", ids.join(",")]];
  if (random.chance(0.6))
    pairs.push(["fields", random.pick(["id,name,price", "id,sku,stock", "name,price,media.front"])]);
  if (random.chance(0.5)) pairs.push(["locale", random.pick(LOCALES)]);
  if (random.chance(0.15)) pairs.push(["color", random.pick(COLORS)]);
  return `/api/v1/products${query(pairs, escaping)}`;
}

export function availability(random: Random, escaping: Escaping): string {
  const store = random.chance(0.5) ? [["store", `de-${random.integer(10, 99)}`] as const] : [];
  return `/api/v1/availability/${random.pick(STOCK).sku}${query(store, escaping)}`;
}

/** Pages through everything that changed: `cursor` is base64 with its padding, as many APIs have it. */
export function feed(random: Random, path: string, escaping: Escaping): string {
  const pairs: Pair[] = [["since", random.chance(0.6) ? isoTime(random) : isoDate(random)]];
  if (random.chance(0.6)) pairs.push(["cursor", random.bytes(random.pick([10, 16, 22])).toString("base64")]);
  pairs.push(["limit", random.pick([50, 100, 500])]);
  return `${path}${query(pairs, escaping)}`;
}

export function item(random: Random): Product {
  return random.pick(STOCK);
}

/** Links of campaigns lead to plain pages; who narrows a page down has left the campaign's link behind. */
function narrowed(random: Random, campaigns: number): Pair[] {
  const marked = campaign(random, campaigns);
  return marked.length > 0 ? marked : filters(random);
}

function filters(random: Random): Pair[] {
  const pairs: Pair[] = [];
  if (random.chance(0.3)) pairs.push(["category", random.pick(CATEGORIES)]);
  if (random.chance(0.25)) pairs.push(["sort", random.pick(SORTS)]);
  if (random.chance(0.3)) pairs.push(["page", 1 + random.rare(2)]);
  if (random.chance(0.12)) pairs.push(["price_max", random.pick([10, 20, 25, 50, 99.99, 100, 250])]);
  if (random.chance(0.05)) pairs.push(["price_min", random.integer(1, 20)]);
  if (random.chance(0.1))
    pairs.push(["color", Array.from({ length: 1 + random.rare(1) }, () => random.pick(COLORS)).join(",")]);
  if (random.chance(0.04)) pairs.push(["size", random.pick(["S", "M", "42", "XL"])]);
  if (random.chance(0.04)) pairs.push(["in_stock", random.pick(["1", "true"])]);
  return pairs;
}

function variant(random: Random): Pair[] {
  if (!random.chance(0.2)) return [];
  return [[random.pick(["color", "variant"]), random.chance(0.5) ? random.pick(COLORS) : random.integer(1, 9)]];
}

function campaign(random: Random, probability: number): Pair[] {
  if (!random.chance(probability)) return [];
  const pairs: Pair[] = [["utm_source", random.pick(SOURCES)]];
  if (random.chance(0.8)) pairs.push(["utm_medium", random.pick(["email", "cpc", "social", "banner_300x250"])]);
  if (random.chance(0.8)) pairs.push(["utm_campaign", random.pick(CAMPAIGNS)]);
  if (random.chance(0.15)) pairs.push(["gclid", token(random, 40)]);
  return pairs;
}

function period(random: Random): Pair[] {
  if (random.chance(0.4)) return [];
  return [
    ["from", isoDate(random)],
    ["to", isoDate(random)],
  ];
}

/**
 * That many bytes in base64url without padding, as makers of links do it that no line break may spoil: no two dashes in
 * a row.
 */
function token(random: Random, bytes: number): string {
  return random
    .bytes(bytes)
    .toString("base64url")
    .replace(/[-_]{2,}/g, "x");
}
