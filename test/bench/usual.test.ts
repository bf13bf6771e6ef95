// How usual scores are made: which rows of public traffic count, by which models they are scored, how much each service
// counts, and what is kept of it. And the ones that ship: they are what they say they are.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { PARTS, PriorBook, partOf } from "../../bench/quality/priors.ts";
import { servicesOf } from "../../bench/quality/run.ts";
import { readUsual, USUAL } from "../../bench/usual/file.ts";
import { pooled, usualScoresOf } from "../../bench/usual/scores.ts";
import { usualSet } from "../../bench/usual/traffic.ts";
import { loadCore } from "../../control-plane/core.ts";
import { guardSet } from "./guard-set.ts";

const core = loadCore();
const { shipped } = new PriorBook(core);
const sumOf = (counts: readonly number[]) => counts.reduce((sum, count) => sum + count, 0);

interface TrafficRow {
  s: string;
  m: string;
  u: string;
  h: Record<string, string>;
}

const row = (host: string, u: string): TrafficRow => ({ s: "tape", m: "GET", u, h: { Host: host, Accept: "*/*" } });
const lines = (rows: readonly object[]) => rows.map((one) => JSON.stringify(one));
const HOSTS = ["a.example.org", "b.example.net"];

const SET = guardSet(7, 200);

/** Ordinary requests of three services, as traffic of hosts. */
function traffic(): string[] {
  const hosts = { shop: HOSTS[0]!, files: HOSTS[1]!, users: "c.example.net" };
  return lines(
    SET.requests
      .filter((_, row) => !SET.labels[row]!.attack)
      .map(({ svc, m, u, h }) => {
        const host = hosts[svc as keyof typeof hosts];
        return { s: "tape", m, u, h: { ...Object.fromEntries(h), host } };
      }),
  );
}

test("a service is a host with twenty rows, and learns from the first 60 % of them", () => {
  const own = Array.from({ length: 20 }, (_, i) => row("Shop.Example", `/${i}`));
  const set = usualSet(lines([row("few", "/x"), ...own, ...Array.from({ length: 19 }, () => row("few.example", "/"))]));
  assert.equal(servicesOf(set), ["shop.example"]);
  assert.equal(
    set.labels.map(({ phase, attack }) => [phase, attack]),
    own.map((_, i) => [i < 12 ? "learn" : "test", false]),
  );
  const { src, u, h } = set.requests[19]!;
  assert.equal(
    [src, u, h],
    [
      "tape",
      "/19",
      [
        ["host", "Shop.Example"],
        ["accept", "*/*"],
      ],
    ],
  );
});

test("no service counts for more than its share, and a thin tail is not rounded away", () => {
  assert.equal(pooled([], 5, 4), [0, 0, 0, 0]);
  const plain = [10, 0, 0, 0];
  assert.equal(pooled([plain, plain, [0, 40, 0, 0]], 20, 4), [20, 20, 0, 0]);
  // Two fifths of a row are left in each bucket of the tail.
  assert.equal(pooled([plain, [2000 - 120, 40, 40, 40]], 20, 4), [29, 0, 1, 0]);
});

test("scores are told by how much was learnt, and by part of the organisations", async () => {
  const set = usualSet(traffic());
  const { hosts, folds } = await usualScoresOf(set, core, { kind: "shipped", of: () => shipped });
  const services = servicesOf(set);
  assert.is(services.length, 3);
  const parts = Array.from({ length: PARTS }, (_, part) => part);
  assert.equal(
    hosts,
    parts.map((part) => services.filter((host) => partOf(host) === part).length),
  );
  for (const part of parts) {
    const rows = set.labels.filter(({ phase }, i) => phase === "test" && partOf(set.requests[i]!.svc) === part).length;
    const { ages } = folds[part]!;
    for (const { counts } of ages) assert.is(counts.length, core.limits.SCORE_BUCKETS);
    const totals = ages.map(({ counts }) => sumOf(counts));
    assert.equal(totals.slice(0, 3), [rows, rows, rows]);
    // The protocol's first models have learnt from fewer than a hundred.
    assert.ok(totals[3]! <= rows && 2 * totals[3]! >= rows, `${totals[3]} of ${rows}`);
    const told = ages.map(({ learnt }) => learnt);
    assert.equal(told.slice(0, 3), [0, 10, 100]);
    assert.ok(told[3]! > 120 && told[3]! < 200, `the protocol's models learnt ${told[3]} of 200 rows`);
  }
});

test("each part is left out by itself, and a file that is not there is said to be made", () => {
  const folder = mkdtempSync(join(tmpdir(), "vedette-usual-"));
  try {
    const file = pathToFileURL(join(folder, "usual.json"));
    assert.throws(() => readUsual(file), /usual\.json is not there; make it: .*bench\/usual\.ts --data DIR/);
    const counts = (bucket: number) => Array.from({ length: core.limits.SCORE_BUCKETS }, (_, i) => +(i === bucket));
    const fold = (bucket: number) => ({ ages: [{ learnt: 0, counts: counts(bucket) }] });
    writeFileSync(file, JSON.stringify({ hosts: [1, 1, 1], folds: [fold(3), fold(9), fold(20)] }));
    const { all, without } = readUsual(file);
    const buckets = (ages: (typeof all)["ages"]) => ages[0]!.counts.flatMap((count, i) => (count > 0 ? [i] : []));
    assert.equal(
      [all, ...without].map(({ ages }) => buckets(ages)),
      [
        [3, 9, 20],
        [9, 20],
        [3, 20],
        [3, 9],
      ],
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("the shipped ones are of many hosts, by parts, and models that learnt more find less that is odd", () => {
  const { all, without } = readUsual(USUAL);
  assert.is(without.length, PARTS);
  for (const { ages } of [all, ...without]) {
    const told = ages.map(({ learnt }) => learnt);
    assert.equal(told.slice(0, 3), [0, 10, 100]);
    assert.is(told.length, 4);
    for (const { counts } of ages) assert.ok(sumOf(counts) > 2000, `${sumOf(counts)} scores`);
    const medians = ages.map(({ counts }) => {
      let below = 0;
      return counts.findIndex((count) => {
        below += count;
        return 2 * below >= sumOf(counts);
      });
    });
    const [none = 0, few = 0, some = 0, many = 0] = medians;
    assert.ok(Math.max(some, many) < Math.min(none, few), `medians by age: ${medians}`);
  }
});

test.run();
