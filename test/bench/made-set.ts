// A small quality set of the project's own making: three services with a grammar each, and the project's attacks put
// into a parameter or a path segment of their ordinary requests. Seeded; goes through the reader of real sets.

import { parseRow, type QualitySet } from "../../bench/quality/set.ts";
import { OWN_ATTACKS } from "../support/own-attacks.ts";
import { Prng } from "../support/prng.ts";

const WORDS = ["tea", "green", "mug", "kettle", "spoon", "cup", "honey", "milk", "black", "white", "glass", "tray"];
const NORMALS = 240;
const ATTACKS = 50;
const LEARN_SHARE = 0.6;

type Grammar = (prng: Prng) => string;

/** What now and then stands in an ordinary value, and looks like more than it is. */
const ODD_VALUES = [
  "O%27Brien",
  "%22green+tea%22",
  "https%3A%2F%2Fshop.example%2Fcart%3Fid%3D5%26page%3D2",
  "2026-01-05T10%3A00%3A00%2B01%3A00",
  "cups+(set+of+6)",
  "%7B%22sort%22%3A%5B%22price%22%2C1%5D%7D",
  "a%26b",
  "100%25",
];
const ODD_ONE_IN = 10;
/** Short ones, as they stand in a target. */
const SHORT_ATTACKS = ["%27", "1%27--", "%3Bid", "%7Cls", "..%2F", "%3Cb%3E", "%24%7Bx%7D", "%60id%60"];

const word = (prng: Prng) => (prng.oneIn(ODD_ONE_IN) ? prng.pick(ODD_VALUES) : prng.pick(WORDS));

const GRAMMARS: Record<string, Grammar> = {
  shop: (prng) =>
    prng.oneIn(3)
      ? `/products/${prng.below(10_000)}`
      : `/search?q=${word(prng)}+${prng.pick(WORDS)}&page=${prng.below(20)}`,
  files: (prng) => `/files/${prng.pick(WORDS)}/${prng.pick(WORDS)}-${prng.below(500)}.png?v=${word(prng)}`,
  users: (prng) => `/users/${prng.below(100_000)}/orders?sort=${word(prng)}&limit=${10 * prng.between(1, 9)}`,
};

/** As it stands in a target: what comes after `q=` of the attacks that are a parameter's value. */
const PAYLOADS = [
  ...OWN_ATTACKS.filter((target) => target.startsWith("/search?q=")).map((target) => target.slice("/search?q=".length)),
  ...SHORT_ATTACKS,
];

function attacked(prng: Prng, target: string, payload: string): { u: string; at: string } {
  const [path = "", query] = target.split("?");
  if (query !== undefined && !prng.oneIn(4)) {
    const [name = ""] = prng.pick(query.split("&")).split("=");
    const pieces = query.split("&").map((piece) => (piece.startsWith(`${name}=`) ? `${name}=${payload}` : piece));
    return { u: `${path}?${pieces.join("&")}`, at: `query:${name}` };
  }
  const segments = path.split("/");
  segments[segments.length - 1] = payload;
  return { u: segments.join("/") + (query === undefined ? "" : `?${query}`), at: `path:${segments.length - 1}` };
}

export function madeSet(seed: number): QualitySet {
  const prng = new Prng(seed);
  const rows = Object.entries(GRAMMARS).flatMap(([svc, grammar]) => {
    const learn = Math.floor(LEARN_SHARE * NORMALS);
    const row = (u: string, more: object) =>
      JSON.stringify({ svc, src: "client", m: "GET", u, h: [["host", svc]], bl: 0, ...more });
    const own = Array.from({ length: NORMALS }, (_, i) =>
      row(grammar(prng), { y: 0, k: "norm", at: "", ph: i < learn ? "learn" : "test" }),
    );
    for (let i = 0; i < ATTACKS; i++) {
      const { u, at } = attacked(prng, grammar(prng), prng.pick(PAYLOADS));
      own.splice(prng.between(learn, own.length), 0, row(u, { y: 1, k: "own", at, ph: "test" }));
    }
    return own;
  });
  const parsed = rows.map(parseRow);
  return {
    name: "made",
    requests: parsed.map(({ request }) => request),
    labels: parsed.map(({ label }) => label),
  };
}
