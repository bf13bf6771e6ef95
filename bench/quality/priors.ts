// The prior of each service. The shipped one was made from public browsing traffic; where a set holds services of the
// same organisations, figures under it would be too good. Such a set is cross-fitted: organisations fall into two
// halves, and a service gets the prior made, by the same code, from the traffic of the other half.

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Core } from "../../control-plane/core.ts";
import { type Prior, parsePrior } from "../../control-plane/train/prior.ts";
import { estimate, INPUT, type Sums, trafficOf } from "../prior.ts";

const SHIPPED = new URL("../../control-plane/train/prior.json", import.meta.url);
/** Where data sets lie beside a checkout, as in test/support/attacks.ts. */
const BESIDE = fileURLToPath(new URL("../../../shared/datasets", import.meta.url));
const GOOGLE = /google|gvt\d|gstatic|youtube|ytimg|doubleclick|ggpht/;

export interface Priors {
  /** `shipped`, `cross-fitted`, or why the shipped one had to do. */
  kind: string;
  of: (svc: string) => Prior;
}

/** Hosts of one owner: all of Google's together, else the last two labels. */
export function organisationOf(host: string): string {
  const name = host.toLowerCase().split(":", 1)[0] ?? "";
  return GOOGLE.test(name) ? "google" : name.split(".").slice(-2).join(".");
}

/** 0 or 1: the same for all hosts of an organisation. */
export function foldOf(host: string): number {
  return [...organisationOf(host)].reduce((sum, char) => sum + (char.codePointAt(0) ?? 0), 0) % 2;
}

/** Remembers what it has read: one bench run needs the traffic once. */
export class PriorBook {
  readonly #core: Core;
  readonly #folder: string | undefined;
  readonly #shipped: Prior;
  #traffic: Map<string, Sums> | undefined;
  #folds: Prior[] | undefined;

  /** `folder` holds the traffic; undefined: looked for beside each set, one level up, and beside the checkout. */
  constructor(core: Core, folder: string | undefined) {
    this.#core = core;
    this.#folder = folder;
    this.#shipped = parsePrior(readFileSync(SHIPPED, "utf8"), core.featureHash, core.limits.FEATURES);
    if (folder !== undefined && !existsSync(join(folder, INPUT)))
      throw new Error(`--prior-data: ${folder} has no ${INPUT}`);
  }

  /** `path` is the file of the set. */
  for(path: string, services: Iterable<string>): Priors {
    const shipped = () => this.#shipped;
    const found = this.#find(path);
    if (found === undefined) return { kind: `shipped; ${INPUT} is not at hand to cross-fit`, of: shipped };
    this.#traffic ??= trafficOf(found, this.#core).services;
    const seen = new Set([...this.#traffic.keys()].map(organisationOf));
    if (![...services].some((svc) => seen.has(organisationOf(svc)))) return { kind: "shipped", of: shipped };
    const folds = this.#foldPriors(this.#traffic);
    return { kind: "cross-fitted", of: (svc) => folds[foldOf(svc)] ?? this.#shipped };
  }

  #find(path: string): string | undefined {
    const here = dirname(path);
    const folders = this.#folder === undefined ? [here, dirname(here), BESIDE] : [this.#folder];
    return folders.map((folder) => join(folder, INPUT)).find((file) => existsSync(file));
  }

  /** Of each fold: made from the other one. */
  #foldPriors(traffic: ReadonlyMap<string, Sums>): Prior[] {
    this.#folds ??= [0, 1].map((fold) => {
      const others = [...traffic].filter(([host]) => foldOf(host) !== fold).map(([, sums]) => sums);
      const { FEATURES } = this.#core.limits;
      const content = { ...estimate(others, FEATURES), featureHash: this.#shipped.featureHash };
      return parsePrior(JSON.stringify(content), this.#core.featureHash, FEATURES);
    });
    return this.#folds;
  }
}
