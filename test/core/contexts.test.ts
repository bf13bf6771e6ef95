// Attack and structure excess and the whole score: both builds agree with the reference under seeded bodies, each told
// reason is met, and a body without kinds is silent.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { NO_SCORE, SCORE_MAX } from "../../filter/core/limits.ts";
import { toBytes } from "../reference/bytes.ts";
import { agrees, type Body, distancePart, excessesOf, wholeScore } from "../reference/contexts.ts";
import { extract } from "../reference/features.ts";
import { type Header, segmentsOf } from "../reference/request-segments.ts";
import { routeKey, routeOf } from "../reference/route.ts";
import { splitTarget } from "../reference/target.ts";
import { Core } from "../support/core.ts";
import { measureByCore } from "../support/core-wholes.ts";
import { bodyWithHeads, headers, testContexts, testTable } from "../support/heads.ts";
import { testModels } from "../support/models.ts";
import { Prng } from "../support/prng.ts";
import { targets } from "../support/requests.ts";
import { attackTable, model, modelBody } from "../support/sections.ts";

const BUILDS = [new Core("core"), new Core("core-scalar")];
const KEY = Uint8Array.from({ length: 16 }, (_, i) => 7 * i);
const TABLE = testTable(new Prng(34));
const SECTION_TABLE = attackTable(TABLE.weights, TABLE.bias);

const prng = new Prng(8);
const REQUESTS = [...targets(18, 150, 50)].map((target) => ({ target, list: headers(prng) }));
const SEGMENTS = REQUESTS.map(({ target, list }) => segmentsOf(splitTarget(target), list));

const ROUTE_KEYS = REQUESTS.map(({ target }) => routeKey(KEY, routeOf("GET", target, false)));
const bodyOf = (of: Body) => bodyWithHeads(of, SECTION_TABLE.tableId);

function measure(core: Core, target: string, list: readonly Header[], key = 0n): void {
  const sent = list.map(([name, value]) => [toBytes(name), toBytes(value)] as const);
  measureByCore(core, { target: toBytes(target), headers: sent, routeKey: key }, KEY);
}

const [first, second] = testModels(71, 2).map((body, i): Body => {
  const contexts = testContexts(
    prng,
    SEGMENTS.flatMap(({ list }) => list),
    KEY,
    ROUTE_KEYS,
  );
  // The first body is surprised most by routes, the second one by names.
  const surprises = i === 0 ? [60, 70, 80, 200] : [150, 160, 170, 90];
  const kinds = contexts.kinds.map((kind, of) => ({ ...kind, nameSurprise: surprises[of]! }));
  return { ...body, scale: body.scale.map((scale) => scale % 64), ...contexts, kinds, structureBase: 30 * i };
}) as [Body, Body];
const BODIES = [
  ["CURRENT", first],
  ["CANDIDATE", second],
] as const;

for (const core of BUILDS) {
  assert.is(core.checkSection("model", model(bodyOf(first), bodyOf(second), SECTION_TABLE)), null);
}

test("excesses, their segments and the whole score are those of the reference, under both bodies in turn", () => {
  const met = new Set<number>();
  REQUESTS.forEach(({ target, list }, i) => {
    const segments = SEGMENTS[i]!;
    const key = ROUTE_KEYS[i]!;
    const request = { target: splitTarget(target), extraction: extract(target), segments, routeKey: key };
    for (const core of BUILDS) {
      measure(core, target, list, key);
      for (const [name, body] of BODIES) {
        const at = core.constant(name);
        const whole = wholeScore(body, TABLE, request, KEY);
        const { attack, structure } = excessesOf(body, TABLE, segments.list, KEY, key);
        const shown = JSON.stringify({ target, list, name });
        assert.is(core.number("attackExcess", at), attack.excess, shown);
        assert.is(core.number("structureExcess", at), structure.excess, shown);
        if (attack.excess > 0) assert.is(segments.list[core.number("attackAt")], attack.segment, shown);
        else assert.is(core.call("attackAt"), -1);
        if (structure.excess > 0) {
          if (structure.feature === 36) assert.is(core.call("structureAt"), -1, shown);
          else assert.is(segments.list[core.number("structureAt")], structure.segment, shown);
          assert.is(core.number("structureFeature"), structure.feature, shown);
          met.add(structure.feature);
        } else assert.is(core.call("structureAt"), -1);
        assert.is(core.number("requestDistance", at), whole.distance, shown);
        assert.is(core.number("scoreRequest", at), whole.score, shown);
      }
    }
  });
  assert.equal([...met].sort(), [33, 34, 35, 36]);
});

test("what was found for one model is forgotten with it, and a body without kinds is silent", () => {
  const { target, list } = REQUESTS[0]!;
  for (const core of BUILDS) {
    measure(core, target, list);
    core.number("attackExcess", core.constant("CURRENT"));
    const silent = modelBody({ attackId: SECTION_TABLE.tableId });
    assert.is(core.checkSection("model", model(silent, undefined, SECTION_TABLE)), null);
    measure(core, target, list);
    const current = core.constant("CURRENT");
    assert.is(core.number("attackExcess", current), 0);
    assert.is(core.number("structureExcess", current), 0);
    assert.is(core.number("scoreRequest", current), distancePart(core.number("requestDistance", current)));
    assert.is(core.number("scoreRequest", core.constant("CANDIDATE")), NO_SCORE);
  }
});

