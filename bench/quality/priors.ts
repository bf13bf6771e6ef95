// The prior of each service. The shipped one was made from public browsing traffic; where a set holds services of the
// same organisations, figures under it would be too good. Such a set is cross-fitted: organisations fall into two
// halves, and a service gets the prior made, by the same code, from the traffic of the other half. A family of attacks
// can be left out of what priors are made from; then none is the shipped one.

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Core } from "../../control-plane/core.ts";
import { type Prior, parsePrior } from "../../control-plane/train/prior.ts";
import { estimate, INPUT, type Sums, trafficOf } from "../prior.ts";
import { readLines } from "./set.ts";

const SHIPPED = new URL("../../control-plane/train/prior.json", import.meta.url);
/** Attacks that a prior may be made from; `k` is the family. */
const PAYLOADS = "payloads_prior.jsonl.xz";
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

export interface PriorChoice {
  /** Where traffic and payloads lie; undefined: looked for beside each set, one level up, and beside the checkout. */
  folder?: string | undefined;
  /** Family of attacks that no prior may have seen. */
  leaveOut?: string | undefined;
}

/** Remembers what it has read: one bench run needs the traffic once. */
export class PriorBook {
  readonly #core: Core;
  readonly #folder: string | undefined;
  readonly #leaveOut: string | undefined;
  readonly #shipped: Prior;
  #traffic: Map<string, Sums> | undefined;
  #folds: Prior[] | undefined;
  #whole: Prior | undefined;

  constructor(core: Core, { folder, leaveOut }: PriorChoice = {}) {
    this.#core = core;
    this.#folder = folder;
    this.#leaveOut = leaveOut;
    this.#shipped = parsePrior(readFileSync(SHIPPED, "utf8"), core.featureHash, core.limits.FEATURES);
    if (folder !== undefined && !existsSync(join(folder, INPUT)))
      throw new Error(`--prior-data: ${folder} has no ${INPUT}`);
  }

  /** `path` is the file of the set. Throws where a family is to be left out of a prior that cannot be made. */
  for(path: string, services: Iterable<string>): Priors {
    const found = this.#find(path);
    const told = this.#checkLeaveOut(found);
    const shipped = () => this.#shipped;
    if (found === undefined) return { kind: `shipped; ${INPUT} is not at hand to cross-fit`, of: shipped };
    const traffic = this.#traffic ?? trafficOf(found, this.#core).services;
    this.#traffic = traffic;
    const seen = new Set([...traffic.keys()].map(organisationOf));
    if ([...services].some((svc) => seen.has(organisationOf(svc)))) {
      const folds = this.#foldPriors(traffic);
      return { kind: `cross-fitted${told}`, of: (svc) => folds[foldOf(svc)] ?? this.#shipped };
    }
    if (this.#leaveOut === undefined) return { kind: "shipped", of: shipped };
    this.#whole ??= this.#make(traffic.values());
    const whole = this.#whole;
    return { kind: `made anew${told}`, of: () => whole };
  }

  /** What is to be said of the family that is left out. */
  #checkLeaveOut(traffic: string | undefined): string {
    const family = this.#leaveOut;
    if (family === undefined) return "";
    if (traffic === undefined) throw new Error(`--leave-out: ${family}: ${INPUT} is not at hand to make a prior`);
    const payloads = join(dirname(traffic), PAYLOADS);
    if (!existsSync(payloads)) throw new Error(`--leave-out: ${family}: ${payloads} is not there`);
    const families = new Set(readLines(payloads).map((line) => (JSON.parse(line) as { k: string }).k));
    if (!families.has(family)) throw new Error(`--leave-out: ${family}, must be of ${[...families].sort().join(", ")}`);
    return ` without ${family}, which changes nothing yet: priors are made from normal traffic only`;
  }

  #find(path: string): string | undefined {
    const here = dirname(path);
    const folders = this.#folder === undefined ? [here, dirname(here), BESIDE] : [this.#folder];
    return folders.map((folder) => join(folder, INPUT)).find((file) => existsSync(file));
  }

  /** Of each fold: made from the other one. */
  #foldPriors(traffic: ReadonlyMap<string, Sums>): Prior[] {
    this.#folds ??= [0, 1].map((fold) => {
      return this.#make([...traffic].filter(([host]) => foldOf(host) !== fold).map(([, sums]) => sums));
    });
    return this.#folds;
  }

  /**
   * From this traffic, by the code that made the shipped one. It takes no payloads; once it does, those of the family
   * that is left out must be kept from it here.
   */
  #make(traffic: Iterable<Sums>): Prior {
    const { FEATURES } = this.#core.limits;
    const content = { ...estimate(traffic, FEATURES), featureHash: this.#shipped.featureHash };
    return parsePrior(JSON.stringify(content), this.#core.featureHash, FEATURES);
  }
}
