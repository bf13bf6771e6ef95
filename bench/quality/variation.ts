// Requests that are like one another but not the same, seeded. Works on texts as they stand on the wire.

import type { Prng } from "../../test/support/prng.ts";
import type { Request } from "./set.ts";

/** Headers whose values are a caller's own, beside path and query; the others say what software it runs. */
const VARIED = new Set(
  "authorization cookie if-none-match referer x-api-version x-forwarded-for x-request-id".split(" "),
);
/** A percent escape stays; a run of letters and digits is looked at. */
const RUN = /%[0-9A-Fa-f]{2}|[0-9A-Za-z]+/g;
const DIGIT = /[0-9]/;
const HEX = /^[0-9]*[a-f][0-9a-f]*$|^[0-9]*[A-F][0-9A-F]*$/;
/** From this length on a run with a digit is a key, a token or a hash, and its letters mean nothing either. */
const TOKEN_MIN = 8;
const ONE_IN = 2;
const DIGITS = Buffer.from("0123456789");
/** A number does not begin to lead with zeros. */
const FIRST_DIGITS = DIGITS.subarray(1);
const LETTERS = "abcdefghijklmnopqrstuvwxyz";
const HEX_LETTERS = "abcdef";
/** Symbols that one draw of 32 bits serves: a byte each. */
const SYMBOLS_A_DRAW = 4;

/** A place to be drawn anew: what stands there, and for each of its symbols those that may take its place. */
interface Run {
  at: number;
  text: string;
  alphabets: readonly Buffer[];
}

/** A text with runs. Written into one buffer: a million requests leave no pieces of text behind. */
class Template {
  readonly #bytes: Buffer;
  readonly #runs: readonly Run[];

  constructor(text: string) {
    this.#bytes = Buffer.from(text, "latin1");
    this.#runs = [...text.matchAll(RUN)]
      .filter(({ 0: run }) => !run.startsWith("%") && DIGIT.test(run))
      .map(({ 0: run, index }) => ({ at: index, text: run, alphabets: alphabetsOf(run) }));
  }

  next(prng: Prng): string {
    for (const { at, text, alphabets } of this.#runs) {
      if (prng.oneIn(ONE_IN)) this.#redraw(at, alphabets, prng);
      else this.#bytes.write(text, at, "latin1");
    }
    return this.#bytes.toString("latin1");
  }

  #redraw(at: number, alphabets: readonly Buffer[], prng: Prng): void {
    let bits = 0;
    for (let i = 0; i < alphabets.length; i++) {
      bits = i % SYMBOLS_A_DRAW === 0 ? prng.next() : bits >>> 8;
      const alphabet = alphabets[i] as Buffer;
      this.#bytes[at + i] = alphabet[((bits & 0xff) * alphabet.length) >> 8] as number;
    }
  }
}

function alphabetsOf(run: string): Buffer[] {
  const letters = HEX.test(run) ? HEX_LETTERS : LETTERS;
  const [lower, upper] = [Buffer.from(letters), Buffer.from(letters.toUpperCase())];
  return [...run].map((symbol, i) => {
    if (DIGIT.test(symbol)) return i === 0 && symbol !== "0" ? FIRST_DIGITS : DIGITS;
    if (run.length < TOKEN_MIN) return Buffer.from(symbol);
    return symbol === symbol.toLowerCase() ? lower : upper;
  });
}

/**
 * Requests like one, with other values. Of the runs of letters and digits that hold a digit, in path, query and some
 * headers, one in two is drawn anew: a digit becomes a digit, and in a run of 8 and more a letter becomes a letter of
 * its case, of a to f in a hexadecimal one. Lengths, words, names and structure stay.
 */
export class Variation {
  readonly #request: Request;
  readonly #target: Template;
  readonly #headers: readonly (readonly [name: string, value: string | Template])[];

  constructor(request: Request) {
    this.#request = request;
    this.#target = new Template(request.u);
    this.#headers = request.h.map(([name, value]) => [name, VARIED.has(name) ? new Template(value) : value]);
  }

  next(prng: Prng): Request {
    const h: [string, string][] = [];
    for (const [name, value] of this.#headers) h.push([name, typeof value === "string" ? value : value.next(prng)]);
    return { ...this.#request, u: this.#target.next(prng), h };
  }
}

const LENGTH_MIN = 8;
const LENGTH_MAX = 40;
const PRINTABLE = { first: 0x20, last: 0x7e };

/**
 * The same request with values that were never seen: each value of the query, or without a query the last segment of
 * the path, is 8 to 40 printable characters at random, escaped.
 */
export function unique(request: Request, prng: Prng): Request {
  const at = request.u.indexOf("?");
  if (at < 0) return { ...request, u: `${request.u.slice(0, request.u.lastIndexOf("/") + 1)}${noise(prng)}` };
  const pieces = request.u
    .slice(at + 1)
    .split("&")
    .map((piece) => `${piece.split("=", 1)[0]}=${noise(prng)}`);
  return { ...request, u: `${request.u.slice(0, at + 1)}${pieces.join("&")}` };
}

function noise(prng: Prng): string {
  const length = prng.between(LENGTH_MIN, LENGTH_MAX);
  const codes = Array.from({ length }, () => prng.between(PRINTABLE.first, PRINTABLE.last));
  return encodeURIComponent(String.fromCharCode(...codes));
}
