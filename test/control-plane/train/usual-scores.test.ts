// The file of usual scores: its folds as one, and what is refused of it.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { ControlPlaneError } from "../../../control-plane/errors.ts";
import { parseUsualScores } from "../../../control-plane/train/usual-scores.ts";

const counts = (...first: number[]) => [...first, ...new Array<number>(128 - first.length).fill(0)];
const age = (learnt: unknown, of: unknown) => ({ learnt, counts: of });
const text = (...folds: unknown[]) => JSON.stringify({ sources: [{ file: "a.jsonl" }], folds });

test("the folds are added, age by age", () => {
  const one = { ages: [age(0, counts(1, 2)), age(100, counts(0, 5))] };
  const other = { ages: [age(0, counts(0, 0, 7)), age(100, counts(9))] };
  const expected = { ages: [age(0, counts(1, 2, 7)), age(100, counts(9, 5))] };
  assert.equal(parseUsualScores(text(one, other)), expected);
  assert.equal(parseUsualScores(text(one)), one);
});

const good = { ages: [age(0, counts(1)), age(10, counts(1))] };
const refused: [string, string, string][] = [
  ["no folds", "{}", "usual.folds: none, must be at least one"],
  ["an empty list of folds", text(), "usual.folds: none, must be at least one"],
  ["a fold of no ages", text(good, {}), "usual.folds[1].ages: none, must be at least one"],
  [
    "ages that do not ascend",
    text({ ages: [age(10, counts(1)), age(10, counts(1))] }),
    "usual.folds[0].ages[1].learnt: 10, must be an integer of at least 11, ascending",
  ],
  [
    "an age that is no integer",
    text({ ages: [age(0.5, counts(1))] }),
    "usual.folds[0].ages[0].learnt: 0.5, must be an integer of at least 0, ascending",
  ],
  [
    "too few counts",
    text({ ages: [age(0, counts(1).slice(1))] }),
    "usual.folds[0].ages[0].counts: must be 128 integers of at least 0",
  ],
  [
    "a count below 0",
    text({ ages: [age(0, counts(-1, 2))] }),
    "usual.folds[0].ages[0].counts: must be 128 integers of at least 0",
  ],
  [
    "folds of other ages",
    text(good, { ages: [age(0, counts(1)), age(11, counts(1))] }),
    "usual.folds[1].ages: learnt 0,11, must be 0,10 as in the first",
  ],
  [
    "an age without any score",
    text({ ages: [age(0, counts(1)), age(5, counts(0))] }),
    "usual.ages[1].counts: all 0, must hold at least one score",
  ],
];

for (const [name, content, message] of refused) {
  test(`${name}: refused, with the field`, () => {
    assert.throws(
      () => parseUsualScores(content),
      (error: unknown) =>
        error instanceof ControlPlaneError && error.code === "FAILED_PRECONDITION" && error.message === message,
    );
  });
}

test.run();
