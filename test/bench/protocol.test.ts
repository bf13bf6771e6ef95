// The protocol of the quality bench: what is learnt from when, what is scored by which model, who gets which prior, and
// what the command line refuses.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { between } from "../../bench/origin.ts";
import { HEADS } from "../../bench/quality/heads.ts";
import { locationOf } from "../../bench/quality/location.ts";
import { allAttacks } from "../../bench/quality/online.ts";
import { parseOptions } from "../../bench/quality/options.ts";
import { foldOf, organisationOf } from "../../bench/quality/priors.ts";
import { curveSchedule, dailySchedule, protocolSchedule } from "../../bench/quality/schedule.ts";
import { parseRow, type QualitySet } from "../../bench/quality/set.ts";
import { madeSet } from "./made-set.ts";

/** Of 100 normal rows of one service, 60 to learn; after each normal row of the test phase an attack. */
function plainSet(): QualitySet {
  const rows = Array.from({ length: 100 }, (_, i) => {
    const row = { svc: "s", src: "c", m: "GET", u: `/${i}`, h: [], bl: 0, y: 0, k: "norm", at: "" };
    if (i < 60) return [{ ...row, ph: "learn" }];
    return [
      { ...row, ph: "test" },
      { ...row, y: 1, k: "x", at: "path:1", ph: "test" },
    ];
  });
  const parsed = rows.flat().map((row) => parseRow(JSON.stringify(row)));
  return {
    name: "plain",
    requests: parsed.map(({ request }) => request),
    labels: parsed.map(({ label }) => label),
  };
}

test("a trainer looks after 6, 18, 45 and 60 % of the normal rows, and after every further 5 %", () => {
  const stages = protocolSchedule(plainSet()).get("s")!;
  assert.equal(
    stages.map(({ learn }) => learn.length),
    [6, 12, 27, 15, 5, 5, 5, 5, 5, 5, 5, 5],
  );
  assert.equal(
    stages.map(({ score }) => score.length),
    // An attack that comes after the last normal row of a step is scored by the next model.
    [0, 0, 0, 0, 9, 10, 10, 10, 10, 10, 10, 11],
  );
});

test("attacks are scored and not learnt from; online all rows are", () => {
  const set = plainSet();
  const learnt = (online: boolean) =>
    protocolSchedule(set, online ? allAttacks(set) : new Set())
      .get("s")!
      .flatMap(({ learn }) => learn);
  assert.is(
    learnt(false).some((row) => set.labels[row]!.attack),
    false,
  );
  assert.equal(learnt(true), [...set.labels.keys()]);
});

test("fourteen days: six of the learn phase, and one for each step of the test phase", () => {
  const stages = dailySchedule(plainSet(), 14).get("s")!;
  assert.equal(
    stages.map(({ learn }) => learn.length),
    [10, 10, 10, 10, 10, 10, 5, 5, 5, 5, 5, 5, 5, 5],
  );
  assert.equal(stages.flatMap(({ score }) => score).length, 80);
});

test("services with unlike numbers of rows go through the same number of stages", () => {
  const set = madeSet(1);
  const lengths = [...protocolSchedule(set).values()].map((stages) => stages.length);
  assert.equal(new Set(lengths).size, 1);
});

test("the learning curve leaves out services with too short a learn phase", () => {
  const set = plainSet();
  assert.is(curveSchedule(set, 51, 10).size, 0);
  const stages = curveSchedule(set, 50, 10).get("s")!;
  assert.equal(
    stages.map(({ learn, score }) => [learn.length, score.length]),
    [
      [50, 0],
      [10, 0],
      [0, 80],
    ],
  );
});

test("at 0 learnt requests the whole test phase is scored before anything is learnt", () => {
  const stages = curveSchedule(plainSet(), 0, 0).get("s")!;
  assert.is(stages.flatMap(({ learn }) => learn).length, 0);
  assert.is(stages.flatMap(({ score }) => score).length, 80);
});

