// The prior, the attack table and the usual scores of each service. The shipped ones were made from public browsing
// traffic; where a set holds services of the same organisations, figures under them would be too good. Such a set is
// cross-fitted: organisations fall into two halves, and a service gets the prior and the table that are made, by the
// same code, from the traffic of the other half. Usual scores need many services: of these only an eighth is left out,
// in which the service's organisation is. A family of attacks can be left out of what tables are learnt from; then none
// is the shipped one.

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Core } from "../../control-plane/core.ts";
import type { AttackTable } from "../../control-plane/domain.ts";
import { type Prior, parsePrior } from "../../control-plane/train/prior.ts";
import type { UsualScores } from "../../control-plane/train/usual-scores.ts";
import { PAYLOADS, payloadsOf } from "../attack/payloads.ts";
import { learnTable, readTable } from "../attack/table.ts";
import { textsByHost } from "../attack/traffic.ts";
import { estimate, INPUT, type Sums, trafficOf } from "../prior.ts";
import { readUsual, type UsualParts } from "../usual/file.ts";
import { readLines } from "./set.ts";

const SHIPPED = new URL("../../control-plane/train/prior.json", import.meta.url);
/** Where data sets lie beside a checkout, as in test/support/attacks.ts. */
const BESIDE = fileURLToPath(new URL("../../../shared/datasets", import.meta.url));
const GOOGLE = /google|gvt\d|gstatic|youtube|ytimg|doubleclick|ggpht/;

/** What a service starts from. */
export interface Start {
  readonly prior: Prior;
  readonly attack: AttackTable;
  readonly usual: UsualScores;
}

export interface Priors {
  /** `shipped`, `cross-fitted`, or why the shipped one had to do. */
  kind: string;
  /** The same object for services that start from the same. */
  of: (svc: string) => Start;
}

/** Hosts of one owner: all of Google's together, else the last two labels. */
export function organisationOf(host: string): string {
  const name = host.toLowerCase().split(":", 1)[0] ?? "";
  return GOOGLE.test(name) ? "google" : name.split(".").slice(-2).join(".");
}

/** Parts that organisations fall into, and the halves that these make up. */
export const PARTS = 8;
const FOLDS = 2;

/** 0 to 7: the same for all hosts of an organisation. */
export function partOf(host: string): number {
  return [...organisationOf(host)].reduce((sum, char) => sum + (char.codePointAt(0) ?? 0), 0) % PARTS;
}

/** The half of a part, 0 or 1. */
export function foldOf(host: string): number {
  return partOf(host) % FOLDS;
}

export interface PriorChoice {
  /** Where traffic and payloads lie; undefined: looked for beside each set, one level up, and beside the checkout. */
  folder?: string | undefined;
  /** Family of attacks that no table may have seen. */
  leaveOut?: string | undefined;
  /** For all services, while the usual ones are made; undefined: as they are shipped. */
  usual?: UsualScores | undefined;
}

/** Remembers what it has read and made: one bench run needs it once. */
export class PriorBook {
  /** As they come with the control plane. */
  readonly shipped: Start;
  readonly #core: Core;
  readonly #folder: string | undefined;
  readonly #leaveOut: string | undefined;
  readonly #usual: UsualParts;
  #sums: Map<string, Sums> | undefined;
  #texts: Map<string, Set<string>> | undefined;
  #parts: Start[] | undefined;
  #whole: Start | undefined;

  constructor(core: Core, { folder, leaveOut, usual }: PriorChoice = {}) {
    this.#core = core;
    this.#folder = folder;
    this.#leaveOut = leaveOut;
    this.#usual = usual === undefined ? readUsual() : { all: usual, without: [] };
    const prior = parsePrior(readFileSync(SHIPPED, "utf8"), core.featureHash, core.limits.FEATURES);
    this.shipped = { prior, attack: readTable(), usual: this.#usual.all };
    if (folder !== undefined && !existsSync(join(folder, INPUT)))
      throw new Error(`--prior-data: ${folder} has no ${INPUT}`);
  }

  /** `path` is the file of the set. Throws where something is to be made anew and its sources are not there. */
  for(path: string, services: Iterable<string>): Priors {
    const found = this.#find(path);
    const told = this.#checkLeaveOut(found);
    const shipped = () => this.shipped;
    if (found === undefined) return { kind: `shipped; ${INPUT} is not at hand to cross-fit`, of: shipped };
    this.#sums ??= trafficOf(found, this.#core).services;
    const seen = new Set([...this.#sums.keys()].map(organisationOf));
    if ([...services].some((svc) => seen.has(organisationOf(svc)))) {
      this.#parts ??= this.#crossFit(found);
      const parts = this.#parts;
      return { kind: `cross-fitted${told}`, of: (svc) => parts[partOf(svc)] ?? this.shipped };
    }
    if (this.#leaveOut === undefined) return { kind: "shipped", of: shipped };
    this.#whole ??= this.#make(found, () => true);
    const whole = this.#whole;
    return { kind: `made anew${told}`, of: () => whole };
  }

  /** What is to be said of the family that is left out. */
  #checkLeaveOut(traffic: string | undefined): string {
    const family = this.#leaveOut;
    if (family === undefined) return "";
    if (traffic === undefined) throw new Error(`--leave-out: ${family}: ${INPUT} is not at hand to make a table`);
    const families = [...payloadsOf(this.#payloadLines(traffic)).keys()].sort();
    if (!families.includes(family)) throw new Error(`--leave-out: ${family}, must be of ${families.join(", ")}`);
    return ` without ${family}`;
  }

  #find(path: string): string | undefined {
    const here = dirname(path);
    const folders = this.#folder === undefined ? [here, dirname(here), BESIDE] : [this.#folder];
    return folders.map((folder) => join(folder, INPUT)).find((file) => existsSync(file));
  }

  /** By part: prior and table of the other half, and the usual scores of all other parts. */
  #crossFit(traffic: string): Start[] {
    const halves = Array.from({ length: FOLDS }, (_, fold) => this.#make(traffic, (host) => foldOf(host) !== fold));
    return Array.from({ length: PARTS }, (_, part) => ({
      ...(halves[part % FOLDS] ?? this.shipped),
      usual: this.#usual.without[part] ?? this.#usual.all,
    }));
  }

  /** From the traffic of these hosts, by the code that made what is shipped. */
  #make(traffic: string, takes: (host: string) => boolean): Start {
    const { FEATURES } = this.#core.limits;
    this.#sums ??= trafficOf(traffic, this.#core).services;
    this.#texts ??= textsByHost(readLines(traffic));
    const of = <T>(hosts: ReadonlyMap<string, T>) => [...hosts].filter(([host]) => takes(host)).map(([, what]) => what);
    const content = { ...estimate(of(this.#sums), FEATURES), featureHash: this.shipped.prior.featureHash };
    const texts = new Set(of(this.#texts).flatMap((own) => [...own]));
    return {
      prior: parsePrior(JSON.stringify(content), this.#core.featureHash, FEATURES),
      attack: learnTable(texts, payloadsOf(this.#payloadLines(traffic), this.#leaveOut)).table,
      usual: this.#usual.all,
    };
  }

  /** They lie beside the traffic. */
  #payloadLines(traffic: string): string[] {
    const path = join(dirname(traffic), PAYLOADS);
    if (!existsSync(path)) {
      const why = this.#leaveOut === undefined ? "--prior-data" : `--leave-out: ${this.#leaveOut}`;
      throw new Error(`${why}: ${path} is not there`);
    }
    return readLines(path);
  }
}