test("the whole score is clipped, and without a distance there is none", () => {
  for (const core of BUILDS) {
    assert.is(core.number("wholeScore", 100, 3, 2), 20 + 3 * 128 + 2 * 128);
    assert.is(core.number("wholeScore", SCORE_MAX, 2047, 255), SCORE_MAX);
    assert.is(core.number("wholeScore", NO_SCORE | 0, 1, 1), NO_SCORE);
  }
});

test("of a distance the first 32 count a fifth, the rest whole", () => {
  const parts = [
    [0, 0],
    [1, 1],
    [4, 1],
    [5, 1],
    [6, 2],
    [8191, 1639],
    [8192, 1639],
    [8193, 1640],
    [SCORE_MAX, SCORE_MAX - 6553],
  ] as const;
  for (const [distance, part] of parts) {
    assert.is(distancePart(distance), part);
    for (const core of BUILDS) assert.is(core.number("distancePart", distance), part);
  }
});

/** X, its segment and its sign of a request of one path segment under a body of these heads. */
function structureOf(core: Core, heads: Partial<Body>, key: bigint): [number, number, number] {
  const kinds = [0, 0, 0, 50].map((nameSurprise) => ({ base: 32767, nameSurprise }));
  const body = { ...first, contexts: [], kinds, routes: [7n, 2n ** 63n], structureBase: 10, ...heads };
  assert.is(core.checkSection("model", model(bodyOf(body), undefined, SECTION_TABLE)), null);
  measure(core, "/a", [], key);
  const excess = core.number("structureExcess", core.constant("CURRENT"));
  return [excess, Number(core.call("structureAt")), core.number("structureFeature")];
}

test("a route is a surprise where it has a key, there are routes and it is not among them", () => {
  const named = (nameSurprise: number) => [nameSurprise, 0, 0, 50].map((of) => ({ base: 0, nameSurprise: of }));
  for (const core of BUILDS) {
    for (const key of [1n, 6n, 8n, 2n ** 63n - 1n, 2n ** 63n + 1n, 2n ** 64n - 1n]) {
      assert.equal(structureOf(core, {}, key), [40, -1, 36], String(key));
    }
    for (const key of [0n, 7n, 2n ** 63n]) assert.equal(structureOf(core, {}, key), [0, -1, 0], String(key));
    assert.equal(structureOf(core, { routes: [] }, 8n), [0, -1, 0]);
    assert.equal(structureOf(core, { structureBase: 50 }, 8n), [0, -1, 0]);
    // The route comes last: it is told only where it surprises more than every segment does.
    assert.equal(structureOf(core, { kinds: named(49) }, 8n), [40, -1, 36]);
    assert.equal(structureOf(core, { kinds: named(50) }, 8n), [40, 0, 33]);
    assert.equal(structureOf(core, { kinds: named(51) }, 8n), [41, 0, 33]);
  }
});

test("the reason of a new route is the path as a whole", () => {
  for (const core of BUILDS) {
    // A name was located before: nothing of it may stay.
    measure(core, "/a/b?name=1", [["cookie", "a"]], 8n);
    core.call("locateSegment", 3, 0);
    core.call("locatePath");
    const found = ["locatedKind", "locatedIndex", "locatedNameLength"].map((name) => core.number(name));
    assert.equal(found, [1, 0, 0]);
  }
});

test("a second head agrees: attack, or structure beside half the threshold", () => {
  for (const core of BUILDS)
    for (const [distance, attack, structure, deny] of [
      [0, 1, 0, 5000],
      [2500, 0, 1, 5000],
      [2499, 0, 1, 5000],
      [2500, 0, 1, 4999],
      [2499, 0, 1, 4999],
      [9000, 0, 0, 5000],
      [SCORE_MAX, 0, 255, SCORE_MAX],
      [0, 0, 1, SCORE_MAX],
    ] as const) {
      const expected = agrees({ distance, attack, structure, score: distance }, deny);
      const found = core.number("headsAgree", distance, attack, structure, deny) !== 0;
      assert.is(found, expected, `${distance} ${attack} ${structure} ${deny}`);
    }
});

test("the model denies only where a second head agrees; a score that would deny is told all the same", () => {
  const [enforce, score, alert, deny] = [4, 9000, 100, 5000];
  for (const core of BUILDS) {
    const judged = (agrees: number) => core.number("judge", enforce, 0, score, alert, deny, agrees);
    assert.is(core.number("verdictOf", judged(1)), 2);
    assert.is(core.number("verdictOf", judged(0)), 1);
    assert.is(core.number("alertedOf", judged(0)), 1);
  }
});

test.run();