test("what the filter's side gets of a row holds no label", () => {
  const row =
    '{"svc":"s","src":"c","m":"GET","u":"/","h":[["host","s"]],"bl":0,"y":1,"k":"x","at":"path:1","ph":"test"}';
  assert.equal(Object.keys(parseRow(row).request).sort(), ["b", "bl", "h", "m", "src", "svc", "u"]);
  assert.throws(() => parseRow(row.replace('"y":1', '"y":2')), /y: 2, must be 0 or 1/);
});

test("a place as the filter tells it takes the form of the sets", () => {
  assert.is(locationOf("path:0", "/a/b?c=1"), "path:1");
  assert.is(locationOf("query:c", "/a/b?c=1"), "query:c");
  assert.is(locationOf("query:1", "/?a=1&&%24select=2"), "query:%24select");
  assert.is(locationOf("query:q", "/?%71=1"), "query:%71");
  assert.is(locationOf("header:cookie", "/?cookie=1"), "header:cookie");
  assert.is(locationOf("", "/"), "");
});

test("hosts of one organisation are in one fold", () => {
  assert.is(organisationOf("www.gstatic.com"), organisationOf("clients4.google.com:443"));
  assert.is(organisationOf("a.example.org"), organisationOf("b.c.example.org"));
  assert.is(foldOf("fonts.gstatic.com"), foldOf("www.youtube.com"));
  const folds = ["example.org", "example.net", "example.com", "example.io"].map(foldOf);
  assert.equal(new Set(folds), new Set([0, 1]));
});

test("an option that is not known, and a head that is not there, are named", () => {
  assert.throws(() => parseOptions(["--data", "x", "--poisson"]), /--poisson/);
  assert.throws(
    () => parseOptions(["--data", "x", "--head", "nose"]),
    /--head: nose, must be content or attack or structure/,
  );
  assert.throws(() => parseOptions(["--data", "x", "--without", "nose"]), /--without: nose, must be content/);
  assert.throws(() => parseOptions(["--data", "x", "--head", "attack", "--without", "content"]), /--without: .*--head/);
  assert.throws(() => parseOptions([]), /--data: missing/);
  assert.equal(parseOptions(["--data", "a", "b", "--json"]).data, ["a", "b"]);
  for (const head of HEADS) {
    assert.is(parseOptions(["--data", "x", "--head", head]).head, head);
    assert.is(parseOptions(["--data", "x", "--without", head]).without, head);
  }
});

test("the number of --scale may be left out, and is bounded", () => {
  const scale = (...args: string[]) => parseOptions(["--data", "x", ...args]).scale;
  assert.equal(
    [scale(), scale("--scale"), scale("--scale", "--json"), scale("--scale", "5000"), scale("--scale", "1e5")],
    [undefined, 1_000_000, 1_000_000, 5000, 100_000],
  );
  assert.throws(() => scale("--scale", "10"), /--scale: 10, must be 1000 to 100000000/);
  assert.throws(() => scale("--scale=many"), /--scale: many/);
});

test("options are told as typed, without paths", () => {
  const typed = (...args: string[]) => parseOptions(["--data", "x", ...args]).typed.sort();
  assert.equal(typed("--scale", "--record", "--prior-data", "p"), ["--record", "--scale 1000000"]);
  assert.equal(typed("--leave-out", "sqli", "--online"), ["--leave-out sqli", "--online"]);
});

test("tables replace what stands between the markers and nothing else", () => {
  const [begin, end] = ["<!-- quality: written by bench/quality.ts -->", "<!-- /quality -->"];
  assert.is(between("quality", `a\n${begin}\nold\n${end}\nb`, "new"), `a\n${begin}\n\nnew\n\n${end}\nb`);
  assert.throws(() => between("quality", "a", "new"), /no <!-- quality/);
});

test.run();
