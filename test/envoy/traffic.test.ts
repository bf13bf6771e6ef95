// What the shop's callers send, over some thousand requests of fixed seeds: varied as a real shop's, reproducible, and
// never itself an attack.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../envoy/demo/random.ts";
import { CALLERS, type ShopRequest } from "../../envoy/demo/traffic/callers.ts";
import { query } from "../../envoy/demo/traffic/urls.ts";
import { searchTerm } from "../../envoy/demo/traffic/words.ts";

function sample(seed: number, sessions: number): { caller: string; request: ShopRequest }[] {
  const random = new Random(seed);
  const weights = CALLERS.map((caller) => [caller, caller.weight] as const);
  return Array.from({ length: sessions }, () => random.weighted(weights)).flatMap((caller) =>
    caller.session(random).map((request) => ({ caller: caller.name, request })),
  );
}

const REQUESTS = sample(7, 1_500);
const shareOf = (holds: (request: ShopRequest) => boolean) =>
  REQUESTS.filter(({ request }) => holds(request)).length / REQUESTS.length;
const decoded = (request: ShopRequest) => decodeURIComponent(request.path.replaceAll("+", " "));

test("the same seed sends the same requests, another seed others", () => {
  assert.equal(sample(3, 40), sample(3, 40));
  assert.not.equal(sample(3, 40), sample(4, 40));
});

test("every path is legal on the wire, and is UTF-8 when it is decoded", () => {
  for (const { request } of REQUESTS) {
    assert.match(request.path, /^\/[\x21-\x7e]*$/);
    assert.type(decoded(request), "string");
  }
});

test("web and catalog are called by at least five with certificates of their own, cart by four", () => {
  const callersOf = (to: string) =>
    new Set(REQUESTS.filter(({ request }) => request.to === to).map(({ caller }) => caller));
  assert.ok(callersOf("web").size >= 5);
  assert.ok(callersOf("catalog").size >= 4, "besides web and cart themselves");
  assert.ok(callersOf("cart").size >= 3, "besides web");
});

test("there are languages, escapes, ids, tokens, dates and deep paths, each in its share", () => {
  const between = (share: number, low: number, high: number) => {
    assert.ok(share >= low && share <= high, `${share} is not between ${low} and ${high}`);
  };
  between(
    shareOf((request) => /[^\x20-\x7e]/.test(decoded(request))),
    0.04,
    0.3,
  );
  between(
    shareOf((request) => decoded(request).includes("'")),
    0.0005,
    0.01,
  );
  between(
    shareOf((request) => request.path.includes("+")),
    0.05,
    0.4,
  );
  between(
    shareOf((request) => request.path.includes("%20")),
    0.01,
    0.3,
  );
  between(
    shareOf((request) => /[0-9a-f]{8}-[0-9a-f]{4}-4/.test(request.path)),
    0.01,
    0.2,
  );
  between(
    shareOf((request) => /\d{4}-\d\d-\d\d/.test(request.path)),
    0.03,
    0.3,
  );
  between(
    shareOf((request) => /[A-Za-z0-9_-]{40}/.test(request.path)),
    0.005,
    0.1,
  );
  between(
    shareOf((request) => request.path.split("?")[0]!.split("/").length >= 5),
    0.03,
    0.3,
  );
  between(
    shareOf((request) => request.method !== "GET"),
    0.02,
    0.3,
  );
});

test("nothing that is sent is an attack", () => {
  const suspicious = /[<>\p{Cc}`]|\.\.\/|union select|\/etc\/|\$\{|;\s*\w+=?\(/iu;
  for (const { request } of REQUESTS) assert.not.match(decoded(request), suspicious);
});

test("searches have one to eight words, mostly two or three, and many are different", () => {
  const random = new Random(11);
  const terms = Array.from({ length: 2_000 }, () => searchTerm(random));
  assert.ok(terms.every((term) => term.trim().length > 0 && term.length <= 120));
  assert.ok(new Set(terms).size > 1_500);
});

test("forms write a space as +, scripts as %20, and both escape what has a meaning", () => {
  assert.is(query([["q", "men's & kids"]], "form"), "?q=men%27s+%26+kids");
  assert.is(query([["q", "men's & kids"]], "component"), "?q=men's%20%26%20kids");
  assert.is(query([], "form"), "");
});

test("chance is even, weighted as told, and the same for a seed", () => {
  const random = new Random(5);
  const heads = Array.from({ length: 10_000 }, () => random.chance(0.3)).filter(Boolean).length;
  assert.ok(heads > 2_800 && heads < 3_200);
  const picked = Array.from({ length: 10_000 }, () =>
    random.weighted([
      ["a", 1],
      ["b", 3],
    ] as const),
  );
  const share = picked.filter((each) => each === "b").length / picked.length;
  assert.ok(share > 0.72 && share < 0.78);
  assert.is(new Random(9).fork("x").next(), new Random(9).fork("x").next());
  assert.is.not(new Random(9).fork("x").next(), new Random(9).fork("y").next());
  assert.match(new Random(1).uuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.throws(() => random.pick([]), /nothing to pick from/);
});

test.run();
