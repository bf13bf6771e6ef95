// The reference, the SIMD build and the scalar build of the law compute the same of 100,000 seeded requests: bins,
// scores, top features, contributions, locations and routes. A disagreement is shown with its target, so that it can
// become a golden case.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { SCORE_MAX } from "../../filter/core/limits.ts";
import { fromBytes, toBytes } from "../reference/bytes.ts";
import { type Extraction, extract } from "../reference/features.ts";
import { locate } from "../reference/location.ts";
import { contributions, judge, score, topFeature } from "../reference/model.ts";
import { routeOf } from "../reference/route.ts";
import { measure } from "../reference/segments.ts";
import { splitTarget } from "../reference/target.ts";
import { Core } from "../support/core.ts";
import { modelBytes, type TestModel, testModels } from "../support/models.ts";
import { Prng } from "../support/prng.ts";
import { method, targets } from "../support/requests.ts";
import { model, modelBody } from "../support/sections.ts";

const MODELS = 20;
const TARGETS_A_MODEL = 5000;
/** One target in so many is around the caps. */
const LONG_EVERY = 200;
/** Contributions are slow in the reference: one target in so many. */
const EXPLAINED_EVERY = 4;
const SHOWN = 5;

/** How often the rarer cases came; without them the agreement would say little. */
const met = { second: 0, secondCounts: 0, scanned: 0, beyondTable: 0, highestScore: 0, laterSegment: 0 };

const BUILDS = { core: new Core("core"), "core-scalar": new Core("core-scalar") };

/** Everything computed of one target, in one order on both sides. */
type Computed = Record<string, unknown>;

function computedByReference(target: string, extraction: Extraction, body: TestModel, asked: Asked): Computed {
  const { first, second, scanned, beyondTable } = extraction;
  const computed: Computed = { first, second: second ?? null, scanned, beyondTable };
  computed.firstScore = score(body, first);
  met.second += Number(second !== undefined);
  met.scanned += Number(scanned);
  met.beyondTable += Number(beyondTable);
  met.highestScore += Number(computed.firstScore === SCORE_MAX);
  if (second !== undefined) computed.secondScore = score(body, second);
  computed.route = routeOf(asked.method, target, asked.grpc);
  const times = asked.twice && second !== undefined ? 2 : 1;
  computed.location = locate(measure(splitTarget(target), times), asked.feature);
  if (asked.explained) {
    const judged = judge(body, extraction);
    const shares = contributions(body, judged.times === 1 ? first : second!);
    const top = topFeature(shares);
    const location = locate(measure(splitTarget(target), judged.times), top.feature);
    computed.reason = { ...judged, shares: shares.map(String), ...top, ...location };
    met.secondCounts += Number(judged.times === 2);
    met.laterSegment += Number(location.index > 0);
  }
  return computed;
}

function located(core: Core, target: Uint8Array, feature: number, twice: boolean): Computed {
  const { kind, index, name } = core.locate(target, feature, twice);
  return { kind, index, name: fromBytes(name) };
}

function computedByCore(core: Core, target: Uint8Array, asked: Asked): Computed {
  const { bins: first, second, cut, beyondTable } = core.extract(target);
  const computed: Computed = { first: [...first], second: second && [...second], scanned: cut, beyondTable };
  const firstScore = core.score(first);
  computed.firstScore = firstScore;
  const secondScore = second === null ? firstScore : core.score(second);
  if (second !== null) computed.secondScore = secondScore;
  computed.route = fromBytes(core.route(toBytes(asked.method), target, asked.grpc));
  computed.location = located(core, target, asked.feature, asked.twice && second !== null);
  if (asked.explained) {
    const times = secondScore > firstScore ? 2 : 1;
    const counted = core.score(times === 1 ? first : second!);
    const top = core.topFeature();
    const shares = core.contributions().map(String);
    computed.reason = { score: counted, times, shares, ...top, ...located(core, target, top.feature, times === 2) };
  }
  return computed;
}

/** What of a target is asked besides its bins. */
interface Asked {
  method: string;
  grpc: boolean;
  feature: number;
  twice: boolean;
  explained: boolean;
}

function ask(prng: Prng, i: number): Asked {
  const twice = prng.oneIn(2);
  const explained = i % EXPLAINED_EVERY === 0;
  return { method: method(prng), grpc: prng.oneIn(10), feature: prng.below(32), twice, explained };
}

/** The first disagreements under one model, each as a line. */
function disagreements(body: TestModel, seed: number): string[] {
  for (const core of Object.values(BUILDS)) {
    assert.is(core.checkSection("model", model(modelBody(modelBytes(body)))), null);
  }
  const found: string[] = [];
  const prng = new Prng(seed);
  let i = 0;
  for (const target of targets(seed, TARGETS_A_MODEL, LONG_EVERY)) {
    const asked = ask(prng, i++);
    const expected = computedByReference(target, extract(target), body, asked);
    const bytes = toBytes(target);
    for (const [build, core] of Object.entries(BUILDS)) {
      const actual = computedByCore(core, bytes, asked);
      const wrong = Object.keys(expected).filter(
        (key) => JSON.stringify(expected[key]) !== JSON.stringify(actual[key]),
      );
      for (const key of wrong) {
        const shown = { target, asked, expected: expected[key], actual: actual[key] };
        found.push(`${build} disagrees on ${key}: ${JSON.stringify(shown)}`);
      }
    }
    if (found.length >= SHOWN) break;
  }
  return found;
}

for (const [i, body] of testModels(2026, MODELS).entries()) {
  test(`${TARGETS_A_MODEL} requests are measured, judged, explained and routed alike under model ${i}`, () => {
    assert.equal(disagreements(body, 1000 + i).slice(0, SHOWN), []);
  });
}

test("the requests drawn met every rare case often", () => {
  for (const [name, times] of Object.entries(met)) assert.ok(times >= 100, `${name}: ${times}`);
});

test.run();
