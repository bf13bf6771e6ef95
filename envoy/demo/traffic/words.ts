// What people type into a shop's search field: one to six words in several languages, with the accents, apostrophes,
// hyphens, units, capitals and typing errors that real ones have, in about real proportions.

import type { Random } from "../random.ts";
import { CATEGORIES, COLORS, MATERIALS, THINGS } from "../shop/stock.ts";

const LANGUAGES: Record<string, readonly string[]> = {
  german: [
    ...[
      "schuhe",
      "für",
      "kinder",
      "grün",
      "größe",
      "küche",
      "tür",
      "müll",
      "weiß",
      "süß",
      "gläser",
      "möbel",
      "öl",
      "und",
      "mit",
    ],
    ...[
      "damen",
      "herren",
      "winterjacke",
      "regenschirm",
      "geschenk",
      "wasserdicht",
      "stuhl",
      "über",
      "bettwäsche",
      "fußball",
    ],
  ],
  french: [
    ...[
      "chaussures",
      "été",
      "forêt",
      "crème",
      "brûlée",
      "noël",
      "garçon",
      "pour",
      "enfant",
      "théière",
      "à",
      "rayures",
      "lumière",
    ],
    ...["café", "étagère", "vélo", "bébé", "sac", "cadeau", "hiver"],
  ],
  spanish: [
    "zapatos",
    "niño",
    "niña",
    "baño",
    "pequeño",
    "lámpara",
    "jardín",
    "sillón",
    "cama",
    "azul",
    "años",
    "cinturón",
    "algodón",
  ],
  polish: ["buty", "dziecięce", "żółty", "kurtka", "zimowa", "łóżko", "krzesło", "książka", "rowerowy", "miś"],
  turkish: ["ayakkabı", "çocuk", "kış", "yağmurluk", "şemsiye", "güneş", "gözlük", "kırmızı"],
  greek: ["παπούτσια", "παιδικά", "κουζίνα", "βιβλίο", "λάμπα", "χειμώνας", "τσάι", "μαύρο"],
  russian: ["ботинки", "детские", "куртка", "зимняя", "чайник", "книга", "лампа", "красный", "для", "кухни"],
  chinese: ["鞋子", "儿童", "雨衣", "茶壶", "台灯", "背包", "书", "黑色", "耳机"],
  japanese: ["くつ", "こども", "カバン", "ランプ", "お茶", "自転車", "本"],
};
const ENGLISH = [
  ...[
    "for",
    "with",
    "small",
    "large",
    "waterproof",
    "kids",
    "women",
    "men",
    "winter",
    "summer",
    "cheap",
    "best",
    "gift",
    "new",
  ],
  ...[
    "running",
    "office",
    "wooden",
    "vintage",
    "folding",
    "portable",
    "rechargeable",
    "organic",
    "size",
    "set",
    "of",
    "and",
    "bedside",
  ],
];
const WITH_APOSTROPHE = ["men's", "women's", "kid's", "l'eau", "d'été", "children’s", "baby's", "valentine's"];
const HYPHENATED = [
  "t-shirt",
  "usb-c",
  "off-white",
  "wi-fi",
  "non-slip",
  "a5-notebook",
  "e-bike",
  "3-in-1",
  "x-large",
  "anti-slip",
];
const BRANDS = [
  "Nordvik",
  "Ålgård",
  "Bräuer",
  "Löwenzahn",
  "Acme",
  "Kestrel",
  "Maison Élan",
  "H2Go",
  "Teo+Ida",
  "N°7",
  "Bloomfield",
];
const UNITS = ["ml", "l", "cm", "mm", "m", "kg", "g", "W", "V", "mAh", "GB", "inch", "pcs", "x"];
const ACRONYMS = ["USB", "LED", "XXL", "DVD", "A4", "UV", "SPF 50", "4K", "BPA", "3D", "M8", "DIN A5"];

/** A search as typed, 1 to about 80 characters. */
export function searchTerm(random: Random): string {
  const count = random.weighted([
    [1, 26],
    [2, 34],
    [3, 21],
    [4, 10],
    [5, 6],
    [6, 3],
    [7, 1.5],
    [8, 1],
    [9, 1],
  ]);
  const { next, most } = wordMaker(random);
  const words = Array.from({ length: Math.min(count, most) }, next);
  if (random.chance(0.12)) words.push(measure(random));
  if (random.chance(0.05)) words.splice(random.integer(0, words.length), 0, random.pick(HYPHENATED));
  if (random.chance(0.04)) words.splice(0, 1, random.pick(WITH_APOSTROPHE));
  if (random.chance(0.06)) words.unshift(random.pick(BRANDS));
  if (random.chance(0.07)) words.splice(random.integer(0, words.length), 0, random.pick(ACRONYMS));
  return asTyped(random, words.join(" "));
}

/** The beginning of a search, as a suggestion list asks for while somebody types. */
export function typedSoFar(random: Random): string {
  const letters = [...searchTerm(random)];
  const typed = letters.slice(0, random.integer(2, Math.max(2, Math.min(14, letters.length)))).join("");
  const asked = typed.replace(/[^\p{L}\p{N}]+$/u, ""); // it asks after letters only
  return [...asked].length >= 2 ? asked : random.pick(THINGS);
}

/** Who types in another script types less into a shop of Latin names. */
const OTHER_SCRIPT_WORDS_MAX = 3;
const OTHER_SCRIPTS = new Set(["greek", "russian", "chinese", "japanese"]);

/** One search is in one language, but for a foreign word now and then; `most` words of it at most. */
function wordMaker(random: Random): { next: () => string; most: number } {
  const language = random.weighted<string>([
    ["english", 66],
    ["german", 12],
    ["french", 6],
    ["spanish", 5],
    ["polish", 2],
    ["turkish", 2],
    ["greek", 2],
    ["russian", 2.5],
    ["chinese", 1.5],
    ["japanese", 1],
  ]);
  const words = LANGUAGES[language];
  const next = () => {
    if (words && !random.chance(0.08)) return random.pick(words);
    return random.weighted([
      [random.pick(THINGS), 50],
      [random.pick(COLORS), 14],
      [random.pick(MATERIALS), 12],
      [random.pick(ENGLISH), 20],
      [random.pick(CATEGORIES), 4],
    ]);
  };
  return { next, most: OTHER_SCRIPTS.has(language) ? OTHER_SCRIPT_WORDS_MAX : Number.POSITIVE_INFINITY };
}

function measure(random: Random): string {
  const number = random.chance(0.2)
    ? `${random.integer(0, 9)}.${random.integer(1, 9)}`
    : String(random.integer(1, 500));
  return random.chance(0.3) ? number : `${number}${random.chance(0.25) ? " " : ""}${random.pick(UNITS)}`;
}

function asTyped(random: Random, text: string): string {
  if (random.chance(0.12)) return text.charAt(0).toUpperCase() + text.slice(1);
  if (random.chance(0.04)) return `${text} `;
  if (random.chance(0.04)) {
    const at = random.integer(1, text.length - 1);
    return /\p{L}/u.test(text.charAt(at)) ? text.slice(0, at) + text.slice(at + 1) : text; // a letter missed
  }
  return text;
}

/** A day of the last two years, `2026-03-09`. */
export function isoDate(random: Random): string {
  return isoTime(random).slice(0, 10);
}

/** `2026-03-09T07:41:00Z`. */
export function isoTime(random: Random): string {
  const start = Date.UTC(2024, 10, 1) / 1000;
  const seconds = start + random.integer(0, 730 * 24 * 60) * 60;
  return new Date(seconds * 1000).toISOString().replace(".000", "");
}
