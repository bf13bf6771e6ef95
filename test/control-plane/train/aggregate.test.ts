// One sum from days and caller groups: weights by age, caps by group, exact.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { AGE_WEIGHTS, aggregate, learntOf, REQUEST_UNIT } from "../../../control-plane/train/aggregate.ts";
import { momentsOf, requests } from "../fixture.ts";

/** Moments of n requests with all bins at `bin`. */
const constant = (n: number, bin: number) => ({
  n,
  sums: new Array<number>(32).fill(n * bin),
  products: new Array<number>(528).fill(n * bin * bin),
});
const requestsIn = (n: bigint) => Number(n) / Number(REQUEST_UNIT);

test("the weights are those of a half-life of seven days, to the nearest 1/256", () => {
  AGE_WEIGHTS.forEach((weight, age) => {
    assert.is(weight, Math.round(256 * 2 ** (-age / 7)));
  });
  assert.is(AGE_WEIGHTS.length, 28);
});

test("age counts from the newest day that has requests, so a silence ages nothing", () => {
  const held = [
    { day: 100, moments: { 0: constant(10, 1) } },
    { day: 107, moments: { 0: constant(10, 1) } },
  ];
  assert.is(requestsIn(aggregate(held)!.n), 15);
  assert.equal(aggregate([...held, { day: 120, moments: { 0: constant(0, 0) } }]), aggregate(held));
});

test("a day older than 27 days is left out, and a request in it is still learnt", () => {
  const held = [
    { day: 1, moments: { 0: constant(10, 1) } },
    { day: 29, moments: { 0: constant(4, 1) } },
  ];
  assert.is(requestsIn(aggregate(held)!.n), 4);
  assert.is(learntOf(held), 14);
});

test("with four groups or more, none counts for more than twice the median share", () => {
  const groups = { 0: constant(10, 1), 1: constant(20, 1), 2: constant(30, 1), 3: constant(100_000, 20) };
  const { n, sums } = aggregate([{ day: 1, moments: groups }])!;
  // The lower median of 10, 20, 30, 100,000 is 20: the last counts for 40, with its own mean.
  assert.ok(Math.abs(requestsIn(n) - 100) < 0.1, `${requestsIn(n)} requests`);
  assert.ok(Math.abs(requestsIn(sums[0]!) - (60 + 40 * 20)) < 2);
});

test("with three groups there is no usual share, and all counts whole", () => {
  const groups = { 0: constant(10, 1), 1: constant(20, 1), 2: constant(1000, 1) };
  assert.is(requestsIn(aggregate([{ day: 1, moments: groups }])!.n), 1030);
});

test("sums far above 2^53 are exact", () => {
  const huge = { n: 2 ** 53 - 1, sums: new Array(32).fill(2 ** 53 - 1), products: new Array(528).fill(2 ** 53 - 3) };
  const { n, products } = aggregate([
    { day: 1, moments: { 0: huge } },
    { day: 1, moments: { 1: huge } },
  ])!;
  assert.is(n, 2n * (2n ** 53n - 1n) * REQUEST_UNIT);
  assert.is(products[0], 2n * (2n ** 53n - 3n) * REQUEST_UNIT);
});

test("requests of no group, and no days, are no sum", () => {
  assert.is(aggregate([]), undefined);
  assert.is(learntOf([{ moments: momentsOf(requests(1, 7)) }]), 7);
});

test.run();
